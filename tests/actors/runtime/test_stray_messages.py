"""What comes to the mailboxes of a running system from outside is refused: it executes nothing, and ends nobody."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from peerage.actors.runtime import ActorRef, System
from peerage.actors.runtime.mail.envelope import HEADER, KEY_BYTES, Kind
from peerage.actors.runtime.processes.passed_fds import path_of
from tests.actors.runtime.cast import Worker


class Bomb:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def stranger() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    """Another program of this user."""
    context = zmq.Context()
    yield context
    context.term()


def test_a_pickle_from_outside_executes_nothing_and_ends_no_process(
    worker: ActorRef[Worker], system: System, stranger: zmq.Context[zmq.Socket[bytes]], tmp_path: Path
) -> None:
    """Bare, and as the body of a message of every kind, to every mailbox there is."""
    bomb = pickle.dumps(Bomb(tmp_path / "mark"))
    worker.ask(("pid",))
    hosts = system.hosts()
    mailboxes = [path for path in Path(system.process.directory).iterdir() if path.is_socket()]
    for path in mailboxes:
        if str(path) == path_of(system.process.directory):
            continue
        with stranger.socket(zmq.PUSH) as push:
            push.set(zmq.LINGER, 60_000)
            push.connect(f"ipc://{path}")
            push.send(bomb)
            push.send(b"")
            for kind in Kind:
                push.send(HEADER.pack(bytes(KEY_BYTES), kind, 0, 0, 1 << 20, 1, 0, 0) + bomb)
    stranger.term()  # all of it is taken over
    for _ in range(3):  # behind what has come meanwhile
        assert worker.ask(("pid",)) == worker.pid()
    assert system.hosts() == hosts
    assert not (tmp_path / "mark").exists()


def test_the_roots_socket_for_descriptors_takes_none_from_outside(
    worker: ActorRef[Worker], system: System
) -> None:
    """Nor words, which it could not read."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(path_of(system.process.directory))
        for words in (b"", b"\xff", b"failed x y", b"limited 1 none"):
            socket.send_fds(sock, [words], [sock.fileno()])
    other = Worker.start()  # the root goes on
    assert other.ask(("pid",)) == other.pid()
    assert worker.is_alive()
