"""What is done for a while and then undone: when, and how."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import time
from collections.abc import Callable

from tests.chaos.chaos_node import ChaosNode, Log
from tests.chaos.faults import few_descriptors, full_disk_of, slow_disk
from tests.chaos.links import Link
from tests.chaos.plan import Action, Harm

__all__ = ["Passing", "break_link", "tamper"]

Undo = Callable[[], object]


class Passing:
    """All that is under way. Undo what is due with `look`."""

    def __init__(self) -> None:
        self._under_way: set[tuple[Harm, str]] = set()
        self._due: list[tuple[float, int, Undo]] = []
        self._numbers = itertools.count()

    def __bool__(self) -> bool:
        """Whether anything that was begun is still under way."""
        return bool(self._under_way)

    def has(self, target: str, *harms: Harm) -> bool:
        """Whether one of these is done to this target."""
        return any((harm, target) in self._under_way for harm in harms)

    def look(self) -> None:
        """Undo what is due."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[-1]()

    def later(self, seconds: float, do: Undo) -> None:
        """Have something done."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), do))

    def begin(self, action: Action, undo: Undo, may_undo: Callable[[], bool], again: float) -> None:
        """An action was begun: undo it in its time, or as soon as that may be, looking every `again` seconds."""
        key = action.harm, action.target
        self._under_way.add(key)

        def end() -> None:
            if not may_undo():
                self.later(again, end)
                return
            undo()
            self._under_way.discard(key)

        self.later(action.seconds, end)


def tamper(action: Action, node: ChaosNode, pid: int) -> Undo:
    """Do what passes to a process of the node, which may end meanwhile. Returns: what undoes it."""
    target = action.target
    match action.harm:
        case Harm.JUMP:
            node.call("set clock", actor=target, seconds=action.jump)
            return lambda: node.call("set clock", actor=target, seconds=0.0)
        case Harm.LOSE_NAMES:
            node.call("lose names", actor=target, lost=True)
            return lambda: node.call("lose names", actor=target, lost=False)
    stack = contextlib.ExitStack()
    faults = {Harm.FILL: full_disk_of, Harm.STARVE: few_descriptors}
    fault = faults.get(action.harm)
    stack.enter_context(slow_disk(node.store) if fault is None else fault(pid))
    return stack.close


def break_link(action: Action, link: Link, log: Log) -> Undo:
    """Silence a link, or cut it. Returns: what mends it."""
    log.harmed()
    if action.harm is Harm.CUT:
        link.cut()
    else:
        link.silence()

    def mend() -> None:
        link.mend()
        log.harmed()

    return mend
