"""Pickling of frozen values with slots as quickly as plain tuples.

What `dataclass` makes for these in Python 3.11 to 3.13 looks the fields up anew for each value, which takes longer than all
the rest of a small message between two processes (tests/bench/runtime_payloads.py).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

__all__ = ["quick_pickle"]

T = TypeVar("T", bound=type)


def quick_pickle(cls: T) -> T:
    """Have instances pickled by the values of their slots, in order, all of which are set.

    Use it above `@dataclass(frozen=True, slots=True)`. What is unpickled is not checked again: it was when it was made.
    """
    names: tuple[str, ...] = cls.__dict__["__slots__"]
    read = attrgetter(*names)
    writers: tuple[Callable[[Any, Any], None], ...] = tuple(getattr(cls, name).__set__ for name in names)

    def getstate(self: Any) -> tuple[Any, ...]:
        return read(self) if len(names) > 1 else (read(self),)

    def setstate(self: Any, state: Any) -> None:
        for write, value in zip(writers, state, strict=True):
            write(self, value)

    for function in (getstate, setstate):
        setattr(cls, f"__{function.__name__}__", function)
    return cls
