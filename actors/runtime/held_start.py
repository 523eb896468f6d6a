"""A start in two steps: its process is made beside others, and the actor starts when it is its turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

R = TypeVar("R")


class HeldStart(Generic[R]):
    """A process that is being made, or waits, for an actor.

    Args: go_on, which starts the actor there and returns its ref; kill, which has the process killed.
    """

    def __init__(self, go_on: Callable[..., R], kill: Callable[[], object]) -> None:
        self._go_on, self._kill = go_on, kill
        self._is_over = False

    def start(self, *args: object, **kwargs: object) -> R:
        """As `Starter.start`. Only once."""
        if self._is_over:
            raise RuntimeError("this start is over")
        self._is_over = True
        return self._go_on(*args, **kwargs)

    def give_up(self) -> None:
        """There will be no actor: the process is killed. Does nothing after `start`."""
        if not self._is_over:
            self._is_over = True
            self._kill()
