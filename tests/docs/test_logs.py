"""docs/reference/logs.md: every event that the code can log, with its levels and keys, and nothing else."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from typing import NamedTuple

import pytest

from tests.docs.log_calls import Event, Sources, UnreadableCallError, events
from tests.docs.pages import CHECKOUT, claim
from tests.house import Module

PAGE = CHECKOUT / "docs" / "reference" / "logs.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([a-z, ]+) \| ([^|]*) \| (.+) \|$", re.MULTILINE)
LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{15}Z \[(\w+) *\] (.+?) \[(peerage\.\w+)\] node=\S+ ?(.*)")
COMMON = {"timestamp", "level", "event", "logger", "node"}
PLAIN = claim("docs/reference/logs.md", "node started [")
JSON = claim("docs/reference/logs.md", '"event":')


class Row(NamedTuple):
    """What the page says of an event."""

    levels: set[str]
    keys: set[str]


@cache
def page() -> dict[str, Row]:
    text = PAGE.read_text(encoding="utf-8").partition("## All events")[2]
    rows = ROW.findall(text)
    assert len({name for name, *_ in rows}) == len(rows), "an event stands there twice"
    return {
        name: Row(set(levels.split(", ")), set(re.findall(r"`(\w+)`", keys)))
        for name, levels, keys, _what in rows
    }


@cache
def code() -> dict[str, Event]:
    return events()


def test_the_page_has_every_event_of_the_code_and_no_other() -> None:
    """An operator who finds a line can look it up, and one who alerts on an event waits for one that there is."""
    places = {name: sorted(event.places) for name, event in code().items() if name not in page()}
    assert (places, page().keys() - code().keys()) == ({}, set())


def test_levels_and_keys_are_those_of_the_code() -> None:
    """So that what is written against the page works."""
    wrong = {
        name: (event.levels ^ page()[name].levels, event.keys ^ page()[name].keys, sorted(event.places))
        for name, event in code().items()
        if name in page() and (event.levels, event.keys) != page()[name]
    }
    assert wrong == {}


def test_no_key_is_one_that_every_line_has() -> None:
    """It would take its place."""
    assert [name for name, event in code().items() if event.keys & COMMON] == []


@pytest.mark.parametrize("number", range(len(PLAIN.text.splitlines())))
def test_a_line_that_the_page_shows_is_as_the_node_writes_it(number: int) -> None:
    """Level, event and keys in the form of today."""
    found = LINE.fullmatch(PLAIN.text.splitlines()[number])
    assert found
    level, event, _logger, facts = found.groups()
    assert level in page()[event].levels
    assert {fact.partition("=")[0] for fact in shlex.split(facts)} <= page()[event].keys


def test_the_shown_object_is_as_the_node_writes_it() -> None:
    """All that is known of a peer that has gone."""
    record = json.loads(JSON.text)
    row = page()[record["event"]]
    assert record["level"] in row.levels
    assert record.keys() == COMMON | row.keys


# --- how the calls are found -------------------------------------------------------------------------------------------


def found_in(text: str) -> dict[str, tuple[set[str], set[str]]]:
    sources = Sources([Module("m.py", "m", text)])
    return {name: (event.levels, event.keys) for name, event in sources.events().items()}


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("log.info('e', a=1)", ({"info"}, {"a"})),
        ("self._log.bind(x=1).error('e')", ({"error"}, set())),
        ("logger().exception('e')", ({"error"}, {"exception"})),
        ("def f():\n tell = log.debug if x else log.info\n tell('e', b=1)", ({"debug", "info"}, {"b"})),
        ("lines.say(log.warning, 'e', who, {'p': 1}, a=1)", ({"warning"}, {"a"})),
        (
            """def g():
 return {'d': 4}
def f(v):
 facts = {'a': 1, **g()} | ({} if v else {'b': 2})
 facts['c'] = 3
 log.info('e', **facts)""",
            ({"info"}, {"a", "b", "c", "d"}),
        ),
    ],
    ids=["plain", "bound", "exception", "chosen", "folded", "keys"],
)
def test_a_call_is_read(text: str, event: tuple[set[str], set[str]]) -> None:
    """In each form that the code has."""
    assert found_in(text) == {"e": event}


def test_what_a_function_is_handed_goes_with_the_event_that_it_is_handed_with() -> None:
    """Over several steps."""
    text = (
        "def came():\n come('came', {'a': 1})\ndef went():\n come('went', {'b': 1})\n"
        "def come(event, facts):\n say(event, facts)\ndef say(event, facts):\n log.info(event, **facts)"
    )
    assert found_in(text) == {"came": ({"info"}, {"a"}), "went": ({"info"}, {"b"})}


@pytest.mark.parametrize("text", ["log.info(f'e{x}')", "log.info('e', **x.facts)", "log.info(event)"])
def test_a_call_that_cannot_be_read_is_an_error(text: str) -> None:
    """It would not be on the page."""
    with pytest.raises(UnreadableCallError):
        found_in(text)
