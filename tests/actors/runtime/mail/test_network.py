"""actors/runtime/mail/network.py: who is there to read, and how a process leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.mail.network import MENDED_S, Network
from peerage.actors.runtime.mail.port import Port

LINGER_S = 1.5
CLOCKS_S = 0.01  # ZeroMQ counts its own milliseconds


class NoOwner:
    """Nobody needs to know of these ports."""

    def retire(self, port: Port) -> None:
        """It is closed."""

    def call_later(self, address: int, delay: float, fn: Callable[[], object]) -> None:
        """Nothing waits here."""


def port_of(directory: Path, serial: int) -> Port:
    network = Network(str(directory), serial)
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


def test_a_process_that_leaves_waits_for_receivers_that_are_there(tmp_path: Path) -> None:
    """As long as it was told to: what it has sent may be taken over yet."""
    port = port_with_something_for(tmp_path, tmp_path / "3.0")
    began = time.monotonic()
    port.network.leave(LINGER_S)
    assert time.monotonic() - began >= LINGER_S - CLOCKS_S


def test_a_process_that_leaves_does_not_wait_for_receivers_that_have_gone_meanwhile(tmp_path: Path) -> None:
    """Hosts that end together have farewells for each other that nobody will hear."""
    threads = set(threading.enumerate())
    endpoint = tmp_path / "3.0"
    port = port_with_something_for(tmp_path, endpoint)
    going = threading.Timer(0.2, endpoint.unlink)
    going.start()
    began = time.monotonic()
    port.network.leave(LINGER_S)
    assert time.monotonic() - began < LINGER_S
    for thread in set(threading.enumerate()) - threads:
        thread.join()


def test_a_missing_mailbox_is_waited_for_when_the_directory_was_made_again_just_before_we_started(
    tmp_path: Path,
) -> None:
    """Its process looks once a second, and binds it again then. Later, a missing mailbox is a closed one."""
    network = Network(str(tmp_path), 2)
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
