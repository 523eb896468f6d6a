"""Values that are frozen for the type checker only."""

from __future__ import annotations

import pickle

from peerage.actors.discovery.value import value


@value
class Pair:
    """A value of two fields, one with a default."""

    one: int
    other: int = 2


def test_values_are_equal_and_hash_alike_when_their_fields_are_equal() -> None:
    """As frozen dataclasses do: effects are compared in tests, and some are kept in sets."""
    assert Pair(1) == Pair(1, 2) != Pair(2)
    assert len({Pair(1), Pair(1, 2)}) == 1


def test_a_value_has_slots_and_survives_pickling() -> None:
    """Many are made, and some travel between processes."""
    assert not hasattr(Pair(1), "__dict__")
    assert pickle.loads(pickle.dumps(Pair(1))) == Pair(1)
