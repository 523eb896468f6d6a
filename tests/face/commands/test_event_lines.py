"""What a node's `/events` sends, as lines for people."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.events.happenings import (
    KINDS,
    Banned,
    BanReason,
    DeadLetter,
    Folded,
    Restarted,
    RestartReason,
)
from peerage.actors.events.rendering import as_dict
from peerage.commands.event_lines import Notice, cause, event_line, read_notices
from tests.actors.events.parts import ANNA, came, event, gone, refused


def read(text: bytes) -> list[Notice]:
    return list(read_notices(text.splitlines(keepends=True)))


def test_events_notices_and_signs_of_life_are_told_apart() -> None:
    text = b': events\n\nid: e-1\ndata: {"kind":"lost"}\n\nevent: missed\ndata: {"missed":3}\n\n: alive\n\n'
    assert read(text) == [
        Notice(""),
        Notice("message", {"kind": "lost"}),
        Notice("missed", {"missed": 3}),
        Notice(""),
    ]


def test_an_event_that_breaks_off_is_none() -> None:
    assert read(b'data: {"kind":"lo') == []


@pytest.mark.parametrize("data", [b"{", b"[]", b"7"])
def test_what_is_no_event_is_said(data: bytes) -> None:
    with pytest.raises(ValueError):
        read(b"data: " + data + b"\n\n")


@given(st.binary())
def test_whatever_comes_gives_notices_or_a_value_error(text: bytes) -> None:
    with contextlib.suppress(ValueError):
        read(text)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (came(), f"connected   {ANNA}@192.0.2.1:26656 inbound moniker=anna version=0.38.0"),
        (
            gone(),
            f"lost        {ANNA}@192.0.2.1:26656 inbound (no pong: none) moniker=anna version=0.38.0 seconds=5.0",
        ),
        (refused(), "refused     192.0.2.9:1 inbound (filtered: why)"),
        (
            Banned(BanReason.OFFENCE, "wrong ID", ANNA, "then", 2),
            f"banned      {ANNA} (offence: wrong ID) until=then times=2",
        ),
        (
            Restarted(RestartReason.KILLED, "process ended by SIGKILL", "switch"),
            "restarted   switch (killed: process ended by SIGKILL)",
        ),
        (DeadLetter("peers-0", "switch/switch", 3), "dead-letter peers-0 target=switch/switch count=3"),
        (Folded("refused", "filtered", 9), "folded      refused (filtered) count=9"),
    ],
    ids=lambda value: value.kind if hasattr(value, "kind") else "",
)
def test_lines(what: object, line: str) -> None:
    assert event_line(as_dict(event(what))) == f"1970-01-01T00:16:40.000Z {line}"


@pytest.mark.parametrize(
    ("reason", "detail", "told"),
    [
        ("no pong", "none within 45 s", "no pong: none within 45 s"),
        ("closed by the operator", "closed by the operator", "closed by the operator"),
        ("banned", "banned: 10.0.0.1, by the operator", "banned: 10.0.0.1, by the operator"),
        ("stopped", "", "stopped"),
        ("", "who knows", "who knows"),
        ("", "", ""),
    ],
)
def test_a_cause_is_not_said_twice(reason: str, detail: str, told: str) -> None:
    assert cause(reason, detail) == told


def test_all_kinds_fit_their_column() -> None:
    assert max(map(len, KINDS)) <= len("dead-letter")


@settings(max_examples=40)
@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.lists(st.text())))
def test_nothing_reaches_a_terminal_as_it_came(keys: dict[str, object]) -> None:
    assert event_line(keys).isprintable()
