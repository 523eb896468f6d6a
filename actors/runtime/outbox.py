"""What a thread sends with: one PUSH per destination, made on first use."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import zmq

from . import message as wire
from .message import HEADER, LARGE, Kind, Raw
from .table import THREAD_MASK, serial_of

if TYPE_CHECKING:
    from .process import Process

RECONNECT_MS = 20
SHORTEST_LINGER_S = 0.1

# pyzmq's Python layer over send() costs a tenth of it (tests/bench/runtime_messages.py).
send_bytes = zmq.backend.Socket.send


class Outbox:
    """Sends never block, for there are no high-water marks: windows bound what is under way."""

    def __init__(self, process: Process, address: int) -> None:
        self._process, self._address = process, address
        self._pushes: dict[int, zmq.Socket[bytes]] = {}
        self._closed = False

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
        if not extras and len(body) < LARGE:
            header = HEADER.pack(kind, flags, 0, source, corr, len(target), len(sender))
            self.send_frame(address, header + target + sender + body)
            return
        if len(body) >= LARGE:
            extras, body, flags = [body, *extras], b"", flags | wire.BODY_APART
        if any(len(frame) >= LARGE for frame in extras):
            flags |= wire.LARGE_FRAMES
        header = HEADER.pack(kind, flags, len(extras), source, corr, len(target), len(sender))
        push = self._push(address)
        if push is not None:
            with contextlib.suppress(zmq.ContextTerminated):
                frames = [header + target + sender + body, *extras]
                push.send_multipart(frames, copy=not flags & wire.LARGE_FRAMES)

    def send_frame(self, address: int, frame: bytes) -> None:
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
        if self._is_gone(address):
            return None
        push = self._process.context.socket(zmq.PUSH)
        push.set(zmq.LINGER, 0)
        push.set(zmq.SNDHWM, 0)
        push.set(zmq.HANDSHAKE_IVL, 0)
        push.set(zmq.RECONNECT_IVL, RECONNECT_MS)
        push.connect(self._process.endpoint(address))
        self._pushes[address] = push
        return push

    def _is_gone(self, address: int) -> bool:
        """Whether the process has died, or the thread has ended."""
        if self._process.table.is_dead(serial_of(address)):
            return True
        endpoint = self._process.endpoint(address).removeprefix("ipc://")
        return bool(address & THREAD_MASK) and not Path(endpoint).exists()

    def forget(self, address: int) -> None:
        """Close the way to an address that will not read any more."""
        if (push := self._pushes.pop(address, None)) is not None:
            push.close(0)

    def forget_dead(self) -> None:
        for address in [a for a in self._pushes if self._process.table.is_dead(serial_of(a))]:
            self.forget(address)

    def close(self, linger_s: float) -> None:
        """Say goodbye to everybody, behind all that was sent before, and close."""
        self._closed = True
        goodbye = HEADER.pack(Kind.PORT_BYE, 0, 0, self._address, 0, 0, 0)
        for address, push in self._pushes.items():
            if self._is_gone(address):
                push.close(0)  # nobody is there to take it: waiting would only hold up the end
                continue
            if not self._process.closed:
                with contextlib.suppress(zmq.ZMQError):
                    push.send(goodbye, zmq.NOBLOCK)
            push.close(int(max(linger_s, SHORTEST_LINGER_S) * 1000))
        self._pushes.clear()
