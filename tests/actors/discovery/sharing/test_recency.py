"""What changed last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.sharing.recency import Recency


def test_a_reader_gets_what_is_new_to_it_once() -> None:
    """What changes again is new again."""
    changes: Recency[str] = Recency()
    for key in "abc":
        changes.touch(key)
    found, number = changes.after(0, 10)
    assert found == ["a", "b", "c"]
    assert changes.after(number, 10) == ([], number)
    changes.touch("a")
    assert changes.after(number, 10)[0] == ["a"]


def test_what_was_dropped_is_no_news() -> None:
    """It may be touched again."""
    changes: Recency[str] = Recency()
    changes.touch("a")
    changes.touch("b")
    changes.drop("a")
    changes.drop("never there")
    assert changes.after(0, 10)[0] == ["b"]
    assert ("a" in changes, "b" in changes, len(changes)) == (False, True, 1)


@given(st.lists(st.integers(0, 5)), st.integers(1, 4), st.data())
def test_by_parts_a_reader_learns_all(touched: list[int], most: int, data: st.DataObject) -> None:
    """Whatever changes meanwhile: each key is told after its last change."""
    changes: Recency[int] = Recency()
    number = 0
    told: dict[int, int] = {}
    for key in touched:
        changes.touch(key)
        if data.draw(st.booleans()):
            found, number = changes.after(number, most)
            assert len(found) <= most
            told |= dict.fromkeys(found, number)
    while number < changes.last:
        found, number = changes.after(number, most)
        told |= dict.fromkeys(found, number)
    assert told.keys() == set(touched)
    assert changes.after(number, most) == ([], number)
