"""`/events`: what happens in the node, as server-sent events.

Each listener asks the hub for what comes behind the last event it was sent. So nothing is kept for a slow one: when it comes
to read, it is told how many events it has missed, and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import pykka
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from peerage.actors.events.happenings import KINDS
from peerage.actors.events.messages import EventLine, EventLines, NextEvents
from peerage.actors.http.protocol import STOPPING, STREAM
from peerage.actors.rpc.on_the_spot import why_not_told
from peerage.actors.runtime import ActorDeadError, ActorRef, MailboxFullError
from peerage.wire.keys import is_node_id, normal_id
from peerage.wire.remote_text import shown

__all__ = ["END", "HEARTBEAT_S", "MISSED", "EventStream", "StreamQuery", "StreamQueryError", "event_routes"]

HEARTBEAT_S: Final = 15.0
_ANSWER_S: Final = 5.0  # the hub has for an answer, beyond the time that it may wait
_MOST_LAST: Final = 100_000
MISSED: Final = "missed"  # SSE event: so many are not kept any more
END: Final = "end"  # SSE event: the stream is over, and why
_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_NOT_ALLOWED: Final = 405
_UNAVAILABLE: Final = 503
_SWITCHES: Final = {"true": True, "1": True, "false": False, "0": False}


class StreamQueryError(ValueError):
    """A parameter of `/events` is none, or has a value that it cannot have."""


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """What a listener wants.

    Args:
        kinds: of events; none: all.
        peers: IDs, IP addresses or networks that an event is about; none: all.
        since: Unix seconds.
        last: of the events that are kept, at most so many; None: all.
        follow: whether to go on when these are told.
        after: the last event that the listener knows.
    """

    kinds: frozenset[str] = frozenset()
    peers: frozenset[str] = frozenset()
    since: float = 0.0
    last: int | None = None
    follow: bool = True
    after: str | None = None

    @classmethod
    def parse(cls, query: str, last_event_id: str | None = None) -> StreamQuery:
        """Of a query string. Raises: StreamQueryError."""
        found: dict[str, Any] = {"kinds": set(), "peers": set(), "after": last_event_id}
        for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
            match name:
                case "kind":
                    found["kinds"].update(map(_kind, value.split(",")))
                case "peer":
                    found["peers"].add(_peer(value))
                case "since":
                    found["since"] = _time(value)
                case "last":
                    found["last"] = _count(value)
                case "follow":
                    found["follow"] = _switch(value)
                case "after":
                    found["after"] = value
                case _:
                    expected = "kind, peer, since, last, follow or after"
                    raise StreamQueryError(f"unknown parameter {shown(name)!r}, expected {expected}")
        return cls(**{**found, "kinds": frozenset(found["kinds"]), "peers": frozenset(found["peers"])})

    def wants(self, line: EventLine) -> bool:
        """Whether an event is one of these."""
        if self.kinds and line.kind not in self.kinds:
            return False
        return line.time >= self.since and (not self.peers or line.subject in self.peers)


def event_routes(
    hub: ActorRef | None, *, is_public: bool, most: int, tells_everywhere: bool = True
) -> dict[str, ASGIApp]:
    """The application of `/events` by its path; none where there is no hub. Args: as of EventStream."""
    stream = None if hub is None else EventStream(hub, is_public, most, tells_everywhere)
    return {} if stream is None else {"/events": stream}


@dataclass(slots=True)
class EventStream:
    """See the module's text.

    Args:
        hub: of the node.
        is_public: whether to leave out what tells of private peers.
        most: listeners at a time; one more is answered 503.
        tells_everywhere: at other addresses than loopback, too: it tells whom the node dials, and why its parts restart.
    """

    hub: ActorRef
    is_public: bool
    most: int
    tells_everywhere: bool = True
    _listeners: int = field(default=0, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            query = StreamQuery.parse(scope["query_string"].decode("latin-1"), _last_event_id(scope))
        except StreamQueryError as error:
            await PlainTextResponse(f"{error}\n", _BAD_REQUEST)(scope, receive, send)
            return
        self._listeners += 1
        state = scope.setdefault("state", {})
        state[STREAM] = True
        over = asyncio.create_task(_over(receive, state.get(STOPPING)))
        try:
            await self._serve(query, over, send)
        finally:
            self._listeners -= 1
            over.cancel()

    def _refusal(self, scope: Scope) -> Response | None:
        if scope["method"] != "GET":
            return PlainTextResponse("405 Method Not Allowed\n", _NOT_ALLOWED, {"Allow": "GET"})
        if not self.tells_everywhere and (why := why_not_told(scope)):
            return PlainTextResponse(f"403 Forbidden: {why}\n", _FORBIDDEN)
        if self._listeners >= self.most:
            why = f"503 Service Unavailable: {self.most} listeners follow events already\n"
            return PlainTextResponse(why, _UNAVAILABLE, {"Retry-After": "10"})
        return None

    async def _serve(self, query: StreamQuery, over: asyncio.Task[bool], send: Send) -> None:
        headers = {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # a proxy in front is to pass each event on at once
            "X-Content-Type-Options": "nosniff",
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        async for text in self._texts(query, over):
            await send({"type": "http.response.body", "body": text, "more_body": True})
        end = _notice(END, b'{"reason":"stopped"}') if over.done() and over.result() else b""
        await send({"type": "http.response.body", "body": end, "more_body": False})

    async def _texts(self, query: StreamQuery, over: asyncio.Task[bool]) -> AsyncIterator[bytes]:
        """What is to be sent, until it is over or the listener has all it wants."""
        cursor, last = query.after, query.last
        yield b": events\n\n"  # so that the listener sees that it is served
        while not over.done():
            wait = HEARTBEAT_S if query.follow else 0.0
            try:
                found = await self._next(NextEvents(cursor, last, self.is_public, wait), over)
            except (ActorDeadError, MailboxFullError, pykka.Timeout, TimeoutError):
                yield _notice(END, b'{"reason":"hub lost"}')
                return
            if found is None:
                return
            cursor, last = found.cursor, None
            text = _notice(MISSED, b'{"missed":%d}' % found.missed) if found.missed else b""
            text += b"".join(
                b"id: %s\ndata: %s\n\n" % (line.id.encode(), line.whole)
                for line in found.lines
                if query.wants(line)
            )
            if not query.follow and not found.lines:
                yield text + _notice(END, b'{"reason":"complete"}')
                return
            if text or query.follow:
                yield text or b": alive\n\n"

    async def _next(self, question: NextEvents, over: asyncio.Task[bool]) -> EventLines | None:
        """What the hub says; None when it is over first. Raises: ActorDeadError; TimeoutError."""
        future = self.hub.ask(question, block=False)
        answer = asyncio.ensure_future(_result_of(future))
        try:
            async with asyncio.timeout(question.wait + _ANSWER_S):
                await asyncio.wait({answer, over}, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        finally:
            future.cancel()
            answer.cancel()


async def _result_of(future: Any) -> EventLines:
    result: EventLines = await future
    return result


async def _over(receive: Receive, stopping: asyncio.Event | None) -> bool:
    """Wait until the listener is gone, or the server stops. Returns: whether it stops."""
    tasks = [asyncio.create_task(_disconnected(receive))]
    if stopping is not None:
        tasks.append(asyncio.create_task(_wait_for(stopping)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return stopping is not None and stopping.is_set()
    finally:
        for task in tasks:
            task.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _wait_for(event: asyncio.Event) -> None:
    await event.wait()


def _notice(event: str, data: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event.encode(), data)


def _last_event_id(scope: Scope) -> str | None:
    headers: Mapping[bytes, bytes] = dict(scope["headers"])
    value = headers.get(b"last-event-id")
    return value.decode("latin-1") if value else None


def _kind(text: str) -> str:
    if text not in KINDS:
        raise StreamQueryError(f"kind: found {shown(text)!r}, expected one of {', '.join(KINDS)}")
    return text


def _peer(text: str) -> str:
    if not text:
        raise StreamQueryError("peer: found '', expected a node ID, an IP address or a network")
    return normal_id(text) if is_node_id(text) else text


def _time(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise StreamQueryError(
            f"since: found {shown(text)!r}, expected a time like 2026-01-31T12:00:00Z"
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:7]) > _MOST_LAST or len(text) > 6:
        raise StreamQueryError(f"last: found {shown(text)!r}, expected a number from 0 to {_MOST_LAST}")
    return int(text)


def _switch(text: str) -> bool:
    if text not in _SWITCHES:
        raise StreamQueryError(f"follow: found {shown(text)!r}, expected true or false")
    return _SWITCHES[text]
