"""A message class of a module, for comparison with one of the program itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Order:
    number: int
    item: str

    def price(self) -> int:
        return self.number * 2
