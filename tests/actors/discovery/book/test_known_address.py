"""What is known of one address, and what a dial makes of it."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.book.known_address import (
    FIRST_LET_BE,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    VERIFY_AGAIN_AFTER,
    Entry,
    Kind,
    Standing,
    same_place,
)
from peerage.actors.discovery.book.timestamps import DAY
from tests.actors.discovery.nodes import address, entry

NOW = 10_000 * DAY


def test_a_handshake_clears_what_was_held_against_it() -> None:
    """It is worth a look again after half an hour."""
    known = entry(1)
    known.failed(NOW - 2)
    known.is_another_network(NOW - 1)
    known.answered(NOW, 5)
    assert (known.attempts, known.incompatible, known.last_success, known.latency) == (0, 0, NOW, 5)
    assert known.next_try == NOW + VERIFY_AGAIN_AFTER
    assert known.known().standing is Standing.VERIFIED


def test_a_handshake_that_was_not_timed_keeps_the_last_latency() -> None:
    """An inbound peer's dial was not ours."""
    known = entry(1)
    known.answered(NOW, 5)
    known.answered(NOW, 0)
    assert known.latency == 5


def test_the_pause_behind_a_failure_doubles_up_to_a_day() -> None:
    """As many as there may be."""
    known, pauses = entry(1), []
    for _ in range(40):
        known.failed(NOW)
        pauses.append(known.next_try - NOW)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert known.known().standing is Standing.FAILING


def test_a_node_of_another_network_has_not_failed_and_is_let_be_for_longer_each_time() -> None:
    """Up to a day."""
    known = entry(1)
    known.failed(NOW)
    known.is_another_network(NOW)
    assert (known.attempts, known.next_try) == (0, NOW + FIRST_LET_BE)
    for _ in range(40):
        known.is_another_network(NOW)
    assert known.next_try == NOW + LONGEST_PAUSE
    assert known.known().standing is Standing.INCOMPATIBLE


def test_a_row_and_its_entry_say_the_same() -> None:
    """But for the buckets, which a table gives."""
    known = entry(1, at=NOW, source=address(9))
    known.failed(NOW)
    known.moved = address(1, "200.1.2.3")
    assert known.known().standing is Standing.FAILING
    assert Entry.of(known.known(), Kind.NEW).known() == known.known()
    assert Entry.of(known.known(), Kind.OLD).known().kind is Kind.OLD


def test_it_is_dialled_elsewhere_once_it_does_not_answer_and_checked_there_at_once() -> None:
    """A check proves the move, a dial for a peer should find one."""
    known, elsewhere = entry(1), address(1, "200.1.2.3")
    known.moved = elsewhere
    assert (known.dialable(), known.place_to_check()) == (address(1), elsewhere)
    known.failed(NOW)
    assert known.dialable() == elsewhere


@pytest.mark.parametrize("ip", ["9.8.7.6", "2600::1"])
def test_a_place_is_an_ip_and_a_port(ip: str) -> None:
    """Whoever is said to be there."""
    assert same_place(address(1, ip), address(2, ip))
    assert not same_place(address(1, ip), address(1, ip, port=1))
    assert entry(1).is_at(address(2, str(address(1).host)))
