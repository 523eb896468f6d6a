"""actors/asked_table.py: who has asked lately, in memory that processes share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peerage.actors import asked_table
from peerage.actors.asked_table import REMEMBERED_S, SLOTS, STAMPS, AskedTable, slot_of
from tests.actors.discovery.nodes import Clock, node_id

HOURS_S = STAMPS * REMEMBERED_S  # until stamps begin anew


@pytest.fixture
def memory() -> Iterator[int]:
    fd = AskedTable.create()
    yield fd
    os.close(fd)


def test_an_id_is_new_once_whoever_notes_it(memory: int) -> None:
    """Hosts and reactor see what the others have noted."""
    clock = Clock(now=0.0)
    one, other = AskedTable(memory, clock), AskedTable(memory, clock)
    assert one.note(node_id(1))
    assert [other.note(node_id(1)), one.note(node_id(1))] == [False, False]
    assert other.note(node_id(2))


def test_a_successor_knows_what_its_predecessor_noted(memory: int) -> None:
    clock = Clock(now=0.0)
    AskedTable(memory, clock).note(node_id(1))
    assert not AskedTable(memory, clock).note(node_id(1))


@pytest.mark.parametrize("began", [0.0, 1.0, REMEMBERED_S - 1.0, HOURS_S - 1.0])
def test_whoever_asked_within_a_minute_is_known_and_after_two_it_is_new(memory: int, began: float) -> None:
    """At whatever moment of the minute, also where stamps begin anew."""
    clock = Clock(now=began)
    table = AskedTable(memory, clock)
    table.note(node_id(1))
    clock.pass_by(REMEMBERED_S)
    assert not table.note(node_id(1))
    clock.pass_by(2 * REMEMBERED_S)
    assert table.note(node_id(1))


def test_whoever_shares_a_slot_is_taken_for_known(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """That costs a question, and gives nobody more than he may have."""
    monkeypatch.setattr(asked_table, "slot_of", lambda _id: 7)
    table = AskedTable(memory, Clock(now=0.0))
    assert [table.note(node_id(1)), table.note(node_id(2))] == [True, False]


@pytest.mark.parametrize("text", [node_id(1), "", "no ID", "\udc80é"])
def test_any_text_has_a_slot(text: str) -> None:
    """What a damaged book calls an ID, too."""
    assert 0 <= slot_of(text) < SLOTS
