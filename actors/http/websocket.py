"""A WebSocket on a connection that HTTP has handed over: whole messages in, one answer each, with CometBFT's limits.

Frames are `websockets`' business; time, memory and order are ours. Messages are answered one after another, and nothing more
is read while one is being answered or while the client does not read: what a client can make us keep is one message and its
answer. Source: CometBFT's rpc/jsonrpc/server/ws_handler.go.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from peerage.actors.http.handover import HandedOver

__all__ = ["SocketLimits", "WebSocket"]

LINGER_S: Final = 0.5  # so long a client may still read why we hang up, as in HTTP

_log: Final = logging.getLogger("peerage.http.websocket")
_log.setLevel(logging.ERROR)  # the library tells of each connection that ends


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What a WebSocket allows its client. The times are CometBFT's.

    Args:
        max_message_bytes: a larger message ends the connection with 1009.
        read_wait_s: a client from which no frame has come for so long is cut off.
        ping_period_s: it is pinged so often; the pong is such a frame.
    """

    max_message_bytes: int
    read_wait_s: float = 30.0
    ping_period_s: float = 27.0


class WebSocket(asyncio.Protocol):
    """One connection, from its upgrade to its end.

    Args:
        connection: what HTTP has handed over.
        limits: of this connection.
        on_message: answers a message, text or binary; None: there is no answer.
    """

    def __init__(
        self,
        connection: HandedOver,
        limits: SocketLimits,
        on_message: Callable[[bytes], Awaitable[bytes | None]],
    ) -> None:
        self.transport = connection.transport
        self._connection = connection
        self._limits = limits
        self._on_message = on_message
        self._frames = Protocol(SERVER, state=OPEN, max_size=limits.max_message_bytes, logger=_log)
        self._loop = asyncio.get_running_loop()
        self._fragments = bytearray()
        self._messages: deque[bytes] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._is_lost = False
        self._heard_at = self._loop.time()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._writable = asyncio.Event()
        self._writable.set()

    def begin(self) -> None:
        """Read, and watch the time."""
        self._after(self._limits.ping_period_s, "ping", self._ping)
        self._after(self._limits.read_wait_s, "silence", self._look_for_silence)
        self.transport.resume_reading()

    def shutdown(self) -> None:
        """Say that we go away, and close."""
        if not self._frames.eof_sent:
            self._frames.fail(CloseCode.GOING_AWAY)
            self._write()
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Take in frames."""
        self._frames.receive_data(data)
        for frame in self._frames.events_received():
            if isinstance(frame, Frame):
                self._heard_at = self._loop.time()
                self._take(frame)
        self._write()
        if not self._hold():
            self._frames.fail(CloseCode.TRY_AGAIN_LATER, "too many requests wait for their answers")
            self._write()
        elif self._messages and self._answering is None:
            self.transport.pause_reading()
            self._answering = self._loop.create_task(self._answer())

    def eof_received(self) -> bool:
        """The client has hung up: close as well."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all."""
        self._is_lost = True
        for timer in self._timers.values():
            timer.cancel()
        self._messages.clear()
        self._writable.set()
        self._connection.share.give_back()
        self._connection.forget()

    def pause_writing(self) -> None:
        """The client does not read: read no more from it, and do not wait for ever."""
        self._writable.clear()
        self.transport.pause_reading()
        self._after(self._connection.limits.write_timeout_s, "write", self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        if (timer := self._timers.pop("write", None)) is not None:
            timer.cancel()
        self._writable.set()
        self._read_on()

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            return
        if frame.fin and not self._fragments:
            self._messages.append(bytes(frame.data))
            return
        self._fragments += frame.data
        if frame.fin:
            self._messages.append(bytes(self._fragments))
            self._fragments.clear()

    def _hold(self) -> bool:
        """Count what is kept of the client's bytes. Returns: whether there is room for it."""
        unparsed = len(self._frames.reader.buffer)
        return self._connection.share.hold(unparsed + len(self._fragments) + sum(map(len, self._messages)))

    async def _answer(self) -> None:
        while self._messages and not self._is_lost:
            try:
                answer = await self._on_message(self._messages.popleft())
            except Exception:
                _log.exception("message could not be answered")
                self._frames.fail(CloseCode.INTERNAL_ERROR)
                self._write()
                return
            if answer is not None and self._frames.state is OPEN and not self._is_lost:
                self._frames.send_text(answer)
                self._write()
            await self._writable.wait()
            await asyncio.sleep(0)  # a thousand messages that need no answer are not to hold up other clients
        self._answering = None
        self._hold()
        self._read_on()

    def _read_on(self) -> None:
        if self._answering is None and self._writable.is_set() and not self.transport.is_closing():
            self.transport.resume_reading()

    def _write(self) -> None:
        for data in self._frames.data_to_send():
            if self.transport.is_closing():
                return
            if data:
                self.transport.write(data)
                continue
            # Closing now would reset the connection if more has come, and our reason would be lost.
            self.transport.write_eof()
            self._after(LINGER_S, "linger", self.transport.abort)

    def _ping(self) -> None:
        if self._frames.state is OPEN:
            self._frames.send_ping(b"")
            self._write()
            self._after(self._limits.ping_period_s, "ping", self._ping)

    def _look_for_silence(self) -> None:
        """Whether we are the ones who do not read makes no difference: an answer takes no 30 s."""
        left = self._heard_at + self._limits.read_wait_s - self._loop.time()
        if left > 0:
            self._after(left, "silence", self._look_for_silence)
        else:
            self.transport.abort()

    def _after(self, seconds: float, what: str, call: Callable[[], None]) -> None:
        if what in self._timers:
            self._timers[what].cancel()
        self._timers[what] = self._loop.call_later(seconds, call)
