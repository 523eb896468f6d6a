"""Values that are made by the million in a simulation: frozen for the type checker, not at run time.

A frozen dataclass sets each field through `object.__setattr__`, so that making one takes three times as long. That was a
tenth of the processor time of `peerage simulate`; a node makes too few of them to notice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make a dataclass with slots whose fields a type checker lets nobody set. It compares and hashes by its fields."""
    return dataclass(slots=True, unsafe_hash=True)(cls)


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def unique_value(cls: type[T]) -> type[T]:
    """The same for values that are equal to none but themselves."""
    return dataclass(slots=True, eq=False)(cls)
