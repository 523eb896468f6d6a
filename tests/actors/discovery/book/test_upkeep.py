"""What is wrong with addresses, and which an operator's rule names."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.timestamps import DAY, NEVER, SECOND
from peerage.actors.discovery.book.upkeep import CleaningRule, Judge, why_dead
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import START, address, node_id

NOW = int(START * SECOND)


def row(number: int, **known: object) -> KnownAddress:
    """An address that was heard of an hour ago."""
    found = KnownAddress(address(number), address(900), last_attempt=NOW - 3600 * SECOND)
    return replace(found, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, ""),
        ({"attempts": 3}, "it has never answered, 3 tries"),
        ({"attempts": 2}, ""),
        ({"last_attempt": NOW - 9 * DAY}, "it has been neither dialled nor heard of for 9 days"),
        ({"last_attempt": NOW - 9 * DAY, "last_success": NOW - 9 * DAY}, "it has not answered for 9 days"),
        ({"attempts": 10, "last_success": NOW - 8 * DAY}, "it has not answered for 8 days, 10 tries"),
        ({"attempts": 10, "last_success": NOW - 6 * DAY}, ""),
        ({"last_attempt": NEVER}, "it was never dialled, and nobody says when it was heard of"),
        ({"incompatible": 1}, "its node is of another network"),
    ],
)
def test_who_is_dead_and_why(known: dict[str, object], words: str) -> None:
    """The book's own rule, in words."""
    assert why_dead(row(1, **known), NOW) == words


def test_the_gravest_fault_of_each_is_told() -> None:
    """In the order of the rows; who has none is not mentioned."""
    rows = [
        replace(row(1), address=NetAddress("x", "1.2.3.4", 1)),
        row(2, attempts=5),
        row(3),
        row(4),
        row(5, address=NetAddress(node_id(5), "10.0.0.5", 1), attempts=9),
        row(6),
        row(7, attempts=9),
    ]
    judge = Judge(
        NOW,
        strict=True,
        own=[node_id(2)],
        private=[node_id(3)],
        bans=[Ban(node_id(4), "", 0, 1), Ban("1.0.0.0/8", "", 0, 2 * NOW)],
    )
    found = [(each.id, each.fault.value) for each in judge.findings(rows)]
    assert found == [
        ("x", "invalid"),
        (node_id(2), "self"),
        (node_id(3), "private"),
        (node_id(4), "banned"),
        (node_id(5), "not routable"),
        (node_id(7), "dead"),
    ]


def test_who_is_routable_counts_for_strict_books_alone() -> None:
    inner = row(5, address=NetAddress(node_id(5), "10.0.0.5", 1))
    assert not list(Judge(NOW, strict=False).findings([inner]))


def test_whoever_answered_last_at_a_place_has_replaced_the_others() -> None:
    """Where nobody has answered, nobody is known to be wrong."""
    place = "1.2.3.4"
    rows = [
        row(1, address=address(1, place), last_success=NOW - 2 * DAY),
        row(2, address=address(2, place), last_success=NOW - DAY),
        row(3, address=address(3, place)),
        row(4, address=address(4, place, 1)),
        row(5, address=address(5, "1.2.3.5")),
        row(6, address=address(6, "1.2.3.5")),
    ]
    found = [(each.id, each.fault.value) for each in Judge(NOW, strict=True).findings(rows)]
    assert found == [(node_id(1), "replaced"), (node_id(3), "replaced")]


def test_a_node_that_was_switched_off_for_long_has_not_lost_everybody() -> None:
    """The dead are judged as of the last moment when the book learned anything."""
    rows = [row(1), row(2, last_attempt=NOW - 8 * DAY), row(3, attempts=4)]
    later = NOW + 60 * DAY
    assert [each.id for each in Judge(later, strict=True).findings(rows)] == [node_id(2), node_id(3)]
    assert not list(Judge(later, strict=True).findings([]))


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (CleaningRule(), []),
        (CleaningRule(failed=4), [2]),
        (CleaningRule(older_than=5 * DAY), [3, 4]),
        (CleaningRule(unroutable=True), [5]),
        (CleaningRule(other_network=True), [6]),
        (CleaningRule(networks=(ip_network("10.0.0.0/24"), ip_network("::/0"))), [5]),
        (CleaningRule(failed=1, other_network=True), [2, 6]),
    ],
)
def test_a_rule_names_rows(rule: CleaningRule, names: list[int]) -> None:
    """A row goes if any part of the rule names it."""
    rows = [
        row(1),
        row(2, attempts=4, last_success=NOW - DAY),
        row(3, last_success=NOW - 6 * DAY),
        row(4, last_success=NEVER, last_attempt=NOW - 6 * DAY),
        row(5, address=NetAddress(node_id(5), "10.0.0.5", 1)),
        row(6, incompatible=1),
    ]
    assert [int(each.id, 16) for each in rule.findings(rows, NOW)] == names
    assert bool(rule) is bool(names)
