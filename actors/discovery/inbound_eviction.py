"""Which inbound peer gives its place to a newcomer when all places are taken.

Bitcoin Core's rule (`SelectNodeToEvict`): first spare those that an attacker could not easily be among, by several measures
at once, then let go of one from the address group that has most peers left. Whoever wants all inbound places of a node would
have to be in many groups, near, useful, and there for longer than everybody else.

Two things differ. Bitcoin Core spares fixed numbers, of more than a hundred places; here they are shares, because 40 places
are usual and ten are no rarity. And a place changes hands only for a reason: because the peers are spread over more groups
afterwards, or because the peer that goes has never been of any use. So a node full of honest peers stays as it is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

__all__ = ["GRACE_S", "PATIENCE_S", "InboundEviction", "InboundPeer", "Outlook"]

# One in so many is spared for each measure; then half of the others for their age.
SPARED_FOR_GROUP = 10
SPARED_FOR_LATENCY = 10
SPARED_FOR_USE = 5
GRACE_S = 5.0  # until then a peer has had little time to be of use: a few round trips, and a reactor's first messages
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

    def victim_for(self, group: str) -> InboundPeer | None:
        """Who goes for a newcomer whose address is in this group. None: the newcomer does."""
        victim = self.victim
        if victim is None:
            return None
        beside_newcomer, beside_victim = self.groups.get(group, 0), self.groups[victim.group]
        if beside_newcomer + 1 < beside_victim:
            return victim  # the peers are spread better afterwards
        if math.isfinite(victim.idle) or beside_newcomer > beside_victim:
            return None
        return victim if beside_newcomer < beside_victim or victim.age >= PATIENCE_S else None


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
        """Those that no measure spares."""
        total = len(peers)
        spared = {peer.id for peer in self._of_lucky_groups(peers, total // SPARED_FOR_GROUP)}

        def spare(count: int, key: Callable[[InboundPeer], float]) -> None:
            measured = (peer for peer in peers if peer.id not in spared and math.isfinite(key(peer)))
            spared.update(peer.id for peer in sorted(measured, key=key)[:count])

        spare(total // SPARED_FOR_LATENCY, lambda peer: peer.latency)
        spare(total // SPARED_FOR_USE, lambda peer: peer.idle)
        others = [peer for peer in peers if peer.id not in spared]
        spared.update(peer.id for peer in _oldest(others)[: len(others) // 2])
        return [peer for peer in others if peer.id not in spared]

    def _of_lucky_groups(self, peers: list[InboundPeer], count: int) -> list[InboundPeer]:
        """The oldest peers of as many groups, which are drawn by the salt."""
        oldest: dict[str, InboundPeer] = {}
        for peer in peers:
            if peer.group not in oldest or peer.age > oldest[peer.group].age:
                oldest[peer.group] = peer
        return [oldest[group] for group in sorted(oldest, key=self._lot)[:count]]

    def _lot(self, group: str) -> bytes:
        return blake2b(group.encode(), key=self._salt, digest_size=8).digest()


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
