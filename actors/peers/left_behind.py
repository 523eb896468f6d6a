"""What ended connections have left with reactors that have not consumed it: it takes memory until they have.

A peer whose reactor is slow could otherwise leave and come again, each time with new windows, while those of its former
connections lie in the reactor's mailbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from peerage.actors.messages import RemovePeer
from peerage.actors.peers.addressees import Addressees
from peerage.actors.peers.memory_budget import ALLOWANCE, MemoryBudget
from peerage.actors.peers.stream import Loop
from peerage.actors.runtime import Future

__all__ = ["LeftBehind"]


class LeftBehind:
    """Keeps it in the budget of a host.

    Args: loop and addressees, of the host; budget, where it stays counted.
    """

    def __init__(self, loop: Loop, addressees: Addressees, budget: MemoryBudget) -> None:
        self._loop, self._addressees, self._budget = loop, addressees, budget

    def note(self, connection: str, unconsumed: Mapping[str, int]) -> None:
        """A connection has ended. Args: unconsumed, by reactor, bytes that it was handed and had not consumed."""
        for reactor, size in unconsumed.items():
            if size > ALLOWANCE:
                self._budget.waiting_changed(size)
                # In a turn of the host's actor, who is there to hear the answer.
                self._loop.call_soon(self._ask, connection, reactor, size)

    def _ask(self, connection: str, reactor: str, size: int) -> None:
        # Whatever the connection had sent stands before this in the reactor's mailbox. It has been removed there already.
        answer = self._addressees.reactor(reactor).ask(RemovePeer(connection, ""), block=False, exempt=True)
        answer.then(partial(self._consumed, size))

    def _consumed(self, size: int, _answer: Future[object]) -> None:
        """The reactor has come so far, or has ended and its mailbox with it."""
        self._budget.waiting_changed(-size)
