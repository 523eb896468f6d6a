"""What a watcher says of itself to a peer, so that the peer sends it everything.

CometBFT sends transactions to a peer that is at most one height behind, proposals to one that is in the same round, and
votes to one that may still need them; to whoever says nothing it sends nothing but what it broadcasts. So a watcher says,
with a `NewRoundStep`, that it is where the peer says it is: at the beginning of that round, where nothing is had yet. It
goes on to the next height when it has the block, as an honest node does: a peer that is ahead sends the rest. It never says
that it has a vote or a part.

Each peer is followed for itself. One that lies about the height is followed into nowhere, alone.

Source: `gossipDataRoutine`, `gossipVotesRoutine` and `broadcastTxRoutine` of CometBFT's reactors (decision 0067).
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["Follower", "Place"]

NEW_HEIGHT: Final = 1  # steps of a round, as CometBFT numbers them
NEW_ROUND: Final = 2

BLOCK_WAIT_S: Final = 2.0
"""So long a watcher stays for a block's parts. Longer, and transactions would stop: they are for peers that keep up."""


class Place(NamedTuple):
    """Where a node is. Args: last_commit_round, in which the height before was decided; -1 at a chain's first height."""

    height: int
    round: int
    last_commit_round: int
    seconds: int = 0

    @property
    def step(self) -> int:
        """The step at which a node has nothing of a round yet. In the first round it takes late precommits, too."""
        return NEW_HEIGHT if self.round == 0 else NEW_ROUND


class Follower:
    """Where one peer is, and where we have told it that we are."""

    def __init__(self) -> None:
        self._told: Place | None = None
        self._next: Place | None = None
        self._since = 0.0

    def at(self, place: Place, complete: int, now: float) -> Place | None:
        """The peer says where it is. Args: complete, the highest height whose block we have. Returns: what to tell it."""
        told = self._told
        if told is not None and place[:2] <= told[:2]:
            return None  # a step of the same round, or it goes back: CometBFT ignores that, too
        if self._next is None:
            self._since = now
        self._next = place
        return self.due(complete, now)

    def due(self, complete: int, now: float) -> Place | None:
        """What to tell the peer now, perhaps: a block is complete, or time has gone by."""
        told, place = self._told, self._next
        if place is None:
            return None
        is_next = told is None or place.height == told.height
        if not (is_next or told is None or complete >= told.height or now - self._since >= BLOCK_WAIT_S):
            return None
        self._told, self._next = place, None
        return place
