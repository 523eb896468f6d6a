"""actors/runtime/mail/network.py: who is there to read, and how a process leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from peerage.actors.runtime.mail import network as network_module
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.mail.network import EMBEDDER_TAKES_S, MENDED_S, Network
from peerage.actors.runtime.mail.port import Port
from tests.actors.runtime.mail.fakes import KEY, Clock
from tests.waiting import wait_until

LINGER_S = 60.0  # of ZeroMQ's own clock, which never comes to its end here


class NoOwner:
    """Nobody needs to know of these ports."""

    def retire(self, port: Port) -> None:
        """It is closed."""

    def call_later(self, address: int, delay: float, fn: Callable[[], object]) -> None:
        """Nothing waits here."""


def port_of(directory: Path, serial: int) -> Port:
    network = Network(str(directory), serial, KEY)
    return Port(network, serial << THREAD_BITS, NoOwner())


def port_with_something_for(directory: Path, endpoint: Path) -> Port:
    """A closed port; nobody reads at the endpoint, whose path is there."""
    port = port_of(directory, 2)
    endpoint.touch()
    port.send(3 << THREAD_BITS, Kind.WAKE)
    port.close()
    return port


def test_a_thread_that_has_closed_its_mailbox_is_gone(tmp_path: Path) -> None:
    """Without anybody's telling: the path of its socket goes first."""
    one, two = port_of(tmp_path, 2), port_of(tmp_path, 3)
    assert not one.network.is_gone(two.address)
    two.close()
    assert one.network.is_gone(two.address)
    one.close()
    for port in (one, two):
        port.network.context.term()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(network_module, "time", SimpleNamespace(monotonic=clock))
    return clock


def take_over(directory: Path, waiting: set[threading.Thread]) -> None:
    """Let the receiver come, which all these threads wait for, and get both messages.

    A thread ends when the operating system has them; ZeroMQ's own thread of the receiver may take them from there later.
    """
    receiver = port_of(directory, 3)
    for thread in waiting:
        thread.join()
    got = 0

    def has_both() -> bool:
        nonlocal got
        got += receiver.reader.pump()
        return got == len(("WAKE", "PORT_BYE"))

    wait_until(has_both)
    receiver.close()
    receiver.network.context.term()


@pytest.mark.usefixtures("clock")
def test_a_process_that_leaves_waits_for_receivers_that_are_there(tmp_path: Path) -> None:
    """What it has sent may be taken over yet."""
    endpoint = tmp_path / "3.0"
    port = port_with_something_for(tmp_path, endpoint)
    leaving = threading.Thread(target=port.network.leave, args=(LINGER_S,))
    leaving.start()
    take_over(tmp_path, {leaving})


def test_a_process_that_leaves_waits_as_long_as_it_was_told_to(tmp_path: Path, clock: Clock) -> None:
    """ZeroMQ may still have something to hand over then."""
    before = set(threading.enumerate())
    port = port_with_something_for(tmp_path, tmp_path / "3.0")
    began, clock.step = clock.now, 1.0
    port.network.leave(LINGER_S)
    assert LINGER_S <= clock.now - began <= LINGER_S + 3.0
    waiting = set(threading.enumerate()) - before
    assert len(waiting) == 1
    take_over(tmp_path, waiting)


def test_a_process_that_leaves_does_not_wait_for_receivers_that_have_gone_meanwhile(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts that end together have farewells for each other that nobody will hear."""
    before = set(threading.enumerate())
    endpoint = tmp_path / "3.0"
    port = port_with_something_for(tmp_path, endpoint)
    is_gone = port.network.is_gone

    def goes(address: int) -> bool:
        endpoint.unlink(missing_ok=True)
        return is_gone(address)

    monkeypatch.setattr(port.network, "is_gone", goes)
    began, clock.step = clock.now, EMBEDDER_TAKES_S
    port.network.leave(LINGER_S)
    assert clock.now - began < LINGER_S
    waiting = set(threading.enumerate()) - before
    assert len(waiting) == 1
    take_over(tmp_path, waiting)


def test_a_missing_mailbox_is_waited_for_when_the_directory_was_made_again_just_before_we_started(
    tmp_path: Path,
) -> None:
    """Its process looks once a second, and binds it again then. Later, a missing mailbox is a closed one."""
    network = Network(str(tmp_path), 2, KEY)
    try:
        known = network.foothold.identity
        network.not_noticed_yet(known, float("-inf"))
        assert network.is_gone(3 << THREAD_BITS)
        network.not_noticed_yet(known, time.monotonic())
        assert not network.is_gone(3 << THREAD_BITS)
        network.not_noticed_yet(known, time.monotonic() - MENDED_S)
        assert network.is_gone(3 << THREAD_BITS)
        network.not_noticed_yet((0, 0), float("-inf"))  # made again since the root has asked for us
        assert not network.is_gone(3 << THREAD_BITS)
    finally:
        network.foothold.close()
        network.close()


def test_a_process_whose_mailbox_was_swept_away_has_the_whole_directory_made_again(tmp_path: Path) -> None:
    """It cannot know what else is missing, so the others have to notice, too."""
    directory = tmp_path / "mailboxes"
    directory.mkdir(mode=0o700)
    network, other = Network(str(directory), 2, KEY), Network(str(directory), 3, KEY)
    mended: list[Network] = []
    network.on_mended = lambda: mended.append(network)
    other.on_mended = lambda: mended.append(other)
    beacon = directory / "2.0"
    network.mend()  # nothing is bound yet, and nothing is missing
    network.beacon = str(beacon)
    beacon.touch()
    (directory / "3.0").touch()
    network.mend()
    assert mended == []
    beacon.unlink()
    network.mend()
    other.mend()
    assert mended == [network, other]
    assert list(directory.iterdir()) == []
    for each in (network, other):
        each.close()
