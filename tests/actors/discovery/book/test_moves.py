"""Nodes that are said to have moved: who is believed, and what a dial there shows."""

from __future__ import annotations

from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.moves import MAX_MOVED, Moves
from tests.actors.discovery.nodes import address, entry, node_id

ELSEWHERE, THIRD = address(1, "200.1.2.3"), address(1, "201.1.2.3")
OTHER = address(9)


def moves(*, follow: bool = True) -> tuple[Moves, TouchedIDs]:
    touched = TouchedIDs()
    return Moves(touched, follow=follow), touched


def test_a_node_is_believed_at_once() -> None:
    """The store hears of it; the same again changes nothing, another address replaces it."""
    known, touched = moves()
    one = entry(1)
    known.hear(one, ELSEWHERE, ELSEWHERE)
    assert (one.moved, touched.drain()) == (ELSEWHERE, (node_id(1),))
    known.hear(one, ELSEWHERE, ELSEWHERE)
    assert touched.drain() == ()
    known.hear(one, THIRD, THIRD)
    assert (one.moved, len(known)) == (THIRD, 1)


def test_others_are_believed_when_it_does_not_answer_and_only_the_first_of_them() -> None:
    """They may name a relay of theirs."""
    known, _ = moves()
    one = entry(1)
    known.hear(one, ELSEWHERE, OTHER)
    assert one.moved is None
    one.failed(1)
    known.hear(one, ELSEWHERE, OTHER)
    known.hear(one, THIRD, OTHER)
    assert one.moved == ELSEWHERE


def test_a_dial_that_fails_elsewhere_disproves_the_move_and_says_nothing_of_its_own_address() -> None:
    """A dial of a third address says nothing of either."""
    known, _ = moves()
    one = entry(1)
    known.hear(one, ELSEWHERE, ELSEWHERE)
    assert not known.was_elsewhere(one, None)
    assert not known.was_elsewhere(one, address(1))
    assert known.was_elsewhere(one, THIRD)
    assert one.moved == ELSEWHERE
    assert known.was_elsewhere(one, ELSEWHERE)
    assert not len(known)
    assert one.known().moved is None


def test_only_the_id_itself_moves_and_only_elsewhere() -> None:
    """By a handshake there."""
    known, _ = moves()
    one = entry(1)
    assert known.may_follow(one, ELSEWHERE)
    assert not known.may_follow(one, address(1))
    assert not known.may_follow(one, address(2, "200.1.2.3"))


def test_each_is_looked_at_in_its_turn() -> None:
    """One that was looked at comes last the next time."""
    known, _ = moves()
    for number in (1, 2, 3):
        elsewhere = address(number, "200.1.2.3")
        known.hear(entry(number), elsewhere, elsewhere)
    first = [next(known.in_turn()).address.id for _ in range(4)]
    assert first == [node_id(number) for number in (1, 2, 3, 1)]


def test_the_one_heard_of_first_makes_room() -> None:
    """A remote cannot make the list grow without end."""
    known, _ = moves()
    heard = [entry(number) for number in range(MAX_MOVED + 1)]
    for number, one in enumerate(heard):
        elsewhere = address(number, "200.1.2.3")
        known.hear(one, elsewhere, elsewhere)
    assert len(known) == MAX_MOVED
    assert heard[0].moved is None
    assert heard[1].moved is not None


def test_it_is_kept_over_restarts_and_absences() -> None:
    """The entry knows it, the list is made again."""
    known, _ = moves()
    one = entry(1)
    known.hear(one, ELSEWHERE, ELSEWHERE)
    known.leave(one)
    assert (one.moved, len(known)) == (ELSEWHERE, 0)
    known.note(one)
    assert list(known.in_turn()) == [one]


def test_with_the_switch_off_nobody_moves() -> None:
    """The address first heard stays, as with CometBFT."""
    known, touched = moves(follow=False)
    one = entry(1)
    known.hear(one, ELSEWHERE, ELSEWHERE)
    assert one.moved is None
    assert not known.may_follow(one, ELSEWHERE)
    assert not touched
