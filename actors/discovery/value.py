"""Values that are made by the million in a simulation and leave a field out of comparisons, which `msgspec.Struct` cannot.

A frozen dataclass sets each field through `object.__setattr__`, so that making one takes three times as long. These are
frozen for the type checker only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make a dataclass with slots whose fields a type checker lets nobody set. It compares and hashes by its fields."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
