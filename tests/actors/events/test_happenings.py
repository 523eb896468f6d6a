"""The kinds of events, their keys and reasons: docs/reference/events.md has the same."""

from __future__ import annotations

import pickle
import re
from enum import StrEnum

import pytest

from peerage.actors.events.happenings import KINDS, BanReason, Direction, RestartReason
from peerage.actors.loss import LossReason
from peerage.actors.refusal import RefusalReason
from tests.actors.events.parts import came, event
from tests.house import ROOT

PAGE = ROOT / "docs/reference/events.md"
REASONS = {
    "refused": RefusalReason,
    "lost": LossReason,
    "banned": BanReason,
    "restarted": RestartReason,
}


def rows(heading: str) -> dict[str, str]:
    """The table below a heading: first cell without backticks → second."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| `([^`]+)` \| (.*?) \|", section, re.MULTILINE)
    assert len(cells) == len(dict(cells)), f"twice below {heading!r}"
    return dict(cells)


def test_the_page_has_each_kind_with_its_keys_in_order() -> None:
    shown = {kind: tuple(re.findall(r"`([^`]+)`", keys)) for kind, keys in rows("Kinds").items()}
    assert shown == {kind: each.__struct_fields__ for kind, each in KINDS.items()}


@pytest.mark.parametrize("kind", REASONS)
def test_the_page_has_each_reason(kind: str) -> None:
    assert set(rows(f"Reasons of `{kind}`")) == set(map(str, REASONS[kind]))


def test_no_other_kind_has_reasons_of_its_own() -> None:
    """`folded` has those of the kind that is folded."""
    with_reason = {kind for kind, each in KINDS.items() if "reason" in each.__struct_fields__}
    assert with_reason == {*REASONS, "folded"}


@pytest.mark.parametrize("enum", [*REASONS.values(), Direction])
def test_reasons_are_words_in_small_letters(enum: type[StrEnum]) -> None:
    assert all(re.fullmatch(r"[a-z -]+", each) for each in enum)


def test_events_travel_and_are_equal_by_value() -> None:
    assert pickle.loads(pickle.dumps(event(came()))) == event(came())
