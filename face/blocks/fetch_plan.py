"""Which block is asked of whom: rules without I/O, with the clock handed in.

Blocks are wanted in the order of their heights, since each is proved by the next. Every peer is asked for a few at a time,
all peers together for what lies in a window above the last proved one, and for as many bytes as we want to hold. Who says
that it has a block and does not give it is named with the reason, and let go by whoever uses the plan.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["FetchLimits", "FetchPlan"]

SMALLEST_GUESS = 4096  # bytes: what a block is taken for at least, while it is on its way
FIRST_GUESS = 1024 * 1024  # bytes, before any has come
FORGET = 0.98  # of the guess is kept with each block, so that one large block is not remembered for ever
MAX_REFUSALS = 3  # blocks that a peer said to have, and then had not
MAX_HEIGHT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much is asked for.

    Attributes:
        per_peer: blocks on their way from one peer.
        window: heights above the last proved one.
        held_bytes: of blocks that are here or on their way, by what they are guessed to have. The next block is asked for
            in any case.
        timeout: seconds in which a peer that is asked for something must give a block, or say what it has.
        hedge: seconds after which the block that all wait for is asked of another peer, too.
    """

    per_peer: int = 16
    window: int = 512
    held_bytes: int = 128 * 1024 * 1024
    timeout: float = 15.0
    hedge: float = 2.0


@dataclass(slots=True)
class _Peer:
    """One peer. Attributes: since, when it last gave something or was first asked again; is_own, whether it is no peer but a
    file of ours; has, None until it said so.
    """

    since: float
    is_own: bool = False
    has: range | None = None
    asked: dict[int, float] = field(default_factory=dict)
    lacks: set[int] = field(default_factory=set)
    refusals: int = 0


class FetchPlan:
    """What is here, what is on its way, and what to ask for next.

    Args: first, the height to begin with; last, the last one to ask for, None for as far as there are any; limits.
    """

    def __init__(self, first: int, last: int | None, limits: FetchLimits = FetchLimits()) -> None:
        self.next = first
        self._last = last
        self._limits = limits
        self._peers: dict[str, _Peer] = {}
        self._here: dict[int, int] = {}  # height → bytes
        self._missing: list[int] = []  # a heap of heights that nobody is asked for
        self._frontier = first  # every height below is here, on its way, or missing
        self._guess = float(FIRST_GUESS)
        self._bytes_here = 0

    # --- who is there ------------------------------------------------------------------------------------------------

    def join(self, peer: str, now: float, *, is_own: bool = False) -> None:
        """A peer is connected. It has been asked what it has. Args: is_own, for a file of ours: it is asked first."""
        self._peers[peer] = _Peer(now, is_own)

    def leave(self, peer: str) -> None:
        """A peer is gone: others are asked for what it was asked for. What it gave is still here."""
        gone = self._peers.pop(peer, None)
        for height in gone.asked if gone else ():
            self._want(height)

    def knows(self, peer: str) -> bool:
        """Whether it is asked for blocks."""
        return peer in self._peers

    def says(self, peer: str, base: int, height: int, now: float) -> str:
        """A peer says which blocks it has. Returns: what is wrong with that, or nothing."""
        known = self._peers.get(peer)
        if known is None:
            return ""
        if not 0 <= base <= height <= MAX_HEIGHT:
            return f"it says that it has blocks {base} to {height}"
        if known.has is None and not known.asked:
            known.since = now
        known.has = range(max(base, 1), height + 1)
        known.lacks.clear()
        return ""

    # --- what comes ----------------------------------------------------------------------------------------------------

    def arrived(self, peer: str, height: int, size: int, now: float) -> bool | None:
        """A block has come. Returns: whether it is needed; None if the peer was not asked for it."""
        known = self._peers.get(peer)
        if known is None or known.asked.pop(height, None) is None:
            return None
        known.since, known.refusals = now, 0
        if height in self._here or height < self.next:
            return False  # of another peer, which was quicker
        self._guess = max(SMALLEST_GUESS, size, self._guess * FORGET)
        self._here[height] = size
        self._bytes_here += size
        return True

    def refused(self, peer: str, height: int, now: float) -> str:
        """A peer has not the block that it was asked for. Returns: what is wrong with that, or nothing."""
        known = self._peers.get(peer)
        if known is None or known.asked.pop(height, None) is None:
            return ""
        known.since = now
        known.lacks.add(height)
        known.refusals += 1
        self._want(height)
        if known.refusals >= MAX_REFUSALS and known.has:
            return f"it has no block {height}, and says that it has {known.has[0]} to {known.has[-1]}"
        return ""

    def discard(self, height: int) -> None:
        """A block that came is worth nothing: it is wanted again."""
        size = self._here.pop(height, None)
        if size is not None:
            self._bytes_here -= size
            self._want(height)

    def proved(self) -> None:
        """The next block is proved, and need not be held here any more."""
        self._bytes_here -= self._here.pop(self.next, 0)
        self.next += 1

    # --- what to do ------------------------------------------------------------------------------------------------------

    def requests(self, now: float) -> Iterator[tuple[str, int]]:
        """Whom to ask for which height. Each is taken for asked."""
        end = self.next + self._limits.window
        if self._last is not None:
            end = min(end, self._last + 1)
        while self._frontier < end:
            heapq.heappush(self._missing, self._frontier)
            self._frontier += 1
        put_back = []
        while self._missing:
            height = heapq.heappop(self._missing)
            if height < self.next or height in self._here or self._is_asked(height):
                continue
            peer = self._whom_to_ask(height) if self._has_room(height) else None
            if peer is None:
                put_back.append(height)
                if not self._has_room(height) or not self._has_idle():
                    break
                continue
            yield self._ask(peer, height, now)
        for height in put_back:
            heapq.heappush(self._missing, height)
        yield from self._hedge(now)

    def overdue(self, now: float) -> list[tuple[str, str]]:
        """Peers that have not done what they were asked for, with the reason."""
        late = []
        for name, peer in self._peers.items():
            if now - peer.since < self._limits.timeout:
                continue
            if peer.has is None:
                late.append((name, f"it did not say which blocks it has within {self._limits.timeout:g} s"))
            elif peer.asked:
                late.append(
                    (
                        name,
                        f"it gave nothing for {self._limits.timeout:g} s when asked for block {min(peer.asked)}",
                    )
                )
        return late

    @property
    def reach(self) -> int:
        """The highest block that anybody says to have, of those that could go on with the next one; 0 for none."""
        heights = (
            peer.has[-1]
            for peer in self._peers.values()
            if peer.has and self.next in peer.has and self.next not in peer.lacks
        )
        return max(heights, default=0)

    @property
    def all_have_said(self) -> bool:
        """Whether everybody who is there has said what it has."""
        return all(peer.has is not None for peer in self._peers.values())

    @property
    def lowest_base(self) -> int | None:
        """The lowest block that anybody says to have; None if nobody has any."""
        return min((peer.has[0] for peer in self._peers.values() if peer.has), default=None)

    @property
    def highest(self) -> int:
        """The highest block that anybody says to have; 0 for none."""
        return max((peer.has[-1] for peer in self._peers.values() if peer.has), default=0)

    @property
    def on_their_way(self) -> int:
        """How many blocks are asked for, twice those that two peers are asked for."""
        return sum(len(peer.asked) for peer in self._peers.values())

    @property
    def bytes_here(self) -> int:
        return self._bytes_here

    # --- inside ------------------------------------------------------------------------------------------------------------

    def _want(self, height: int) -> None:
        if height >= self.next and height not in self._here and not self._is_asked(height):
            heapq.heappush(self._missing, height)

    def _is_asked(self, height: int) -> bool:
        return any(height in peer.asked for peer in self._peers.values())

    def _ask(self, name: str, height: int, now: float) -> tuple[str, int]:
        peer = self._peers[name]
        if not peer.asked:
            peer.since = now
        peer.asked[height] = now
        return name, height

    def _has_room(self, height: int) -> bool:
        # The next two are always asked for: the later one proves the earlier, and nothing is freed before.
        held = self._bytes_here + (self.on_their_way + 1) * self._guess
        return height <= self.next + 1 or held <= self._limits.held_bytes

    def _has_idle(self) -> bool:
        return any(peer.has and len(peer.asked) < self._limits.per_peer for peer in self._peers.values())

    def _whom_to_ask(self, height: int) -> str | None:
        """Who has the fewest on their way, among those who have this one."""
        able = [
            (not peer.is_own, len(peer.asked), name)
            for name, peer in self._peers.items()
            if peer.has is not None
            and height in peer.has
            and height not in peer.lacks
            and height not in peer.asked
            and len(peer.asked) < self._limits.per_peer
        ]
        return min(able)[2] if able else None

    def _hedge(self, now: float) -> Iterator[tuple[str, int]]:
        """Ask a second peer for the block that all wait for, if the first takes long."""
        for height in (self.next, self.next + 1):
            if height in self._here:
                continue
            asked = [peer.asked[height] for peer in self._peers.values() if height in peer.asked]
            if len(asked) == 1 and now - asked[0] >= self._limits.hedge:
                other = self._whom_to_ask(height)
                if other is not None:
                    yield self._ask(other, height, now)
