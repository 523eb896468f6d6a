"""What changed last: keys, each with the number of its last change, so that a reader can ask for what is new to it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Recency(Generic[K]):
    """Keys in the order of their last change. A key that changes again has the later number only.

    Attribute: last, the number of the last change; 0 before the first.
    """

    def __init__(self) -> None:
        self.last = 0
        self._numbers: dict[K, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, key: K) -> bool:
        return key in self._numbers

    def touch(self, key: K) -> int:
        """Note that a key has changed. Returns: the number of that change."""
        self._numbers.pop(key, None)
        self.last += 1
        self._numbers[key] = self.last
        return self.last

    def drop(self, key: K) -> None:
        """Forget a key."""
        self._numbers.pop(key, None)

    def after(self, number: int, most: int) -> tuple[list[K], int]:
        """The keys that changed after that change, the earliest first, at most so many.

        Returns: they, and the number to go on from. The search takes time only for what is new.
        """
        found: list[tuple[K, int]] = []
        for key in reversed(self._numbers):
            changed = self._numbers[key]
            if changed <= number:
                break
            found.append((key, changed))
        found.reverse()
        if len(found) <= most:
            return [key for key, _ in found], self.last
        return [key for key, _ in found[:most]], found[most - 1][1]
