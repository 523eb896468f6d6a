"""wire/quick_pickle.py: values as tuples on their way."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field, replace

import pytest

from peerage.wire.quick_pickle import quick_pickle


@quick_pickle
@dataclass(frozen=True, slots=True)
class One:
    """With a single field, which may itself be a tuple."""

    value: object


@quick_pickle
@dataclass(frozen=True, slots=True)
class Many:
    """With a check that only the maker needs, and a default."""

    name: str
    one: One
    more: tuple[int, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError


VALUES = [One(1), One((1, 2)), One(None), Many("n", One(())), Many("n", One(Many("m", One(2))), (1, 2))]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", VALUES, ids=str)
def test_what_comes_out_equals_what_went_in(value: object, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(value, protocol))
    assert again == value
    assert hash(again) == hash(value)


def test_copies_and_changed_copies_are_values_too() -> None:
    value = VALUES[-1]
    assert isinstance(value, Many)
    assert copy.copy(value) == copy.deepcopy(value) == value
    assert replace(value, name="other").one == value.one


def test_names_of_fields_do_not_travel() -> None:
    """The values alone, in their order."""
    assert b"more" not in pickle.dumps(VALUES[-1])
