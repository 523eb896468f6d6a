"""The receiving half of a thread's mailbox: one bound PULL socket, whose messages are taken apart and handed on.

One PULL socket for all senders, each of which has a connection of its own: messages of one sender stay in order, and none of
them can fill the socket for the others, because senders bound themselves (see `window.py`).

Bodies are pickles, so who may send here matters. The directory is its user's alone, the socket refuses the processes of
other users, and a message without the system's key is not read any further: a program of the same user that has come to the
wrong socket can neither have anything executed nor end the host.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

import zmq

from peerage.actors.runtime.errors import LimitReachedError
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail.envelope import BODY_APART, FRAMES, HEADER, LARGE_FRAMES, SHARED
from peerage.actors.runtime.mail.memory import LARGE, Raw, seal
from peerage.actors.runtime.mail.taken_blocks import LeaseError

LONGEST_BURST = 64  # messages that are taken without asking whether they are there
BACKLOG = 4096  # connections; a full backlog would delay a first message by a reconnect interval
# Longest sleep of a waiting thread, which must look at signals, at its deadline and at the host table now and again.
SLICE_S = 0.2
# The directory is full, read-only or gone: that passes, and is no fault of whoever wants a mailbox.
NO_PLACE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EIO,
}

# What gets a message of its kind: flags, source, correlation, target, sender, body, extra frames, bytes of body and extra
# frames. By position and not as an object, which would cost as much as unpickling a small message.
Handler = Callable[[int, int, int, bytes, bytes, Raw, Sequence[Raw], int], None]
# Body and frames of a message that lies in shared memory in part, and whether the rest is for reading only; whole
Take = Callable[[Raw, list[Raw], bool], tuple[Raw, list[Raw]]]
Refuse = Callable[[str, bytes], None]  # what is told of a message without the key, with the mailbox

# As in the outbox: called without pyzmq's Python layer, and with plain integers instead of its enums.
receive_bytes = zmq.backend.Socket.recv
get_option = zmq.backend.Socket.get
EVENTS, POLLIN, NOBLOCK = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.NOBLOCK)
RCVMORE = int(zmq.RCVMORE)


class Inbox:
    """Hands each message to the handler of its kind.

    Args:
        endpoint: where senders find the mailbox, `ipc://` and a path in the system's directory.
        key: of the system; what does not begin with it is refused.
        handlers: by kind, looked up for each message, so that a handler may be replaced.
        take: gets what lies in shared memory. Raises: LeaseError, when it does not.
        refuse: told of what is refused.
        user: whose processes may connect; None for the user that this process runs as.

    Attributes:
        is_signalled: whether the descriptor was readable, so that one message is surely there.
        is_drained: whether nothing was left when it was read last, and the edge of the descriptor was reset with that.
        times_empty: how often there was nothing left to read.
        is_unfound: whether the path was removed. Any thread sets it, and whoever reads next, with the lock, binds again.

    Raises: LimitReachedError, when there is no place for it.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        key: bytes,
        handlers: Sequence[Handler],
        take: Take,
        refuse: Refuse,
        user: int | None = None,
    ) -> None:
        self._key, self._handlers, self._take, self._refuse = key, handlers, take, refuse
        self.is_signalled = False
        self.is_drained = False
        self.is_unfound = False
        self.times_empty = 0
        self._pull = context.socket(zmq.PULL)
        self._pull.set(zmq.LINGER, 0)
        self._pull.set(zmq.RCVHWM, 0)
        self._pull.set(zmq.BACKLOG, BACKLOG)
        self._pull.set(zmq.HANDSHAKE_IVL, 0)  # see `ways.py`
        self._pull.set(zmq.RCVTIMEO, int(SLICE_S * 1000))
        # By the kernel's word for who connects (SO_PEERCRED), whatever has become of the modes of directory and socket.
        self._pull.set(zmq.IPC_FILTER_UID, os.geteuid() if user is None else user)
        self._endpoint = endpoint
        self._path = Path(endpoint.removeprefix("ipc://"))
        try:
            self._pull.bind(endpoint)
        except zmq.ZMQError as error:
            self._pull.close(linger=0)
            if error.errno not in NO_PLACE:
                raise
            # As with other limits: whoever starts something tries again, for what runs needs no new mailbox.
            why = f"{self._path.parent}: no mailbox can be made: {os.strerror(error.errno)}; make room there"
            raise LimitReachedError("a mailbox", why) from None

    def bind_again(self) -> None:
        """Be found again after the path was removed. Senders that are connected stay so, and nothing is lost.

        The old endpoint, which nobody finds any more, is kept: ZeroMQ's `unbind` would end its connections. It costs one
        descriptor for each time.
        """
        self.is_unfound = False
        try:
            if not self._path.exists():
                self._pull.bind(self._endpoint)
        except zmq.ZMQError:  # the directory was removed once more: the next reader tries again
            self.is_unfound = True

    def fileno(self) -> int:
        """ZeroMQ's descriptor. It signals edges: before sleeping on it, a thread must receive until nothing is left."""
        number = self._pull.get(zmq.FD)
        assert isinstance(number, int)
        return number

    def signal(self) -> None:
        """Note that the descriptor is readable."""
        self.is_signalled = True

    def has_arrivals(self) -> bool:
        """Whether messages are there. Asking resets the edge of the descriptor, so that a later message is signalled."""
        return bool(get_option(self._pull, EVENTS) & POLLIN)  # type: ignore[operator]  # an int, for this option

    def wait(self, seconds: float) -> bool:
        """Sleep until a message comes. Returns: whether one came within `seconds`."""
        # Rounded up: poll(0) would turn the last millisecond of a wait into a busy loop.
        has_come = bool(self._pull.poll(max(1, int(seconds * 1000 + 0.999))))
        self.times_empty += not has_come
        return has_come

    def receive(self, flags: int = 0) -> None:
        """Take one message and handle it, or refuse it if it does not begin with the system's key.

        Args: flags, NOBLOCK not to wait; otherwise it waits for SLICE_S.
        Raises: zmq.Again, when there is none; zmq.ContextTerminated, when the system has ended.
        """
        try:
            data = receive_bytes(self._pull, flags)
        except zmq.Again:
            self.times_empty += 1
            raise
        try:
            key, kind, marks, extra, source, corr, target_length, sender_length = HEADER.unpack_from(data)
        except struct.error:  # too short for one of ours
            key = b""
        if key != self._key:
            self._drop(data)
            return
        start = HEADER.size + target_length
        end = start + sender_length
        body: Raw = data[end:]
        size = len(body)
        extras: Sequence[Raw] = ()
        if extra or marks & SHARED:
            frames = self._extra_frames(extra, marks)
            if marks & SHARED:
                try:
                    body, frames = self._take(body, frames, bool(marks & FRAMES))
                except LeaseError as error:
                    logger().error("message that cannot be read", source=source, cause=str(error))
                    return
                size = len(body)
            size += sum(map(len, frames))
            if marks & BODY_APART:
                body = frames.pop(0)
            extras = frames
        self._handlers[kind](
            marks, source, corr, data[HEADER.size : start], data[start:end], body, extras, size
        )

    def _drop(self, data: bytes) -> None:
        """Refuse a message, all of its frames: the next one begins behind them."""
        while get_option(self._pull, RCVMORE):
            receive_bytes(self._pull, NOBLOCK)
        self._refuse(self._endpoint, data)

    def drain(self, limit: int) -> int:
        """Handle what is there, up to about `limit` messages (one burst more). Returns: how many.

        After a signal of the descriptor, one message is surely there. Asking whether there is another costs a tenth of the
        exception that says there is none; so we ask before each burst, and let bursts double so that a stream of messages is
        not asked for one by one.
        """
        handled, burst = 0, 1
        self.is_drained = False
        try:
            if self.is_signalled:
                self.is_signalled = False
                self.receive(NOBLOCK)
                handled = 1
            while handled < limit:
                if not self.has_arrivals():
                    self.is_drained = True
                    self.times_empty += 1
                    break
                for _ in range(burst):
                    self.receive(NOBLOCK)
                    handled += 1
                burst = min(2 * burst, LONGEST_BURST)
        except zmq.Again:
            pass
        return handled

    def drain_for(self, seconds: float) -> bool:
        """As `drain`, but for `seconds` instead of a number of messages. Returns: whether more may be there."""
        until = monotonic() + seconds
        burst = 1
        self.is_drained = False
        try:
            if self.is_signalled:
                self.is_signalled = False
                self.receive(NOBLOCK)
            while self.has_arrivals():
                for _ in range(burst):
                    if monotonic() >= until:
                        return True
                    self.receive(NOBLOCK)
                burst = min(2 * burst, LONGEST_BURST)
            self.times_empty += 1
        except zmq.Again:
            pass
        return False

    def _extra_frames(self, extra: int, marks: int) -> list[Raw]:
        """The frames behind the first one, which are there with it: ZeroMQ delivers a message whole."""
        if not marks & FRAMES:  # buffers of arrays, which belong to their receiver, who may write to them
            views = (self._pull.recv(copy=False).buffer for _ in range(extra))
            # ZeroMQ leaves small ones in the buffer that it has read, at odd addresses, while arrays want aligned memory.
            return [view if len(view) >= LARGE else bytearray(view) for view in views]
        if not marks & LARGE_FRAMES:
            return [receive_bytes(self._pull) for _ in range(extra)]
        frames: list[Raw] = []
        for _ in range(extra):
            view = self._pull.recv(copy=False).buffer
            # Sealed, since nobody else has this view: the actor may pass the frame on without a copy.
            frames.append(bytes(view) if len(view) < LARGE else seal(view))
        return frames

    def close(self) -> None:
        """Close the socket, and remove its path, which ZeroMQ leaves behind.

        The path goes first. As long as it is there, others take the mailbox for open, and wait for what they sent to it.
        """
        self._path.unlink(missing_ok=True)
        self._pull.close(0)
