"""What a peer host does when the memory of its container or service runs short, besides accepting nobody."""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.memory_pressure import WHOLE, MemoryPressure
from peerage.actors.peers.stream import Loop
from peerage.actors.runtime.log import get_logger

__all__ = ["Shedding"]

log = get_logger("peerage.transport")


class Shedding:
    """Looks at the memory whether or not anybody connects, tells the log, and has what connections hold cut down.

    Args:
        loop: of the host.
        memory: what it looks at.
        shrink: called with each change of the part of what they may hold otherwise that connections may hold from now on.
        speaks: whether it writes the lines for all hosts of the node: they look at the same figures.
    """

    def __init__(
        self,
        loop: Loop,
        memory: MemoryPressure,
        shrink: Callable[[float], object],
        *,
        speaks: bool = True,
    ) -> None:
        self._loop, self._memory, self._shrink, self._speaks = loop, memory, shrink, speaks
        self._share = WHOLE  # that was told last: whoever accepts may have looked in between

    def look(self) -> None:
        """Look now, and again and again."""
        self._memory.look()
        before, self._share = self._share, self._memory.share
        if self._share != before:
            self._say(before)
            self._shrink(self._share)
        self._loop.call_later(self._memory.look_s, self.look)

    def _say(self, before: float) -> None:
        if not self._speaks:
            return
        if self._share == WHOLE:
            log.info("memory is enough again")
        elif self._share < before:
            log.warning("memory is short", cause=self._memory.lack, share=self._share)
