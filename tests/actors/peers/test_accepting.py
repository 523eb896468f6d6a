"""actors/peers/accepting.py: who takes the next connection, and what happens when there are no means for it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import pytest

from peerage.actors.peers.accepting import (
    ACCEPT_RETRY_S,
    BALANCE_MAX_S,
    BALANCE_SLACK,
    UNDECIDED_LIMIT,
    UNDECIDED_PAUSE_S,
    Acceptor,
    plain_ip,
)
from peerage.actors.peers.load_table import LoadTable
from tests.actors.peers.fake_loop import FakeLoop


class Means:
    """As Room: says what is lacking, if anything."""

    def __init__(self) -> None:
        self.lack = ""

    def take(self) -> str:
        return self.lack


class Host:
    """Host 0 of two, with its acceptor."""

    def __init__(self, listener: socket.socket, fd: int) -> None:
        self.loop, self.means = FakeLoop(), Means()
        self.listener = listener
        self.load, self.other = LoadTable(fd, 0, 2), LoadTable(fd, 1, 2)
        self.sockets: list[socket.socket] = []
        self.held = self.undecided = 0
        self.acceptor = Acceptor(
            self.loop,
            (listener,),
            self.load,
            self.means,  # type: ignore[arg-type]  # stands in for Room
            held=lambda: self.held,
            undecided=lambda: self.undecided,
            on_accepted=lambda sock, _ip, _port: self.sockets.append(sock),
        )

    def connect(self) -> None:
        """A remote connects; the kernel has it before this returns."""
        self.sockets.append(socket.create_connection(self.listener.getsockname()))

    def accepts(self) -> bool:
        """Whether it takes what a remote connects now."""
        before = len(self.sockets) + 1
        self.connect()
        self.loop.settle()
        return len(self.sockets) > before

    def hold(self, count: int) -> None:
        self.held = count
        self.load.set(count)


@pytest.fixture
def host() -> Iterator[Host]:
    fd = LoadTable.create(2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Host(listener, fd)
        yield made
    for sock in made.sockets:
        sock.close()
    os.close(fd)


def test_nothing_is_accepted_before_the_start_and_after_the_stop(host: Host) -> None:
    assert not host.accepts()
    host.acceptor.start()
    assert host.accepts()
    host.acceptor.stop()
    host.acceptor.start()
    assert host.acceptor.is_stopped
    assert not host.accepts()


def test_when_it_is_closed_the_other_hosts_go_on_listening(host: Host) -> None:
    """Each has a descriptor of its own."""
    with socket.socket(fileno=os.dup(host.listener.fileno())) as others:
        host.acceptor.start()
        host.acceptor.close()
        host.acceptor.close()
        assert host.listener.fileno() == -1
        with socket.create_connection(others.getsockname()):
            others.accept()[0].close()
    assert not host.acceptor.listens


def test_a_node_that_does_not_listen_accepts_nothing(host: Host) -> None:
    acceptor = Acceptor(
        host.loop,
        (),
        host.load,
        host.means,  # type: ignore[arg-type]  # stands in for Room
        held=int,
        undecided=int,
        on_accepted=lambda *_: None,
    )
    acceptor.start()
    acceptor.stop()
    assert not acceptor.listens
    assert not host.loop.readers


def test_a_host_with_more_connections_lets_another_be_quicker(host: Host) -> None:
    """But not for long: a host that is busy, or gone, must not hold up anybody."""
    host.acceptor.start()
    host.hold(10)
    assert not host.accepts()
    host.loop.advance(BALANCE_MAX_S)
    assert len(host.sockets) == 2


def test_a_small_difference_is_not_waited_for(host: Host) -> None:
    host.acceptor.start()
    host.hold(BALANCE_SLACK * 3)
    host.other.set(BALANCE_SLACK * 3 - 3)
    assert host.accepts()


def test_while_too_many_are_undecided_the_kernel_keeps_the_next_ones(host: Host) -> None:
    """The switch is being restarted: nobody is refused for that."""
    host.acceptor.start()
    host.undecided = UNDECIDED_LIMIT
    assert not host.accepts()
    host.undecided = 0
    host.loop.advance(UNDECIDED_PAUSE_S)
    assert len(host.sockets) == 2


def test_without_descriptors_accepting_pauses_and_goes_on(host: Host) -> None:
    host.acceptor.start()
    host.means.lack = "no descriptors are left"
    assert not host.accepts()
    host.loop.advance(ACCEPT_RETRY_S)
    assert len(host.sockets) == 1
    host.means.lack = ""
    host.loop.advance(ACCEPT_RETRY_S)
    assert len(host.sockets) == 2


def test_a_failed_accept_pauses_too(host: Host) -> None:
    """And takes the connection when it works again."""

    class Failing(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            raise OSError(errno.ENOBUFS, "No buffer space available")

    with Failing(fileno=os.dup(host.listener.fileno())) as failing:
        acceptor = Acceptor(
            host.loop,
            (failing,),
            host.load,
            host.means,  # type: ignore[arg-type]  # stands in for Room
            held=int,
            undecided=int,
            on_accepted=lambda *_: None,
        )
        acceptor.start()
        host.connect()
        host.loop.settle()
        assert not host.loop.readers
        acceptor.stop()
    host.acceptor.start()
    host.loop.settle()
    assert len(host.sockets) == 2


@pytest.mark.parametrize(
    ("found", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_an_address_is_the_same_on_every_kind_of_socket(found: str, plain: str) -> None:
    assert plain_ip(found) == plain


def test_connections_of_all_listeners_are_taken(host: Host) -> None:
    """Of one in a turn; when it stops, none of any."""
    taken: list[int] = []

    def take(sock: socket.socket, _ip: str, _port: int) -> None:
        taken.append(sock.getsockname()[1])
        sock.close()

    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        acceptor = Acceptor(
            host.loop,
            (one.dup(), other.dup()),
            host.load,
            host.means,  # type: ignore[arg-type]  # stands in for Room
            held=lambda: 0,
            undecided=lambda: 0,
            on_accepted=take,
        )
        acceptor.start()
        for listener in (one, other, other):
            socket.create_connection(listener.getsockname()).close()
        host.loop.settle()
        ports = one.getsockname()[1], other.getsockname()[1]
        assert sorted(taken) == sorted((*ports, ports[1]))
        acceptor.stop()
        socket.create_connection(other.getsockname()).close()
        host.loop.settle()
        assert len(taken) == 3
        acceptor.close()
        assert not acceptor.listens
