"""A socket that every process of the system finds: descriptors come to the root by it, and the last words of new processes.

Datagrams: the system's key, and a token with the descriptors that go by it, or what a new process failed with before it had
a mailbox. ZeroMQ passes no descriptors, so they go beside the request that they belong to, and the token brings the two
together. What does not begin with the key is refused, as in a mailbox.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from peerage.actors.runtime.errors import ActorStartError, StartLimitError, limit_of, text_of
from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.processes.fd_channel import MAX_FDS
from peerage.actors.runtime.processes.host_records import SYSTEM_ENDS

FAILED, LIMITED = (
    b"failed ",
    b"limited ",
)  # a failure begins with one of these: LIMITED if it was a limit that was met
LONGEST_FAILURE = 4096  # bytes of a datagram
FAILURE_CHARS = 500  # of a text, which has up to six bytes for each: it fits in with room to spare
FAILURE_WAIT_S = 1.0  # for a busy root to take it
BIND_WAIT_S, BIND_POLL_S = 5.0, 0.02  # for a root that has to bind its socket again


def path_of(directory: str) -> str:
    """Where the socket is bound."""
    return f"{directory}/fds"


def pass_fds(process: Process, actor: str, fds: list[int], until: float) -> str:
    """Hand the descriptors that an actor is to get to the root.

    Args: until, monotonic seconds.
    Returns: the token that they go by.
    Raises: StartLimitError; ActorStartError, when the system has ended, or for any other reason.
    """

    def mend() -> None:
        if process.closed:
            raise ActorStartError(actor, SYSTEM_ENDS)
        process.network.mend()

    token = uuid.uuid4().hex
    try:
        pass_on(process.directory, process.network.key, token, fds, until, mend)
    except OSError as error:
        if lack := limit_of(error):
            raise StartLimitError(actor, lack) from error
        raise ActorStartError(actor, f"its descriptors cannot be passed on: {text_of(error)}") from error
    return token


def pass_on(
    directory: str, key: bytes, token: str, fds: list[int], until: float, mend: Callable[[], None]
) -> None:
    """Hand descriptors to the root; they are in its queue when this returns, ahead of the request that names them.

    Args:
        directory: of the system.
        key: of the system.
        token: that the request names.
        fds: stay open here.
        until: monotonic seconds.
        mend: makes the directory again if it was removed, and raises what this is to end with if nobody will listen there
            any more.
    Raises: OSError, when the root does not bind its socket again, or takes no descriptors.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        deadline = min(until, time.monotonic() + BIND_WAIT_S)
        # Polled: it almost never happens, and there is nobody who could tell us.
        while True:
            try:
                sock.connect(path_of(directory))
                break
            except OSError:  # the directory was removed, and the root has not noticed yet
                mend()
                if time.monotonic() >= deadline:
                    raise
                time.sleep(BIND_POLL_S)
        socket.send_fds(sock, [key + token.encode()], fds)


def tell_failure(directory: str, key: bytes, serial: int, text: str, *, is_limit: bool) -> None:
    """Tell the root what the process of a host ends with. Nothing is raised if the root does not listen any more.

    This needs nothing of the runtime but the path. The datagram is in the root's queue before this process ends, so that the
    root, which looks there when it hears of the death, finds it.

    Args: key, of the system; is_limit, whether the text names a limit of the operating system.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(FAILURE_WAIT_S)
        sock.connect(path_of(directory))
        words = f"{serial} {text[:FAILURE_CHARS]}".encode(errors="backslashreplace")
        sock.send(key + (LIMITED if is_limit else FAILED) + words)


class PassedFds:
    """The root's end.

    Args:
        key: of the system.
        on_failure: called with the serial of a host, what its process failed with, and whether that was a limit.
        refuse: told of what does not begin with the key.
    """

    def __init__(
        self,
        directory: str,
        key: bytes,
        on_failure: Callable[[int, str, bool], None],
        refuse: Callable[[str, bytes], None],
    ) -> None:
        self._directory, self._key, self._on_failure, self._refuse = directory, key, on_failure, refuse
        self._passed: dict[str, list[int]] = {}
        self._socket = self._bind()

    def _bind(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        listener.bind(path_of(self._directory))
        return listener

    def fileno(self) -> int:
        """The descriptor that becomes readable when something comes."""
        return self._socket.fileno()

    def is_lost(self) -> bool:
        """Whether nobody finds the socket any more."""
        return not Path(path_of(self._directory)).exists()

    def bind_again(self) -> None:
        """Be found again. What came to the old socket is taken first."""
        self.take()
        lost, self._socket = self._socket, self._bind()
        lost.close()

    def take(self) -> None:
        """Take what has come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, fds, _flags, _address = socket.recv_fds(self._socket, LONGEST_FAILURE, MAX_FDS)
                # `recv_fds` cannot ask for that. A program that is started in between gets them, too.
                for fd in fds:
                    os.set_inheritable(fd, False)
                if not data.startswith(self._key):
                    close_all(fds)
                    self._refuse(path_of(self._directory), data)
                    continue
                data = data[len(self._key) :]
                if data.startswith((FAILED, LIMITED)):
                    _kind, serial, text = data.decode(errors="replace").split(" ", 2)
                    self._on_failure(int(serial), text, data.startswith(LIMITED))
                else:
                    self._passed[data.decode()] = fds

    def of(self, token: str) -> list[int]:
        """The descriptors that have come with this token, which are the caller's from now on.

        They were sent before the request was, so they are in the queue at the latest when that is served.
        """
        if not token:
            return []
        self.take()
        return self._passed.pop(token, [])

    def close(self) -> None:
        """Close the socket, and what was passed for nothing."""
        self._socket.close()
        for fds in self._passed.values():
            close_all(fds)
