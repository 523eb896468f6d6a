"""How much the kernel may hold of a connection."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from peerage.actors.peers.tcp_buffers import (
    LEAST_WINDOW,
    loosen_receive_buffer,
    receive_window,
    shorten_receive_buffer,
    shorten_send_buffer,
)

MIB = 1 << 20
SO_BUF_LOCK, SOCK_RCVBUF_LOCK = 72, 2  # of Linux: whether the receive buffer may not grow


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a TCP connection on this machine."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as one,
    ):
        other, _ = server.accept()
        with other:
            yield one, other


@pytest.mark.parametrize(
    ("round_trip", "rate", "window"),
    [
        (0.00005, 0, LEAST_WINDOW),  # this machine
        (0.001, 0, 2_500_000),  # this house, 10 Gbit/s
        (0.030, 5_120_000, 307_200),  # this continent, at CometBFT's rate
        (0.200, 5_120_000, 2_048_000),  # the other side of the world
        (0.200, 1, LEAST_WINDOW),
    ],
)
def test_the_window_is_what_rate_and_way_need(round_trip: float, rate: float, window: int) -> None:
    """Twice what is on the way at this rate."""
    assert receive_window(round_trip, rate) == pytest.approx(window, rel=0.01)


def test_a_near_remote_cannot_fill_the_kernel(pair: tuple[socket.socket, socket.socket]) -> None:
    """Who does not read has little unread: what is sent behind it is late by so much only."""
    one, other = pair
    shorten_send_buffer(one)
    shorten_receive_buffer(other, rate=0)
    one.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while sent < 64 * MIB:
            sent += one.send(bytes(64 * 1024))
    assert LEAST_WINDOW <= sent < MIB  # left alone, it would be several


def test_a_far_remote_is_left_to_the_kernel(pair: tuple[socket.socket, socket.socket]) -> None:
    """Its window grows as far as the system lets it, not as far as we can ask for."""
    _, other = pair
    before = other.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    shorten_receive_buffer(other, rate=1e15)
    assert other.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == before


def test_a_shortened_buffer_may_grow_while_nobody_reads(pair: tuple[socket.socket, socket.socket]) -> None:
    """What is on the way then finds room; when reading goes on, the buffer is short again."""
    _, other = pair

    def is_fixed() -> bool:
        return bool(other.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK) & SOCK_RCVBUF_LOCK)

    shorten_receive_buffer(other, rate=0)
    short = other.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert is_fixed()
    loosen_receive_buffer(other)
    assert not is_fixed()
    shorten_receive_buffer(other, rate=0)
    assert is_fixed()
    assert other.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == short
