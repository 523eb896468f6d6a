"""The dashboard of many chains in a real Chromium, of a real seed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.actors.rpc.dashboard.axe import AxeMissingError, axe_script, findings, serious
from tests.actors.rpc.dashboard.browser import Browser
from tests.actors.rpc.dashboard.views import VIEWS, View, change
from tests.chaos.many_chains import RunningSeed
from tests.supervisors.chains.shown_seed import (
    CHAINS,
    PEERS,
    RESTARTS,
    STATE,
    WHY,
    keep_down,
    rows,
    shown_seed,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

LOOKED_AT = [view for view in VIEWS if view.name in {"light-desktop", "dark-phone"}]
KILLED, OTHER = CHAINS


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningSeed, str]]:
    with shown_seed(tmp_path_factory.mktemp("chains") / "home") as found:
        yield found


@pytest.fixture
def page(seed: tuple[RunningSeed, str], browser: Browser) -> Browser:
    browser.resize(1400, 900)
    browser.open(f"{seed[1]}/dashboard/")
    return browser


@pytest.mark.parametrize("view", LOOKED_AT, ids=[view.name for view in LOOKED_AT])
def test_everybody_can_read_it(page: Browser, view: View) -> None:
    """It fits the screen, and axe-core finds nothing serious."""
    page.wait_for(lambda: page.text("#state") == "live", "live")
    change(page, view)
    assert page.run("return document.documentElement.scrollWidth <= window.innerWidth") is True
    try:
        script = axe_script()
    except AxeMissingError as error:
        pytest.fail(str(error), pytrace=False)
    assert serious(findings(page, script)) == []


def test_the_page_of_a_chain_is_one_click_away(page: Browser) -> None:
    """It is that of its node, with its peers and its events; what they call themselves is text."""
    page.wait_for(lambda: rows(page).get(OTHER, [""])[STATE] == "running", "both chains")
    page.run("[...document.querySelectorAll('#chains-table a')].at(-1).click()")
    page.wait_for(lambda: page.text("#state") == "live", "the page of the chain")
    page.wait_for(lambda: f"on {OTHER}, version" in page.text("#identity"), "who it is")
    page.wait_for(lambda: f"<b>{OTHER}</b> 0" in page.text("#peers-table tbody"), "its peer")
    page.wait_for(lambda: f"<b>{OTHER}</b> 0" in page.text("#event-list"), "that its peer came")
    assert KILLED not in page.text("main")
    page.run("document.getElementById('all-chains').click()")
    page.wait_for(lambda: set(rows(page)) == set(CHAINS), "the page of all")
    assert page.complaints() == []


def test_a_chain_that_is_killed_is_down_and_then_back(seed: tuple[RunningSeed, str], page: Browser) -> None:
    """Its own page says so meanwhile; the others stay as they are."""
    page.wait_for(lambda: page.text("#state") == "live", "live")
    assert rows(page)[KILLED][RESTARTS] == "0"
    come_back = keep_down(seed[0], KILLED)
    page.wait_for(lambda: page.text("#state") == f"{KILLED} is down", "that it is down")
    page.wait_for(lambda: rows(page)[KILLED][STATE] == "waiting", "its state")
    assert rows(page)[KILLED][WHY] in {
        "killed by SIGKILL",
        "exit code 2",
    }  # the latter when it was tried again
    assert (rows(page)[OTHER][STATE], rows(page)[OTHER][PEERS]) == ("running", "1 in, 0 out")
    page.run("document.querySelector('#chains-table a').click()")
    page.wait_for(lambda: "no answer: the chain is " in page.text("#state"), "that there is no node")
    come_back()
    page.wait_for(lambda: page.text("#state") == "live", "that its node is back")
    page.open(f"{seed[1]}/dashboard/")
    page.wait_for(lambda: page.text("#state") == "live", "that all are up")
    assert int(rows(page)[KILLED][RESTARTS]) >= 1
    assert (rows(page)[OTHER][PEERS], rows(page)[OTHER][RESTARTS]) == ("1 in, 0 out", "0")
