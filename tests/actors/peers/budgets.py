"""Memory budgets for tests: the hosts of a node, each with a loop of its own."""

from __future__ import annotations

import os

from peerage.actors.peers.memory_budget import MemoryBudget
from peerage.actors.peers.memory_table import MemoryTable
from tests.actors.peers.fake_loop import FakeLoop

PLENTY = 1 << 40

__all__ = ["PLENTY", "Trims", "budgets_of", "plenty"]


class Trims:
    """Counts how often freed memory was given back."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def budgets_of(
    limit: int, *loops: FakeLoop, least: int = 0, give_back: Trims | None = None
) -> list[MemoryBudget]:
    """One for each host of a node. Args: limit, bytes of the whole node; least, below which nobody may lower it."""
    fd = MemoryTable.create(len(loops), limit, least)
    try:
        return [
            MemoryBudget(MemoryTable(fd, index, len(loops)), loop, give_back or Trims())
            for index, loop in enumerate(loops)
        ]
    finally:
        os.close(fd)


def plenty(loop: FakeLoop) -> MemoryBudget:
    """A budget that is never used up."""
    return budgets_of(PLENTY, loop)[0]
