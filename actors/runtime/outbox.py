"""What a thread sends with: one PUSH per destination, made on first use.

Tells on each other's heels travel together: handing a message to ZeroMQ and taking it out again costs more than all the
rest of a small one. The first goes at once; what follows it within `CLOSE_S` is gathered until there are `BATCH_MESSAGES`,
until anything else is sent to the same place, until the loop's turn or the thread's work ends in a wait, and for one
tick of the `Flusher` at most. Order is kept for each destination.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import zmq

from . import message as wire
from .memory import as_frame
from .message import BATCH_BYTES, BATCH_MESSAGES, EXEMPT, HEADER, LARGE, Batch, Kind, Raw
from .routes import Route
from .table import serial_of

if TYPE_CHECKING:
    from .process import Process

RECONNECT_MS = 20
SHORTEST_LINGER_S = 0.1
CLOSE_S = 0.0001  # between two tells that gathering pays for

# pyzmq's Python layer over send() costs a tenth of it (tests/bench/runtime_messages.py).
send_bytes = zmq.backend.Socket.send


class Gathered(Batch):
    """Tells of one sender to one actor, to be handed over together."""

    __slots__ = ("flags", "route", "sender")

    def __init__(self, route: Route, sender: bytes, flags: int, joined: bool, value: Any, size: int) -> None:
        super().__init__(joined, [value], [size])
        self.route, self.sender, self.flags = route, sender, flags


def _alone(route: Route, flags: int, value: Any, size: int) -> bytes:
    """Pickle a plain value that goes without company. Its receiver will acknowledge the bytes of that."""
    body = pickle.dumps(value, 5)
    if not flags & EXEMPT:
        route.window.size += len(body) - size
    return body


class Outbox:
    """Sends never block, for there are no high-water marks: windows bound what is under way.

    The port's lock guards it, because the flusher hands over what its thread has gathered and left. A thread that
    waits for messages holds that lock, and has gathered nothing then.
    """

    def __init__(self, process: Process, address: int, lock: threading.RLock) -> None:
        self._process, self._address, self._lock = process, address, lock
        self._pushes: dict[int, zmq.Socket[bytes]] = {}
        self._closed = False
        self.gathered: dict[int, Gathered] = {}  # by destination
        self._told_at = 0.0

    def send(
        self,
        address: int,
        kind: int,
        corr: int = 0,
        *,
        flags: int = 0,
        target: bytes = b"",
        sender: bytes = b"",
        body: Raw = b"",
        extras: Sequence[Raw] = (),
        source: int | None = None,
    ) -> None:
        """Hand one message to ZeroMQ. For a dead process or thread it is dropped here: sweeping settles it."""
        source = self._address if source is None else source
        with self._lock:
            if address in self.gathered:
                self._hand_over(address)
            if not extras and len(body) < LARGE:
                header = HEADER.pack(kind, flags, 0, source, corr, len(target), len(sender))
                self._send_frame(address, header + target + sender + body)
                return
            if len(body) >= LARGE:
                extras, body, flags = [body, *extras], b"", flags | wire.BODY_APART
            if any(len(frame) >= LARGE for frame in extras):
                flags |= wire.LARGE_FRAMES
            header = HEADER.pack(kind, flags, len(extras), source, corr, len(target), len(sender))
            push = self._push(address)
            if push is not None:
                with contextlib.suppress(zmq.ContextTerminated):
                    frames = [header + target + sender + body, *map(as_frame, extras)]
                    push.send_multipart(frames, copy=not flags & wire.LARGE_FRAMES)

    def send_small(
        self, address: int, kind: int, corr: int, flags: int, target: bytes, sender: bytes, body: Raw
    ) -> None:
        """As `send`, what is surely small and comes from this port: asks and answers, without its keywords' cost."""
        with self._lock:
            if address in self.gathered:
                self._hand_over(address)
            header = HEADER.pack(kind, flags, 0, self._address, corr, len(target), len(sender))
            self._send_frame(address, header + target + sender + body)

    def tell(self, route: Route, sender: bytes, flags: int, value: Any, size: int, plain: bool) -> None:
        """Send one small tell of `size` bytes, with others if they are close. The caller holds the lock.

        A `plain` value is the message itself, for it cannot change meanwhile; any other is pickled.
        """
        address = route.address
        gathered = self.gathered.get(address)
        if gathered is not None:
            if (
                gathered.route is route
                and gathered.flags == flags
                and gathered.sender == sender
                and gathered.joined is plain
            ):
                values = gathered.values
                values.append(value)
                gathered.size += size
                if len(values) >= BATCH_MESSAGES or gathered.size >= BATCH_BYTES:
                    self._hand_over(address)
                return
            self._hand_over(address)
        now = monotonic()
        close, self._told_at = now - self._told_at < CLOSE_S, now
        if close:
            self.gathered[address] = Gathered(route, sender, flags, plain, value, size)
            self._process.flusher.watch(self)
        else:
            body = _alone(route, flags, value, size) if plain else value
            self._send_frame(address, route.tell_prefix(sender, flags) + body)

    def flush(self) -> None:
        """Hand over all that is gathered."""
        with self._lock:
            for address in list(self.gathered):
                self._hand_over(address)

    def _hand_over(self, address: int) -> None:
        gathered = self.gathered.pop(address)
        self._told_at = monotonic()
        route, sender, values = gathered.route, gathered.sender, gathered.values
        if len(values) == 1:
            body = values[0]
            if gathered.joined:
                body = _alone(route, gathered.flags, body, gathered.size)
            self._send_frame(address, route.tell_prefix(sender, gathered.flags) + body)
            return
        flags, body = gathered.pack()
        flags |= gathered.flags
        header = HEADER.pack(Kind.TELL, flags, 0, self._address, len(values), len(route.target), len(sender))
        self._send_frame(address, header + route.target + sender + body)

    def _send_frame(self, address: int, frame: bytes) -> None:
        """Hand over a message that is one small frame, header and all."""
        push = self._pushes.get(address) or self._push(address)
        if push is None:
            return
        try:  # noqa: SIM105 - suppress() costs a tenth of the whole send
            send_bytes(push, frame)
        except zmq.ContextTerminated:  # the system is going: so is the receiver
            pass

    def _push(self, address: int) -> zmq.Socket[bytes] | None:
        push = self._pushes.get(address)
        if push is not None or self._closed:
            return push
        if self._process.is_gone(address):
            return None
        push = self._process.context.socket(zmq.PUSH)
        push.set(zmq.LINGER, 0)
        push.set(zmq.SNDHWM, 0)
        push.set(zmq.HANDSHAKE_IVL, 0)
        push.set(zmq.RECONNECT_IVL, RECONNECT_MS)
        push.connect(self._process.endpoint(address))
        self._pushes[address] = push
        return push

    def destinations(self) -> list[int]:
        """The addresses that it has a way to."""
        with self._lock:
            return list(self._pushes)

    def forget(self, address: int) -> None:
        """Close the way to an address that will not read any more."""
        with self._lock:
            self.gathered.pop(address, None)  # lost as what is under way is: the window knows of it
            if (push := self._pushes.pop(address, None)) is not None:
                push.close(0)

    def forget_dead(self) -> None:
        with self._lock:
            for address in [a for a in self._pushes if self._process.table.is_dead(serial_of(a))]:
                self.forget(address)

    def close(self, linger_s: float) -> None:
        """Say goodbye to everybody, behind all that was sent before, and close."""
        with self._lock:
            self._close(linger_s)

    def _close(self, linger_s: float) -> None:
        if not self._process.closed:
            self.flush()
        self.gathered.clear()
        self._process.flusher.forget(self)
        self._closed = True
        goodbye = HEADER.pack(Kind.PORT_BYE, 0, 0, self._address, 0, 0, 0)
        for address, push in self._pushes.items():
            if self._process.is_gone(address):
                push.close(0)  # nobody is there to take it: waiting would only hold up the end
                continue
            if not self._process.closed:
                with contextlib.suppress(zmq.ZMQError):
                    push.send(goodbye, zmq.NOBLOCK)
            self._process.last_sent_to.add(address)
            push.close(int(max(linger_s, SHORTEST_LINGER_S) * 1000))
        self._pushes.clear()
