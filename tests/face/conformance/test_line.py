"""Bytes on a blocking socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from peerage.conformance.line import Line


@pytest.fixture
def ends() -> Iterator[tuple[Line, socket.socket]]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0] as theirs,
        Line(ours) as line,
    ):
        theirs.settimeout(10.0)
        yield line, theirs


def test_what_is_sent_is_counted(ends: tuple[Line, socket.socket]) -> None:
    """A byte at a time, too."""
    line, theirs = ends
    line.send(b"abc")
    line.trickle(b"de", 0.0)
    line.half_close()
    assert b"".join(iter(lambda: theirs.recv(10), b"")) == b"abcde"
    assert line.sent == 5


def test_exactly_so_many_bytes_are_read(ends: tuple[Line, socket.socket]) -> None:
    """The rest waits; from then on it has heard something."""
    line, theirs = ends
    assert not line.has_heard
    theirs.sendall(b"abcd")
    assert (line.read_raw(3), line.read_raw(1), line.has_heard) == (b"abc", b"d", True)
    theirs.close()
    with pytest.raises(ConnectionResetError):
        line.read_raw(1)


def test_no_step_waits_beyond_the_deadline(ends: tuple[Line, socket.socket]) -> None:
    """Neither reading nor writing."""
    line, _theirs = ends
    line.deadline = time.monotonic() + 0.01
    with pytest.raises(TimeoutError):
        line.read_raw(1)
    with pytest.raises(TimeoutError):
        line.send(b"a")


def test_a_reset_is_an_error_for_the_other_side(ends: tuple[Line, socket.socket]) -> None:
    """Not an end."""
    line, theirs = ends
    line.reset()
    assert line.is_closed
    with pytest.raises(ConnectionResetError):
        theirs.recv(1)
