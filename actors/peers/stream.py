"""A non-blocking socket in somebody's loop: bytes in, bytes out, and whether either is waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Cancellable", "Deadline", "Loop", "SocketStream", "cause_of"]

_NOTHING = memoryview(b"")


class Cancellable(Protocol):
    """A timer of a loop."""

    when: float
    cancelled: bool

    def cancel(self) -> None:
        """Do not call."""


class Loop(Protocol):
    """What the parts of a connection need of the loop that runs them; an actor's `runtime` has all of it."""

    def now(self) -> float:
        """Monotonic seconds."""

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> Cancellable:
        """Call `fn(*args)` after `delay` seconds."""

    def call_soon(self, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` in the next turn."""

    def at_end_of_turn(self, fn: Callable[[], object]) -> None:
        """Call `fn()` when everything else of this turn has been called."""

    def add_reader(self, fd: int, fn: Callable[[], object]) -> None:
        """Call `fn()` while the descriptor is readable."""

    def add_writer(self, fd: int, fn: Callable[[], object]) -> None:
        """Call `fn()` while the descriptor is writable."""

    def remove_reader(self, fd: int) -> None:
        """Take `add_reader` back."""

    def remove_writer(self, fd: int) -> None:
        """Take `add_writer` back."""

    def take_over(
        self, fd: int, reader: Callable[[], object] | None, writer: Callable[[], object] | None
    ) -> None:
        """Call these from now on for a descriptor that was polled for somebody else in the same thread."""


class Deadline:
    """One time limit, which may be set anew: the earlier one is void then. Args: loop, that keeps the time."""

    __slots__ = ("_loop", "_timer")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._timer: Cancellable | None = None

    def set(self, seconds: float, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` when so much time has passed."""
        self.cancel()
        self._timer = self._loop.call_later(seconds, fn, *args)

    def cancel(self) -> None:
        """There is no limit any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def cause_of(error: OSError) -> str:
    """What went wrong, in the system's words."""
    return os.strerror(error.errno) if error.errno else str(error)


class SocketStream:
    """One end of a TCP connection.

    Whoever drives it says with `drive` what to call when bytes arrive and when unsent bytes can go on; a later driver
    takes its place. Bytes that the kernel does not take are kept, and sent when the socket is writable.

    Args: sock, which belongs to the stream from now on; loop, where it is polled.
    """

    __slots__ = (
        "_loop",
        "_on_readable",
        "_on_writable",
        "_stuck_since",
        "_unsent",
        "is_reading",
        "is_writing",
        "sock",
    )

    def __init__(self, sock: socket.socket, loop: Loop) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.is_reading = False
        self.is_writing = False
        self._loop = loop
        self._on_readable: Callable[[], object] = _ignore
        self._on_writable: Callable[[], object] = _ignore
        self._unsent = _NOTHING
        self._stuck_since = 0.0  # when the kernel has last taken some of what is unsent, while anything is

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self.sock.fileno() < 0

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait for the kernel to take them."""
        return bool(self._unsent)

    def is_stuck(self, seconds: float) -> bool:
        """Whether bytes wait of which the kernel has taken none for so long: the remote does not read."""
        return bool(self._unsent) and self._loop.now() - self._stuck_since >= seconds

    def drive(self, on_readable: Callable[[], object], on_writable: Callable[[], object]) -> None:
        """Call these from now on. Reading begins, if it has not been asked for before."""
        self._on_readable, self._on_writable = on_readable, on_writable
        self.set_reading(wanted=True)

    def hand_over(self, told: Callable[..., object], *args: object) -> None:
        """Call `told(*args)`, which may have somebody else drive the stream. If nobody does, it is not read afterwards.

        What the kernel polls stays as it is meanwhile: a connection has several drivers in its first moments.
        """
        self._on_readable = _ignore
        told(*args)
        if self._on_readable is _ignore:
            self.set_reading(wanted=False)

    def set_reading(self, *, wanted: bool) -> None:
        """Say whether to be called when bytes arrive."""
        if wanted is not self.is_reading and not self.is_closed:
            self.is_reading = wanted
            self._poll_reading(wanted=wanted)

    def read_into(self, buffer: memoryview) -> int | None:
        """Take what has arrived. Returns: how many bytes, 0 at the end of the stream, None when nothing is there yet.

        Raises: OSError, the connection is broken.
        """
        try:
            return self.sock.recv_into(buffer)
        except (BlockingIOError, InterruptedError):
            return None

    def send(self, data: bytes) -> bool:
        """Write bytes behind those that are unsent. Returns and raises: as `flush`."""
        if not self._unsent:
            return self._write(data)
        self._unsent = memoryview(bytes(self._unsent) + data)
        return self.flush()

    def flush(self) -> bool:
        """Write what is unsent. Returns: whether the kernel has all of it now.

        Raises: OSError, the connection is broken; the unsent bytes are forgotten then.
        """
        return not self._unsent or self._write(self._unsent)

    def _write(self, data: bytes | memoryview) -> bool:
        """Write this, and keep what the kernel does not take."""
        try:
            count = self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError:
            self._unsent = _NOTHING
            raise
        is_unsent = count < len(data)
        if is_unsent:
            self._unsent = memoryview(data)[count:]
            if count or not self.is_writing:
                self._stuck_since = self._loop.now()
        else:
            self._unsent = _NOTHING
        self._set_writing(wanted=is_unsent)
        return not is_unsent

    def end_writing(self) -> None:
        """Tell the remote that nothing more comes. Raises: OSError, it has gone already."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket; a second time does nothing."""
        if self.is_closed:
            return
        self.set_reading(wanted=False)
        self._set_writing(wanted=False)
        self._on_readable = self._on_writable = _ignore  # they hold whoever drove it, who holds the stream
        self._unsent = _NOTHING
        self.sock.close()

    def move_to(self, loop: Loop) -> None:
        """Be polled in another loop from now on, or for another actor of the same one."""
        self._loop = loop
        reader, writer = self._polled()
        if not self.is_closed and (reader or writer):
            loop.take_over(self.sock.fileno(), reader, writer)

    def _polled(self) -> tuple[Callable[[], object] | None, Callable[[], object] | None]:
        """What the loop calls, for reading and for writing."""
        return self._readable if self.is_reading else None, self._writable if self.is_writing else None

    def _readable(self) -> None:
        self._on_readable()

    def _writable(self) -> None:
        self._on_writable()

    def _set_writing(self, *, wanted: bool) -> None:
        if wanted is not self.is_writing:
            self.is_writing = wanted
            self._poll_writing(wanted=wanted)

    def _poll_reading(self, *, wanted: bool) -> None:
        if wanted:
            self._loop.add_reader(self.sock.fileno(), self._readable)
        else:
            self._loop.remove_reader(self.sock.fileno())

    def _poll_writing(self, *, wanted: bool) -> None:
        if wanted:
            self._loop.add_writer(self.sock.fileno(), self._writable)
        else:
            self._loop.remove_writer(self.sock.fileno())


def _ignore() -> None:
    """Before somebody drives the stream."""
