"""Cases and their groups."""

from __future__ import annotations

from peerage.conformance.case import TIMEOUT, Case, Group, Outcome, Rule, When


def nothing(_visitor: object) -> None:
    """A case that does nothing."""


def test_cases_have_the_rule_that_was_named_last() -> None:
    """And the rest of what `about` says; `when` may be another for one of them."""
    group = Group("group", "key")
    group.about("1", "first", asks_pex=True)
    group.ends("a", nothing)
    group.about("2", "second", when=When.WIDELY)
    group.goes_on("b", nothing)
    group.goes_on("c", nothing, when=When.ALWAYS)
    first, second, third = group.cases
    assert (first.rule, first.asks_pex, first.when) == (Rule("1", "first"), True, When.ALWAYS)
    assert (second.rule, second.asks_pex, second.when) == (Rule("2", "second"), False, When.WIDELY)
    assert third.when is When.ALWAYS


def test_a_right_answer_is_told_in_words() -> None:
    """Each that may be."""
    group = Group("group")
    group.waits("a", nothing)
    group.leaves("b", nothing)
    assert [case.right for case in group.cases] == [
        "the node ends the connection or the node waits",
        "the node serves the next peer",
    ]


def test_groups_take_cases_of_others_once() -> None:
    """The named ones in the other's order, then the rest."""
    other, group = Group("other"), Group("group")
    for name in "abc":
        other.ends(name, nothing)
    group.take(other, "c", "b")
    group.ends("d", nothing)
    group.take(other)
    assert [case.name for case in group.cases] == ["b", "c", "d", "a"]


def test_cases_that_wait_for_the_node_are_known() -> None:
    """So that they wait side by side."""
    case = Case("a", nothing, frozenset({Outcome.ENDED}))
    assert not case.is_timeout
    assert Case("a", nothing, case.must, rule=TIMEOUT).is_timeout
    assert Case("a", nothing, case.must, when=When.PATIENTLY).is_timeout
