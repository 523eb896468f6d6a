"""Which inbound peer gives its place to a newcomer when all places are taken.

Bitcoin Core's rule (`SelectNodeToEvict`): first spare those that an attacker could not easily be among, by several measures
at once, then let go of one from the address group that has most peers left. Whoever wants all inbound places of a node would
have to be in many groups, near, useful, and there for longer than everybody else.

Three things differ. Bitcoin Core spares fixed numbers, of more than a hundred places; here they are shares, because 40
places are usual and ten are no rarity. Peers that have never been of any use go first, so that a crowd which came early and
does nothing has no place for ever. And a place changes hands only for a reason: because the peers are spread over more
groups afterwards, or because the peer that goes was never of use. So a node full of honest peers stays as it is.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

__all__ = [
    "GRACE_S",
    "PATIENCE_S",
    "TURN_S",
    "InboundEviction",
    "InboundPeer",
    "Outlook",
    "Turns",
    "best_serving",
]

T = TypeVar("T")

# One in so many is spared for each measure; then half of the others for their age.
SPARED_FOR_GROUP = 10
SPARED_FOR_LATENCY = 10
SPARED_FOR_USE = 5
GRACE_S = 5.0  # until then a peer has had little time to be of use: a few round trips, and a reactor's first messages
TURN_S = 60.0
MOST_TURNS = 4096  # groups; beyond, the one that had its turn longest ago is forgotten
PATIENCE_S = 60.0  # then one that never was gives way to others of its own group, too


@dataclass(frozen=True, slots=True)
class InboundPeer:
    """What is known of one inbound peer.

    Args:
        id: whatever the caller knows it by.
        group: of its address, see `peerage.wire.ip_ranges.group_of`.
        age: seconds since it became a peer.
        latency: seconds of a round trip; infinite as long as none was measured.
        idle: seconds since it was last useful; infinite if it never was.
        is_kept: the operator wants it, so it never goes (persistent or unconditional).
    """

    id: str
    group: str
    age: float
    latency: float = math.inf
    idle: float = math.inf
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Outlook:
    """Who would go next, and for whom.

    Args: victim, None when every peer is spared; groups, how many peers each has.
    """

    victim: InboundPeer | None
    groups: Mapping[str, int]

    def victim_for(self, group: str, *, has_turn: bool = True) -> InboundPeer | None:
        """Who goes for a newcomer whose address is in this group. None: the newcomer does.

        Args: has_turn, whether the group may take the place of one that was merely of no use (see `Turns`).
        """
        victim = self.victim
        if victim is None:
            return None
        beside_newcomer, beside_victim = self.groups.get(group, 0), self.groups[victim.group]
        if beside_newcomer + 1 < beside_victim:
            return victim  # the peers are spread better afterwards
        if not has_turn or math.isfinite(victim.idle) or beside_newcomer > beside_victim:
            return None
        return victim if beside_newcomer < beside_victim or victim.age >= PATIENCE_S else None


class Turns:
    """Whose turn it is: a group may take places of useless peers once in TURN_S.

    A flood of newcomers who do nothing, each in the place of the one before, costs more than to turn them away. An honest
    newcomer needs one turn.
    """

    def __init__(self) -> None:
        self._taken: OrderedDict[str, float] = OrderedDict()  # group → when, the earliest first

    def has(self, group: str, now: float) -> bool:
        """Whether it has one. Args: now, monotonic seconds."""
        return now - self._taken.get(group, -math.inf) >= TURN_S

    def take(self, group: str, now: float) -> None:
        """It has got a place."""
        self._taken[group] = now
        self._taken.move_to_end(group)
        if len(self._taken) > MOST_TURNS:
            self._taken.popitem(last=False)


class InboundEviction:
    """See the module's text. Decides the same for the same peers, in whatever order they are given.

    Args: salt, secret, 1 to 64 bytes: some groups are spared by it, and an attacker must not be able to choose one of them.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def choose(self, peers: Iterable[InboundPeer], newcomer_group: str) -> InboundPeer | None:
        """Which of the peers goes, for a newcomer whose address is in this group. None: the newcomer does."""
        return self.outlook(peers).victim_for(newcomer_group)

    def outlook(self, peers: Iterable[InboundPeer]) -> Outlook:
        """The same for any newcomer; it holds as long as the peers are these, and little time has passed."""
        present = sorted(peers, key=lambda peer: peer.id)
        exposed = self._exposed([peer for peer in present if not peer.is_kept])
        return Outlook(_least_missed(exposed) if exposed else None, Counter(peer.group for peer in present))

    def _exposed(self, peers: list[InboundPeer]) -> list[InboundPeer]:
        """Those that no measure spares, age being the last; as long as some have never been of use, half of those."""
        spared = set(self._of_lucky_groups(peers, len(peers) // SPARED_FOR_GROUP))
        spared |= best_serving(peers, lambda peer: peer.latency, lambda peer: peer.idle, beside=spared)
        others = [peer for peer in peers if peer not in spared]
        useless = [peer for peer in others if not math.isfinite(peer.idle)]
        oldest_first = _oldest(useless or others)
        return oldest_first[len(oldest_first) // 2 :]

    def _of_lucky_groups(self, peers: list[InboundPeer], count: int) -> list[InboundPeer]:
        """The oldest peers of as many groups, which are drawn by the salt."""
        oldest: dict[str, InboundPeer] = {}
        for peer in peers:
            if peer.group not in oldest or peer.age > oldest[peer.group].age:
                oldest[peer.group] = peer
        return [oldest[group] for group in sorted(oldest, key=self._lot)[:count]]

    def _lot(self, group: str) -> bytes:
        return blake2b(group.encode(), key=self._salt, digest_size=8).digest()


def best_serving(
    peers: Collection[T],
    latency: Callable[[T], float],
    idle: Callable[[T], float],
    beside: Collection[T] = (),
) -> set[T]:
    """Those that are spared for what they are worth: one in ten for its latency, one in five for having been useful last.

    Args: latency, idle, of a peer, see InboundPeer; beside, those of the peers that are spared anyway.
    """
    spared = set(beside)

    def spare(count: int, key: Callable[[T], float]) -> None:
        measured = (peer for peer in peers if peer not in spared and math.isfinite(key(peer)))
        spared.update(sorted(measured, key=key)[:count])

    spare(len(peers) // SPARED_FOR_LATENCY, latency)
    spare(len(peers) // SPARED_FOR_USE, idle)
    return spared


def _oldest(peers: list[InboundPeer]) -> list[InboundPeer]:
    """In the order of their age, but the oldest of each group before the second of any: a crowd may have come early."""
    by_age = sorted(peers, key=lambda peer: -peer.age)
    seen: Counter[str] = Counter()
    ranks = []
    for peer in by_age:
        ranks.append(seen[peer.group])
        seen[peer.group] += 1
    return [by_age[index] for index in sorted(range(len(by_age)), key=ranks.__getitem__)]


def _least_missed(exposed: list[InboundPeer]) -> InboundPeer:
    """The youngest of the fullest group, among those that have had their grace; or whose grace ends next.

    Groups that are equally full count as one. A flood of newcomers would replace the very youngest again and again, so that
    none could show what it is good for. In this way each has as long as there is.
    """
    left = Counter(peer.group for peer in exposed)
    most = max(left.values())

    def order(peer: InboundPeer) -> tuple[bool, float]:
        has_had_grace = peer.age >= GRACE_S
        return has_had_grace, -peer.age if has_had_grace else peer.age

    return max((peer for peer in exposed if left[peer.group] == most), key=order)
