"""`/events`: server-sent events from a hub that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest
from starlette.types import Message

from peerage.actors.events.messages import EventLine, EventLines, NextEvents
from peerage.actors.http.protocol import STOPPING, STREAM
from peerage.actors.rpc import event_stream as module
from peerage.actors.rpc.event_stream import EventStream, StreamQuery, StreamQueryError, event_routes
from peerage.actors.runtime import ActorDeadError, MailboxFullError
from tests.actors.events.parts import ANNA, BERT
from tests.actors.http.asgi_exchange import exchange, scope


def line(number: int, kind: str = "lost", subject: str = ANNA, time: float = 1000.0) -> EventLine:
    return EventLine(f"e-{number}", time, kind, subject, "", b'{"kind":"%s"}' % kind.encode())


class Answer:
    """Of an ask: what the hub says, when it says it."""

    def __init__(self, value: EventLines | Exception | None) -> None:
        self.value = value
        self.is_cancelled = False

    def __await__(self) -> Generator[Any, None, EventLines]:
        if self.value is None:
            yield from asyncio.Event().wait().__await__()
        if isinstance(self.value, Exception):
            raise self.value
        assert self.value is not None
        return self.value

    def cancel(self) -> None:
        self.is_cancelled = True


class Hub:
    """Gives these answers, one after the other, and then none."""

    def __init__(self, *answers: EventLines | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[NextEvents] = []
        self.given: list[Answer] = []

    def ask(self, question: NextEvents, *, block: bool) -> Answer:
        assert not block
        self.asked.append(question)
        self.given.append(Answer(self.answers.pop(0) if self.answers else None))
        return self.given[-1]


def stream(*answers: EventLines | Exception, most: int = 8) -> tuple[EventStream, Hub]:
    hub = Hub(*answers)
    return EventStream(hub, is_public=True, most=most), hub  # type: ignore[arg-type]  # what is needed of it


def get(
    target: str, *answers: EventLines | Exception, headers: dict[str, str] | None = None
) -> tuple[str, Hub]:
    """What is sent until nothing is kept any more."""
    app, hub = stream(*answers, EventLines((), "end"))

    async def until_over() -> str:
        sent: list[Message] = []

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        await app(scope("GET", target, headers), receive, send)
        assert sent[0]["status"] == 200
        return b"".join(message.get("body", b"") for message in sent[1:]).decode()

    return asyncio.run(until_over()), hub


COMPLETE = 'event: end\ndata: {"reason":"complete"}'


def events(text: str) -> list[str]:
    """All but comments, and the notice that this was all."""
    return [each for each in text.split("\n\n") if each and not each.startswith(":") and each != COMPLETE]


def test_each_event_has_its_id_and_its_json() -> None:
    text, _ = get("/events?follow=false", EventLines((line(1), line(2)), "e-2"))
    assert events(text) == [
        'id: e-1\ndata: {"id":"e-1","kind":"lost"}',
        'id: e-2\ndata: {"id":"e-2","kind":"lost"}',
    ]


def test_without_following_the_end_is_said() -> None:
    """So that a connection that broke is not taken for it."""
    text, _ = get("/events?follow=false", EventLines((line(1),), "e-1"))
    assert text.endswith(f"{COMPLETE}\n\n")


@pytest.mark.parametrize(
    "error", [ActorDeadError("gone"), MailboxFullError("hub", 1, 2)], ids=["dead", "full"]
)
def test_a_hub_that_cannot_be_asked_ends_it_with_a_reason(error: Exception) -> None:
    text, _ = get("/events?follow=false", error)
    assert events(text) == ['event: end\ndata: {"reason":"hub lost"}']


def test_it_asks_on_behind_what_it_was_told() -> None:
    _, hub = get("/events?follow=false&last=3", EventLines((line(1),), "e-1"))
    assert hub.asked == [NextEvents(None, 3, True, 0.0), NextEvents("e-1", None, True, 0.0)]


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/events?follow=false", {"Last-Event-ID": "e-7"}), ("/events?follow=false&after=e-7", None)],
    ids=["header", "parameter"],
)
def test_a_listener_that_comes_again_goes_on(target: str, headers: dict[str, str] | None) -> None:
    _, hub = get(target, headers=headers)
    assert hub.asked[0].after == "e-7"


def test_what_was_missed_is_said() -> None:
    text, _ = get("/events?follow=false", EventLines((line(9),), "e-9", missed=4))
    assert events(text)[0] == 'event: missed\ndata: {"missed":4}'


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("kind=refused", [2]),
        ("kind=refused,banned&kind=lost", [1, 2, 3]),
        (f"peer={BERT.upper()}", [3]),
        ("peer=192.0.2.0%2F24", []),
        ("since=1970-01-01T00:20:00Z", [3]),
        ("since=1970-01-01T02:20:00%2B02:00", [3]),
        ("since=1970-01-01", [1, 2, 3]),
    ],
)
def test_a_listener_gets_what_it_wants(query: str, wanted: list[int]) -> None:
    lines = (line(1), line(2, "refused"), line(3, subject=BERT, time=1200.0))
    text, _ = get(f"/events?follow=false&{query}", EventLines(lines, "e-3"))
    assert [int(each[6]) for each in events(text)] == wanted


@pytest.mark.parametrize(
    "query",
    [
        "kind=",
        "kind=lost,nothing",
        "peer=",
        "since=yesterday",
        "since=",
        "last=-1",
        "last=many",
        "last=9999999",
        "last=²",
        "follow=maybe",
        "speed=high",
    ],
)
def test_what_a_listener_cannot_want_is_named(query: str) -> None:
    app, hub = stream()
    answer = exchange(app, "GET", f"/events?{query}")
    assert answer.status == 400
    assert answer.text.count("\n") == 1
    assert "expected" in answer.text
    assert hub.asked == []


def test_errors_show_nothing_as_it_came() -> None:
    with pytest.raises(StreamQueryError, match=r"\\x1b"):
        StreamQuery.parse("kind=%1b[31m")


def test_only_get() -> None:
    answer = exchange(stream()[0], "POST", "/events")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


def test_there_are_so_many_listeners_at_a_time() -> None:
    assert exchange(stream(most=0)[0], "GET", "/events").status == 503


def test_a_listener_that_goes_leaves_nothing() -> None:
    """`exchange` hangs up at once."""
    app, hub = stream()
    for _ in range(20):
        assert exchange(app, "GET", "/events").status == 200
    assert all(each.is_cancelled for each in hub.given)


def test_silence_is_broken_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.0)
    text, hub = get("/events", *[EventLines((), "e-1")] * 2, ActorDeadError("gone"))
    assert text.count(": alive\n\n") == 2
    assert events(text) == ['event: end\ndata: {"reason":"hub lost"}']
    assert hub.asked[0].wait == 0.0


def test_a_hub_that_does_not_answer_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.0)
    monkeypatch.setattr(module, "_ANSWER_S", 0.01)
    app, _hub = stream()

    async def until_over() -> bytes:
        sent: list[bytes] = []

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message.get("body", b""))

        await app(scope("GET", "/events"), receive, send)
        return b"".join(sent)

    assert b"hub lost" in asyncio.run(until_over())


def test_when_the_server_stops_the_listener_is_told() -> None:
    app, hub = stream(EventLines((line(1),), "e-1"))

    async def until_over() -> tuple[list[Message], bool]:
        stopping, sent = asyncio.Event(), list[Message]()

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)
            if b"e-1" in message.get("body", b""):
                stopping.set()

        request = {**scope("GET", "/events"), "state": {STOPPING: stopping}}
        await app(request, receive, send)
        return sent, request["state"][STREAM]

    sent, is_stream = asyncio.run(until_over())
    assert is_stream
    assert sent[-1] == {
        "type": "http.response.body",
        "body": b'event: end\ndata: {"reason":"stopped"}\n\n',
        "more_body": False,
    }
    assert hub.given[-1].is_cancelled


def test_where_there_is_no_hub_there_is_no_stream() -> None:
    assert event_routes(None, is_public=True, most=1) == {}
