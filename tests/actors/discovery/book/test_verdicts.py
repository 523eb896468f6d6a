"""What dials have shown, in the entry and on the lists that follow from it."""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.known_address import Standing
from peerage.actors.discovery.book.verdicts import Verdicts
from tests.actors.discovery.nodes import entry, node_id


def test_each_result_puts_the_entry_on_its_list_and_takes_it_off_the_other() -> None:
    """Verified, failing, of another network, verified again; the store hears of each."""
    touched = TouchedIDs()
    verdicts, known = Verdicts(touched), entry(1)
    seen = []
    results: list[Callable[[], None]] = [
        lambda: verdicts.answered(known, 10, 0),
        lambda: verdicts.failed(known, 20),
        lambda: verdicts.is_another_network(known, 30),
        lambda: verdicts.answered(known, 40, 0),
    ]
    for result in results:
        result()
        assert touched.drain() == (node_id(1),)
        seen.append((known in verdicts.verified, known.address.id in verdicts.incompatible))
    assert seen == [(True, False), (False, False), (False, True), (True, False)]


def test_a_node_that_comes_by_itself_is_one_of_ours_again() -> None:
    """Untried: nobody has dialled it as one of ours."""
    verdicts, known = Verdicts(TouchedIDs()), entry(1)
    verdicts.is_another_network(known, 30)
    verdicts.is_ours_again(known)
    assert not verdicts.incompatible
    assert (known.known().standing, known.next_try) == (Standing.UNTRIED, 0)


def test_an_entry_with_a_history_goes_where_it_belongs() -> None:
    """After a restart, an import or a ban; what leaves is on no list."""
    verdicts = Verdicts(TouchedIDs())
    answered, failed, other, untried = (entry(number) for number in range(4))
    answered.answered(10, 0)
    failed.answered(10, 0)
    failed.failed(20)
    other.is_another_network(10)
    for known in (answered, failed, other, untried):
        verdicts.note(known)
    assert list(verdicts.verified) == [answered]
    assert verdicts.incompatible == {other.address.id}
    for known in (answered, other):
        verdicts.leave(known)
    assert not len(verdicts.verified)
    assert not verdicts.incompatible


def test_what_another_books_dial_has_shown_counts_as_shown_here() -> None:
    """On the lists, and in the entry; that somebody answered this node does not follow."""
    touched = TouchedIDs()
    verdicts, known, there = Verdicts(touched), entry(1), entry(1)
    dials: list[tuple[Callable[[], None], Standing]] = [
        (lambda: there.answered(10, 3), Standing.VERIFIED),
        (lambda: there.failed(20), Standing.FAILING),
        (lambda: there.is_another_network(30), Standing.INCOMPATIBLE),
    ]
    for shown, standing in dials:
        shown()
        verdicts.adopt(known, there.known())
        assert touched.drain() == (node_id(1),)
        assert known.known() == there.known()
        assert known.known().standing is standing
        assert (known in verdicts.verified) == (standing is Standing.VERIFIED)
        assert (known.address.id in verdicts.incompatible) == (standing is Standing.INCOMPATIBLE)
    assert verdicts.last_answer == 0
    verdicts.answered(known, 40, 0)
    assert verdicts.last_answer == 40
