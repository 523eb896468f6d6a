"""Uvicorn's HTTP protocol with CometBFT's limits. Invalid requests are refused as Go's server does.

Uvicorn limits neither the time a request takes to arrive nor the time a client takes to read the answer, so a few idle
connections could occupy it forever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from peerage.actors.http.handover import HANDOVER, HandedOver, Successor
from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.pending_bytes import PendingBytes, Share
from peerage.actors.http.rules import refusal_text

__all__ = ["STOPPING", "STREAM", "BrokenBody", "guarded_protocol"]

STREAM: Final = "peerage.stream"
"""Set in a scope's `state` by an application whose answer goes on until somebody ends it: it may take any time, as long
as the client reads.
"""
STOPPING: Final = "peerage.stopping"
"""In a scope's `state`: an event that is set when the server begins to stop. Streams have a moment then to say so."""
STREAM_PATIENCE_S: Final = 60.0  # without a byte taken
LINGER_S: Final = 0.5  # as in Go: how long a client that is still sending may take to read why we hang up
_BAD_REQUEST: Final = 400
_UNAVAILABLE: Final = 503
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class BrokenBody:
    """The answer, with status 400, to a request whose head could be read but not its body."""

    content_type: str
    content: bytes


class _Phase(Enum):
    """The phase of a connection. When the time limit of a phase is over, the connection is cut."""

    READING = "reading"  # a request is arriving, or the first one is awaited
    WRITING = "writing"  # the request is complete and is being answered
    IDLE = "idle"  # answered: the rest of the answer is being sent, or uvicorn's keep-alive timer runs


class _Connection(h11.Connection):
    """Remembers the status for a request that h11 could not read: uvicorn drops it."""

    refusal_status = _BAD_REQUEST

    def next_event(self) -> Any:
        try:
            return super().next_event()
        except h11.RemoteProtocolError as error:
            self.refusal_status = error.error_status_hint
            raise


class _RequestLine:
    """Escapes non-ASCII bytes in the target of a request, which Go accepts and h11 does not.

    One object per request. It does not see requests that arrive before the last one was answered.
    """

    def __init__(self) -> None:
        self._is_over = False
        self._in_target = False

    def escape(self, data: bytes) -> bytes:
        """The next bytes of the request, as they are passed to h11."""
        if self._is_over:
            return data
        line, newline, rest = data.partition(b"\n")
        self._is_over = bool(newline)
        if line.isascii():
            self._in_target = self._in_target or b" " in line
            return data
        method, blank, target = (b"", b"", line) if self._in_target else line.partition(b" ")
        self._in_target = self._in_target or bool(blank)
        escaped = b"".join(b"%%%02X" % byte if byte > 0x7F else bytes((byte,)) for byte in target)
        return method + blank + escaped + newline + rest


class _Polite:
    """A transport that stays open for a moment after an answer if `must_linger` says so, so that the client can read it."""

    def __init__(self, transport: asyncio.Transport, must_linger: Callable[[], bool]) -> None:
        self._transport = transport
        self._must_linger = must_linger
        self._is_lingering = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def handed_over(self) -> asyncio.Transport:
        """The transport itself, for another protocol."""
        return self._transport

    def is_closing(self) -> bool:
        return self._is_lingering or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        if self._must_linger():
            self._is_lingering = True
            self._transport.write_eof()
            self._transport.resume_reading()
        else:
            self._transport.close()


class _GuardedProtocol(H11Protocol):
    """One connection. Uvicorn makes the objects itself, so what it is to keep to belongs to a class derived from this."""

    _limits: ClassVar[HttpLimits]
    _pending: ClassVar[PendingBytes]
    _broken_body: ClassVar[BrokenBody | None]

    _phase = _Phase.IDLE
    _deadline: asyncio.TimerHandle | None = None
    _is_refused = False
    _has_begun = False  # whether any bytes of a request have arrived
    _unread_before = _stalled = 0  # of a stream: bytes, and looks since its client took any
    _is_unread = False  # whether bytes have arrived that h11 was not given

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: _Connection = _Connection(h11.SERVER, self._limits.max_header_bytes)
        self._request_line = _RequestLine()
        self._share = Share(self._pending)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's
        super().connection_made(cast("asyncio.Transport", _Polite(transport, self._hang_up)))
        self._enter(_Phase.READING)
        if 0 < self._limits.max_connections < len(self.connections):
            self._is_refused = True
            transport.write(_BUSY)
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._phase is _Phase.IDLE:
            self._enter(_Phase.READING)
        self._has_begun = True
        if not self._share.take(len(data)):
            self._is_unread = True
            self._end(_UNAVAILABLE, None)
            return
        super().data_received(self._request_line.escape(data))
        self._note_request()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's
        """Keep our side open: a client that has finished sending may still read the answer."""
        cycle = self.cycle
        if self._is_refused or cycle is None or cycle.response_complete:
            return False
        cycle.keep_alive = False
        if self.conn.their_state is h11.SEND_BODY:  # the client announced more bytes than it sent
            self.conn.receive_data(b"")
            self.handle_events()
        return not self._is_refused

    def on_response_complete(self) -> None:
        self._request_line = _RequestLine()
        self._has_begun = False
        self._share.give_back()
        self._enter(_Phase.IDLE)
        super().on_response_complete()
        self._note_request()  # uvicorn may have begun a pipelined request in there

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._share.give_back()
        super().connection_lost(exc)

    def _should_upgrade(self) -> bool:
        """Tell uvicorn to leave the connection's protocol alone: that is for the application to change."""
        cast("dict[str, Any]", self.scope)["extensions"] = {HANDOVER: self._hand_over}
        return False

    def _hand_over(self, answer: bytes, make: Callable[[HandedOver], Successor]) -> None:
        transport = cast("_Polite", self.transport).handed_over()
        self._is_refused = True
        self.cycle.disconnected = True  # what the application answers from now on is discarded
        self._share.give_back()
        if self._deadline is not None:
            self._deadline.cancel()
        early, _ = self.conn.trailing_data
        # Whoever does not read what it was answered would not be noticed again: its pause was told to us. With `close` it
        # would keep its place until it reads.
        if early or transport.is_closing() or self.flow.write_paused:
            transport.abort()
            return

        def forget() -> None:
            self.connections.discard(cast("Any", successor))  # in uvicorn they are of its own types

        successor = make(HandedOver(transport, self._share, self._limits, forget))
        self.connections.discard(self)
        self.connections.add(cast("Any", successor))
        transport.set_protocol(cast("asyncio.BaseProtocol", successor))
        transport.write(answer)
        successor.begin()

    def send_400_response(self, msg: str) -> None:
        """Answer an invalid request, unless it is answered already."""
        is_body = self.cycle is not None and not self.cycle.response_complete
        answer = self._broken_body if is_body else None
        self._end(_BAD_REQUEST if answer else self.conn.refusal_status, answer)

    def _end(self, status: int, answer: BrokenBody | None) -> None:
        self._is_refused = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # no more data will come, and the application's answer is discarded
            cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._refuse(status, answer)
        self.transport.close()

    def _refuse(self, status: int, answer: BrokenBody | None) -> None:
        if answer is None:
            answer = BrokenBody("text/plain; charset=utf-8", refusal_text(status).encode())
        headers = [
            ("Content-Type", answer.content_type),
            ("Connection", "close"),
            ("Content-Length", str(len(answer.content))),
        ]
        reason = refusal_text(status).partition(" ")[2]
        for event in (
            h11.Response(status_code=status, headers=headers, reason=reason.encode()),
            h11.Data(data=answer.content),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")

    def _hang_up(self) -> bool:
        """Whether there may be unread bytes of the client.

        With unread bytes, closing would make the kernel reset the connection, and the answer would be lost. So we read
        and discard them for a moment.
        """
        if not self._is_unread and self.conn.their_state not in {h11.SEND_BODY, h11.ERROR}:
            return False
        self._is_refused = True
        self._enter(_Phase.IDLE, LINGER_S)
        return True

    def _note_request(self) -> None:
        """Start the timer, once per request: further bytes do not restart it."""
        is_whole = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        if is_whole and self._phase is not _Phase.WRITING:
            self._enter(_Phase.WRITING)

    def _enter(self, phase: _Phase, seconds: float | None = None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._phase = phase
        if seconds is None:
            limits = self._limits
            seconds = limits.read_timeout_s if phase is _Phase.READING else limits.write_timeout_s
        self._deadline = self.loop.call_later(seconds, self._time_is_over)

    def _goes_on(self) -> bool:
        """Whether this is a stream whose client reads. It is looked at each time that an answer would be cut."""
        cycle = self.cycle
        if self._phase is not _Phase.WRITING or cycle is None or not cycle.scope["state"].get(STREAM):
            return False
        unread = self.transport.get_write_buffer_size()
        self._stalled = self._stalled + 1 if unread and unread >= self._unread_before else 0
        self._unread_before = unread
        return self._stalled * self._limits.write_timeout_s < STREAM_PATIENCE_S

    def _time_is_over(self) -> None:
        if self._goes_on():
            self._enter(_Phase.WRITING)
            return
        if self._phase is _Phase.READING and self._has_begun and not self._is_refused:
            self.send_400_response("its rest did not come")
        else:
            self.transport.abort()


def guarded_protocol(limits: HttpLimits, broken_body: BrokenBody | None) -> type[H11Protocol]:
    """A class of uvicorn's protocol with these limits.

    Args:
        limits: for the clients.
        broken_body: the answer to a body that cannot be read; None: as to an invalid request.
    """

    class GuardedProtocol(_GuardedProtocol):
        _limits = limits
        _pending = PendingBytes(limits.max_pending_bytes)
        _broken_body = broken_body

    return GuardedProtocol
