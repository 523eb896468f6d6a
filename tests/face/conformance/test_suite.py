"""Which cases are done."""

from __future__ import annotations

from collections import Counter

import pytest

from peerage.conformance.case import When
from peerage.conformance.suite import GROUPS, chosen

FEWEST = 60


def test_each_case_has_a_rule_and_a_name_of_its_own() -> None:
    """In its group; each group has a key for flags."""
    names = Counter((group.key, case.name) for group in GROUPS for case in group.cases)
    assert max(names.values()) == 1
    assert [name for group in GROUPS for name in [group.name] if not group.key] == []
    assert [
        case.name for group in GROUPS for case in group.cases if not (case.rule.section and case.rule.text)
    ] == []


def test_by_default_variants_and_what_is_too_much_are_left_out() -> None:
    """There are many all the same."""
    always, widely = chosen(), chosen(widely=True)
    assert FEWEST < len(always) < len(widely) < sum(len(group.cases) for group in GROUPS)
    assert {case.when for _group, case in always} == {When.ALWAYS, When.PATIENTLY}
    assert {case.when for _group, case in widely} == {When.ALWAYS, When.PATIENTLY, When.WIDELY}


@pytest.mark.parametrize(
    ("only", "skip", "count"),
    [
        (["pings"], [], 6),
        (["a ping"], [], 1),
        (["pings: a ping"], [], 1),
        (["pings: *pong*"], ["pings: no pong*"], 3),
        (["a key of 31 bytes"], [], 2),  # ephemeral, and a node's
        (["pings"], ["pings"], 0),
        (["the hello of SMTP"], [], 1),  # a variant that is asked for
    ],
)
def test_cases_are_named_by_group_name_or_pattern(only: list[str], skip: list[str], count: int) -> None:
    """In any mixture."""
    assert len(chosen(only, skip)) == count


def test_a_name_that_fits_nothing_is_told() -> None:
    """Each of them."""
    unknown: list[str] = []
    chosen(["pings", "pinks"], ["*x*y*z*w*"], known=unknown.append)
    assert unknown == ["pinks", "*x*y*z*w*"]
