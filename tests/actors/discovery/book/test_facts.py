"""Facts: bounded, journaled, by kind and name."""

from __future__ import annotations

import pickle

from peerage.actors.discovery.book.facts import MOST, Fact, FactKind, FactList


def test_what_changed_is_told_once() -> None:
    """The last state of each; one that is forgotten has no numbers."""
    facts = FactList()
    facts.keep(
        [Fact(FactKind.ASKED, "a", (1,)), Fact(FactKind.ASKED, "a", (2,)), Fact(FactKind.GROUP, "a", (3,))]
    )
    assert set(facts.drain()) == {Fact(FactKind.ASKED, "a", (2,)), Fact(FactKind.GROUP, "a", (3,))}
    assert facts.drain() == ()
    facts.keep([Fact(FactKind.ASKED, "a", (2,)), Fact(FactKind.ASKED, "nobody")])
    assert facts.drain() == ()
    facts.keep([Fact(FactKind.ASKED, "a")])
    assert facts.drain() == (Fact(FactKind.ASKED, "a"),)
    assert len(facts) == 1


def test_a_fact_travels() -> None:
    """Whole."""
    fact = Fact(FactKind.ASKED, "a", (1, 2))
    assert pickle.loads(pickle.dumps(fact)) == fact


def test_restoring_is_no_change() -> None:
    """A store is not told what it said."""
    facts = FactList()
    facts.restore([Fact(FactKind.ANCHOR, "a", (0,))])
    assert facts.of(FactKind.ANCHOR) == (Fact(FactKind.ANCHOR, "a", (0,)),)
    assert facts.drain() == ()


def test_each_kind_is_bounded() -> None:
    """The first makes room, also on disk."""
    facts = FactList()
    most = MOST[FactKind.ANCHOR]
    facts.keep(Fact(FactKind.ANCHOR, str(number), (number,)) for number in range(most + 1))
    assert len(facts) == most
    assert Fact(FactKind.ANCHOR, "0") in facts.drain()
