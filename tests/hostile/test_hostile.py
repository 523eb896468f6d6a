"""A node among hostile peers: what they send ends their connection or nothing, and nobody else notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.conformance.case import Case, Group, Outcome
from tests.hostile.results import Results, less_strict, put_through
from tests.hostile.suite import GROUPS
from tests.hostile.targets import OurNode, Target
from tests.hostile.trial import Finding

PAGE = Path(__file__).parents[2] / "docs/reference/hostile-cases.md"
FEWEST = 170
FLOOD_S = 0.3


@pytest.fixture(scope="module")
def node() -> Iterator[Target]:
    with OurNode() as running:
        yield running


def joined(name: str, groups: list[Group]) -> Group:
    """All their cases as one group: what they wait for they wait for together."""
    one = Group(name)
    for group in groups:
        for case in group.cases:
            one.cases.append(Case(f"{group.name}: {case.name}", case.act, case.must, case.is_dialled))
    return one


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_case_ends_as_it_must_and_nobody_else_notices(node: Target) -> None:
    """The honest peer beside them is served, no process and no connection is left or lost, and no error is logged."""
    group = joined("all", [each for each in GROUPS if not each.is_flood])
    assert put_through(node, [group]).wrong == []


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_floods_end_or_are_outlived(node: Target) -> None:
    """The same, with a shorter dose than the command's."""
    assert put_through(node, [each for each in GROUPS if each.is_flood], FLOOD_S).wrong == []


def test_the_cases_are_many_and_each_has_a_name_of_its_own() -> None:
    """By group."""
    names = Counter((group.name, case.name) for group in GROUPS for case in group.cases)
    assert names.total() > FEWEST
    assert max(names.values()) == 1


def test_the_page_has_every_case() -> None:
    """`python -m tests.hostile --write` makes it."""
    text = PAGE.read_text()
    missing = [
        f"| {case.name} "
        for group in GROUPS
        for case in group.cases
        if f"| {case.name.replace('|', '')} " not in text
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("ours", "theirs", "is_looser"),
    [
        (Outcome.SERVED, Outcome.ENDED, True),
        (Outcome.HELD, Outcome.ENDED, True),
        (Outcome.ENDED, Outcome.ENDED, False),
        (Outcome.ENDED, Outcome.SERVED, False),
        (Outcome.SERVED, Outcome.SERVED, False),
    ],
)
def test_who_goes_on_where_the_other_ends_is_less_strict(
    ours: Outcome, theirs: Outcome, is_looser: bool
) -> None:
    """Whatever should have become of it."""

    def results(outcome: Outcome) -> Results:
        case = Case("case", lambda _visitor: None, frozenset({Outcome.ENDED}))
        finding = Finding("group", case, outcome, 0.0, "")
        return Results("node", {("group", "case"): finding}, {}, (0, 0), (0, 0), {}, [])

    assert bool(less_strict(results(ours), [results(theirs)])) == is_looser
