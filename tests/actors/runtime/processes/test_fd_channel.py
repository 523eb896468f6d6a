"""The stream between the embedder and its fork server: messages, and descriptors beside them."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from peerage.actors.runtime.processes.fd_channel import receive_message, send_message


@pytest.mark.parametrize("size", [0, 1, 1_000_000])
def test_messages_and_descriptors_travel_whole(size: int) -> None:
    """Length, pickle, and descriptors beside them, however the stream is cut."""
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    with ours, theirs:
        sender = threading.Thread(target=send_message, args=(ours, b"x" * size, (write,)))
        sender.start()
        value, fds = receive_message(theirs)
        sender.join()
        assert value == b"x" * size
        os.write(fds[0], b"through")
        assert os.read(read, 100) == b"through"
        assert not os.get_inheritable(fds[0])
        ours.close()
        with pytest.raises(EOFError):
            receive_message(theirs)
    for fd in (read, write, fds[0]):
        os.close(fd)


def test_messages_on_each_others_heels_are_told_apart() -> None:
    """Each has its length in front."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for value in (("fork", 1), ("kill", 2)):
            send_message(ours, value)
        assert [receive_message(theirs) for _ in range(2)] == [(("fork", 1), []), (("kill", 2), [])]


def test_a_message_that_breaks_off_is_the_end() -> None:
    """Its sender has died in the middle of it."""
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.send(b"\x10\0\0\0half")
        with pytest.raises(EOFError):
            receive_message(theirs)
