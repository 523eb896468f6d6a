"""peerage/pytest_plugin.py: fixtures for pytest, in a folder of somebody who has installed peerage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
from typing import ClassVar

from peerage import ChannelDescriptor, Envelope, Peer, Reactor
from peerage.testing import EvilPeer, kill, wait_until


class Echo(Reactor):
    channels: ClassVar = (ChannelDescriptor(id=0x60, send_queue_capacity=10),)

    def add_peer(self, peer: Peer) -> None:
        peer.try_send(0x60, b"welcome")
        self.runtime.call_later(60.0, peer.try_send, 0x60, b"still there?")

    def receive(self, envelope: Envelope) -> None:
        envelope.source.try_send(0x60, bytes(envelope.message))


def test_alone(peerage_harness, peerage_clock):
    peer = peerage_harness(peerage_clock.drives(Echo)).connect()
    wait_until(lambda: peerage_clock.waiting)
    peerage_clock.pass_by(60.0)
    peer.expect(0x60, b"welcome")
    peer.expect(0x60, b"still there?")


def test_in_a_node(peerage_node):
    node = peerage_node({"ECHO": Echo})
    with EvilPeer(node) as evil:
        evil.expect(0x60, b"welcome")
        kill(node.reactor("ECHO"))
        evil.expect(0x60, b"welcome")
        evil.send(0x60, b"again")
        evil.expect(0x60, b"again")


def test_in_nodes(peerage_nodes):
    anna, bert = peerage_nodes(2, {"ECHO": Echo})
    assert [peer.id for peer in anna.peers()] == [bert.node_id]
"""
LEFT = """
import psutil
import pytest


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left():
    yield
    gone, left = psutil.wait_procs(psutil.Process().children(recursive=True), 10.0)
    assert not left
"""


@pytest.mark.timeout(150)
def test_the_fixtures_are_there_without_being_imported(tmp_path: Path) -> None:
    """By the package's entry point; what they start has ended with the tests."""
    (tmp_path / "test_echo.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text(LEFT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.timeout(150)
def test_a_session_that_wants_none_of_them_imports_nothing_of_peerage(tmp_path: Path) -> None:
    """But the plugin itself: it is there for every program whose tests run where peerage is installed."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    ours = {each for each in sys.modules if each.startswith('peerage')}\n"
        "    assert ours == {'peerage', 'peerage.pytest_plugin'}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
