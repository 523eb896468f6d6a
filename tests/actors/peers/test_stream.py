"""actors/peers/stream.py: a socket in a loop, and limits of time."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from peerage.actors.peers.stream import Deadline, SocketStream, cause_of
from tests.actors.peers.fake_loop import FakeLoop, tcp_pair

MUCH = 4 * 1024 * 1024
LITTLE = 64 * 1024  # that the kernel may keep: left to itself it makes room for more than MUCH, in time


class Ends:
    """A stream, its remote, and what its driver was called for."""

    def __init__(self, ours: socket.socket, remote: socket.socket) -> None:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LITTLE)
        remote.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
        self.loop = FakeLoop()
        self.stream = SocketStream(ours, self.loop)
        self.remote = remote
        self.calls: list[str] = []

    def drive(self) -> None:
        self.stream.drive(lambda: self.calls.append("read"), lambda: self.calls.append("write"))


@pytest.fixture
def ends() -> Iterator[Ends]:
    with tcp_pair() as pair:
        yield Ends(*pair)


def test_bytes_go_out_at_once_while_the_kernel_takes_them(ends: Ends) -> None:
    assert ends.stream.send(b"one")
    assert ends.remote.recv(10) == b"one"
    assert not ends.stream.has_unsent
    assert not ends.loop.writers


def test_what_the_kernel_does_not_take_is_sent_in_order_when_it_can(ends: Ends) -> None:
    """The driver is called while there is something to write, and no longer."""
    ends.stream.drive(lambda: None, ends.stream.flush)
    assert not ends.stream.send(bytes(MUCH))
    ends.stream.send(b"last")
    assert ends.stream.is_writing
    arrived = b""
    while len(arrived) < MUCH + 4:
        ends.loop.turn()
        try:
            arrived += ends.remote.recv(1 << 20)
        except BlockingIOError:
            continue
    assert arrived[-5:] == b"\0last"
    assert not ends.stream.has_unsent
    assert not ends.loop.writers


def test_a_stream_is_stuck_when_the_kernel_has_taken_nothing_for_a_while(ends: Ends) -> None:
    """From when it has last taken something. With nothing to send it is not stuck, however long that lasts."""
    ends.stream.drive(lambda: None, ends.stream.flush)
    ends.loop.time = 5.0
    assert not ends.stream.is_stuck(0.0)
    ends.stream.send(bytes(MUCH))
    ends.loop.settle()
    for _ in range(10):  # the kernel still takes a little when it no longer calls itself writable
        ends.stream.flush()
    ends.loop.time = 7.0
    ends.stream.send(b"more")  # which does not make it less stuck
    assert ends.stream.is_stuck(2.0)
    assert not ends.stream.is_stuck(2.1)
    while ends.stream.is_stuck(2.0):
        ends.remote.recv(LITTLE)
        ends.loop.turn()
    assert ends.stream.has_unsent
    ends.loop.time = 9.0
    assert ends.stream.is_stuck(2.0)


def test_reading_tells_nothing_yet_from_the_end(ends: Ends) -> None:
    buffer = memoryview(bytearray(10))
    assert ends.stream.read_into(buffer) is None
    ends.remote.send(b"one")
    assert ends.stream.read_into(buffer) == 3
    ends.remote.close()
    assert ends.stream.read_into(buffer) == 0


def test_the_driver_hears_of_bytes_while_reading_is_wanted(ends: Ends) -> None:
    ends.drive()
    ends.remote.send(b"one")
    ends.loop.turn()
    ends.stream.set_reading(wanted=False)
    ends.loop.turn()
    assert ends.calls == ["read"]


def test_a_later_driver_takes_the_place_of_the_first(ends: Ends) -> None:
    """With what the first left unsent."""
    ends.drive()
    ends.stream.send(bytes(MUCH))
    second: list[str] = []
    ends.stream.drive(lambda: second.append("read"), lambda: second.append("write"))
    ends.remote.send(b"one")
    while "write" not in second:  # the remote takes what the kernel holds, in some pieces
        ends.remote.recv(1 << 20)
        ends.loop.turn()
    assert (ends.calls, set(second)) == ([], {"read", "write"})


def test_a_broken_connection_is_an_error_and_what_was_unsent_is_forgotten(ends: Ends) -> None:
    ends.stream.end_writing()
    with pytest.raises(BrokenPipeError):
        ends.stream.send(b"one")
    assert ends.stream.flush()


def test_a_closed_stream_is_out_of_the_loop(ends: Ends) -> None:
    """Closing it again does nothing."""
    ends.drive()
    ends.stream.send(bytes(MUCH))
    ends.stream.close()
    ends.stream.close()
    ends.stream.set_reading(wanted=True)
    assert ends.stream.is_closed
    assert not ends.loop.readers
    assert not ends.loop.writers


def test_a_cause_is_in_the_systems_words() -> None:
    assert cause_of(OSError(errno.ECONNRESET, "said otherwise")) == "Connection reset by peer"
    assert cause_of(OSError("no number")) == "no number"


def test_a_deadline_that_is_set_anew_rings_once() -> None:
    loop, rung = FakeLoop(), list[str]()
    deadline = Deadline(loop)
    deadline.set(1.0, rung.append, "first")
    deadline.set(2.0, rung.append, "second")
    loop.advance(5.0)
    assert rung == ["second"]


def test_a_deadline_that_is_cancelled_does_not_ring() -> None:
    loop, rung = FakeLoop(), list[str]()
    deadline = Deadline(loop)
    deadline.set(1.0, rung.append, "first")
    deadline.cancel()
    deadline.cancel()
    loop.advance(5.0)
    assert rung == []


def test_a_closed_stream_keeps_nothing_unsent(ends: Ends) -> None:
    assert not ends.stream.send(bytes(MUCH))
    ends.stream.close()
    assert not ends.stream.has_unsent


def test_a_stream_that_is_handed_over_is_read_by_whoever_drives_it_then(ends: Ends) -> None:
    """What the loop polls stays as it is."""
    ends.drive()
    polled = dict(ends.loop.readers)
    ends.stream.hand_over(ends.drive)
    assert ends.loop.readers == polled
    ends.remote.send(b"one")
    ends.loop.turn()
    assert ends.calls == ["read"]


def test_a_stream_that_nobody_takes_is_not_read(ends: Ends) -> None:
    """Until somebody does."""
    ends.drive()
    ends.stream.hand_over(lambda: None)
    ends.remote.send(b"one")
    ends.loop.turn()
    assert (ends.calls, ends.loop.readers) == ([], {})
    ends.drive()
    ends.loop.turn()
    assert ends.calls == ["read"]


def test_a_stream_that_is_closed_while_it_is_handed_over_stays_closed(ends: Ends) -> None:
    ends.drive()
    ends.stream.hand_over(ends.stream.close)
    assert ends.stream.is_closed
    assert ends.loop.readers == {}
