"""The dashboard in a real Chromium, of a real node."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from peerage.actors.peers.handshake import Handshake
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.rpc.dashboard.browser import Browser
from tests.chaos.started_node import StartedNode, make_home

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=alert(1)><b>evil"
MONIKERS = "#peers-table tbody th"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedNode]:
    home = tmp_path_factory.mktemp("dashboard") / "home"
    make_home(home)
    with StartedNode(home) as started:
        yield started


@pytest.fixture
def page(node: StartedNode, browser: Browser) -> Browser:
    browser.resize(1400, 900)
    browser.open(f"{node.rpc}/dashboard")
    browser.wait_for(lambda: browser.text("#state") == "live", "live")
    return browser


@contextmanager
def peer(node: StartedNode, moniker: str) -> Iterator[str]:
    """A connected peer. Gives its ID."""
    key = NodeKey.generate()
    info = NodeInfo(
        id=key.node_id,
        listen_addr="tcp://127.0.0.1:1",
        network="test",
        moniker=moniker,
        channels=bytes([0, 0x50, 0x51]),
    )
    handshake = Handshake(key, info)
    with socket.create_connection(("127.0.0.1", node.port), 10.0) as sock:
        done = False
        while not done:
            sock.sendall(handshake.data_to_send())
            done = handshake.receive_data(sock.recv(65536))
        sock.sendall(handshake.data_to_send())
        yield key.node_id


def listed(page: Browser, selector: str) -> list[str]:
    found: list[str] = page.run(
        "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector
    )
    return found


ROWS = """
return [...document.querySelectorAll("#actors-table tbody tr")].map(
  (row) => [...row.children].map((cell) => cell.textContent))
"""


def restarts(page: Browser, actor: str) -> str:
    rows: list[list[str]] = page.run(ROWS)
    return next((row[7] for row in rows if row[0] == actor), "")


def test_it_shows_who_comes_and_goes_and_who_is_restarted(node: StartedNode, page: Browser) -> None:
    """As it happens; a moniker with markup is text."""
    assert "supervisor" in listed(page, "#actors-table tbody th")
    page.wait_for(lambda: node.node_id in page.text("#identity"), "who it is")
    with peer(node, MARKUP):
        page.wait_for(lambda: MARKUP in listed(page, MONIKERS), "the peer")
        assert page.run("return document.querySelectorAll('main img, main b').length") == 0
        assert page.text("#peer-count") == "1 peers"
        killed = node.pid_of("reactor-ECHO")
        os.kill(killed, signal.SIGKILL)
        page.wait_for(lambda: restarts(page, "reactor-ECHO") == "1", "the restart")
        page.wait_for(lambda: "reactor-ECHO" in page.text("#event-list"), "the event of it")
        page.wait_for(lambda: MARKUP in page.text("#event-list"), "the event of the peer")
        assert page.run("return document.querySelectorAll('main img, main b').length") == 0
    page.wait_for(lambda: MARKUP not in listed(page, MONIKERS), "that it is gone")
    assert page.complaints() == []


def test_it_can_be_used_by_keyboard(node: StartedNode, page: Browser) -> None:
    """Searching, sorting and pausing; what it is told by the eye is told to a screen reader, too."""
    with peer(node, "anna"), peer(node, "bert"):
        page.wait_for(lambda: {"anna", "bert"} <= set(listed(page, MONIKERS)), "both")
        page.run("document.getElementById('peer-filter').focus()")
        page.press(*"bert")
        page.wait_for(lambda: listed(page, MONIKERS) == ["bert"], "one")
        page.run("document.querySelector('#peers-table thead button').focus()")
        page.press("\ue007")
        page.wait_for(
            lambda: (
                page.run("return document.querySelector('#peers-table thead th').ariaSort") == "ascending"
            ),
            "order",
        )
        page.run("document.getElementById('pause').focus()")
        page.press(" ")
        page.wait_for(
            lambda: page.run("return document.getElementById('pause').ariaPressed") == "true", "pause"
        )
    assert listed(page, MONIKERS) == ["bert"]


def test_it_fits_every_screen(page: Browser) -> None:
    """Tables scroll by themselves, the page does not."""
    page.wait_for(lambda: page.text("#groups-table thead") and page.text("#plots"), "all of it")
    for width in (360, 800, 1400):
        page.resize(width, 800)
        assert page.run("return document.documentElement.scrollWidth <= window.innerWidth") is True, width
    assert page.complaints() == []


def test_the_tail_of_the_log_is_that_of_all_processes(node: StartedNode, page: Browser) -> None:
    """Lines of the log, with the trace of a failure below its line; what is not ours to say is text."""
    page.wait_for(lambda: "node started" in page.text("#log-list"), "a line of the root")
    with peer(node, MARKUP):
        page.wait_for(lambda: "peer added" in page.text("#log-list"), "a line of the switch")
        assert f"moniker='{MARKUP}'" in page.text("#log-list")
        assert page.run("return document.querySelectorAll('#log-list b, #log-list img').length") == 0
    page.wait_for(lambda: "peer stopped" in page.text("#log-list"), "that it is gone")
    texts = listed(page, "#log-list li")
    assert len(texts) == len(set(texts))  # none of them twice
    assert page.complaints() == []


SPY = """
window.sources = [];
const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(address) { super(address); window.sources.push(this); }
};
"""
HIDE = """
Object.defineProperty(document, "hidden", { value: arguments[0], configurable: true });
document.dispatchEvent(new Event("visibilitychange"));
"""


def test_a_page_that_nobody_sees_hears_nothing_and_goes_on_where_it_was(
    node: StartedNode, browser: Browser
) -> None:
    """There are places for 32 listeners. What happened meanwhile is told; search and order are as they were."""
    browser.run_before_pages(SPY)
    browser.open(f"{node.rpc}/dashboard/")
    with peer(node, "anna"), peer(node, "bert"):
        browser.wait_for(lambda: {"anna", "bert"} <= set(listed(browser, MONIKERS)), "both")
        browser.wait_for(lambda: "moniker=bert" in browser.text("#event-list"), "the event")
        browser.run("document.querySelector('#peers-table thead button').click()")
        browser.run("document.getElementById('peer-filter').value = 'bert'")
        before = listed(browser, "#event-list li")
        browser.run(HIDE, True)
        assert browser.run("return window.sources.map((each) => each.readyState)") == [2]
        with peer(node, "carl"):
            pass
        browser.run(HIDE, False)
        browser.wait_for(lambda: "moniker=carl" in browser.text("#event-list"), "what was missed")
        assert [each for each in listed(browser, "#event-list li") if each in before] == before
        browser.wait_for(lambda: listed(browser, MONIKERS) == ["bert"], "the search")
        order = "return document.querySelector('#peers-table thead th').ariaSort"
        assert browser.run(order) == "ascending"
    assert browser.run("return window.sources.map((each) => each.readyState < 2)") == [False, True]


def test_it_goes_on_when_rpc_is_back(node: StartedNode, page: Browser) -> None:
    """Its process is killed here; browsers wait in the queue of its socket."""
    before: Any = node.pid_of("rpc")
    os.kill(before, signal.SIGKILL)
    page.wait_for(lambda: restarts(page, "rpc") == "1", "RPC is back")
    assert page.text("#state") == "live"
