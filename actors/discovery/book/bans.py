"""The list of bans: which node IDs, IP addresses and networks are banned, why and until when."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.timestamps import LATEST, NEVER, nanoseconds
from peerage.actors.discovery.errors import BanSubjectError
from peerage.wire.ip_ranges import IPAddress, IPNetwork, normal, parse_network
from peerage.wire.keys import is_node_id, normal_id

BAN_S = 24 * 3600.0  # reference 8
MAX_BANS = 65_536  # so that a flood of offenders is bounded; the bans that end first make room
MADE_ROOM = 1024  # bans dropped at a time, because finding them takes a look at the whole list

_Slot = tuple[int, int, int]  # version, prefix length, network bits


@dataclass(frozen=True, slots=True)
class Ban:
    """One ban.

    subject: a node ID, or an IP address or network in its usual form. since, until: Unix nanoseconds.
    strikes: how often it was banned while the list knew it. entry: what the book knew of a banned ID, so that
    it can come back. shut_until: until when its connections are refused, if that is not `until`: an ID whose
    address was bad (nobody answers there, or somebody else) has done nothing, and may connect.
    """

    subject: str
    reason: str
    since: int
    until: int
    strikes: int = 1
    entry: KnownAddress | None = None
    shut_until: int | None = None

    @property
    def shuts_out_until(self) -> int:
        """Until when its connections are refused."""
        return self.until if self.shut_until is None else self.shut_until

    def joined(self, other: Ban) -> Ban:
        """What two bans of one subject, decided apart, mean together: each end is the later one.

        The reason is that of the ban that ends last. In whatever order, and however often, bans are joined, the result is
        the same.
        """
        until, reason = max((self.until, self.reason), (other.until, other.reason))
        shut_until = max(self.shuts_out_until, other.shuts_out_until)
        return Ban(
            self.subject,
            reason,
            max(self.since, other.since),
            until,
            max(self.strikes, other.strikes),
            self.entry or other.entry,
            None if shut_until == until else shut_until,
        )


def normal_subject(text: str) -> str:
    """The form in which a subject is always written.

    Raises: BanSubjectError.
    """
    if is_node_id(text):
        return normal_id(text)
    network = _network(text)
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


class BanList:
    """All bans, including those that are over but not lifted yet.

    A ban that is over keeps nobody out (`ban_of`), but an ID stays out of the address book until it is
    reinstated (`holds`).
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._bans: dict[str, Ban] = {}
        self._networks: dict[_Slot, str] = {}
        self._prefixes: Counter[tuple[int, int]] = Counter()  # which (version, prefix length) occur
        self._touched: set[str] = set()

    def __len__(self) -> int:
        return len(self._bans)

    def __iter__(self) -> Iterator[Ban]:
        return iter(tuple(self._bans.values()))

    @property
    def any_network(self) -> bool:
        """Whether an IP address or network is on the list at all."""
        return bool(self._networks)

    def get(self, subject: str) -> Ban | None:
        """The ban of exactly this subject, over or not."""
        return self._bans.get(normal_subject(subject))

    def holds(self, node_id: str) -> bool:
        """Whether the ID is on the list, even if its time is over."""
        return bool(self._bans) and normal_id(node_id) in self._bans

    def ban_of(self, node_id: str | None = None, ip: IPAddress | None = None) -> Ban | None:
        """The ban for which connections of this ID or IP are refused now. Cheap enough for every connection.

        Args: what is known: before the handshake the IP, after it the ID too.
        """
        now = nanoseconds(self._clock())
        if node_id is not None:
            ban = self._bans.get(normal_id(node_id))
            if ban is not None and ban.shuts_out_until > now:
                return ban
        if ip is not None and self._networks:
            return self._ban_of_ip(normal(ip), now)
        return None

    def add(
        self,
        subject: str,
        seconds: float,
        reason: str,
        entry: KnownAddress | None = None,
        *,
        address_only: bool = False,
    ) -> Ban:
        """Ban a subject for a time from now. If it is banned already, the later end counts.

        Args: address_only, whether an ID may still connect: only its address is bad.
        Raises: BanSubjectError.
        """
        key = normal_subject(subject)
        now = nanoseconds(self._clock())
        until = min(now + nanoseconds(seconds), LATEST)
        shut_until = NEVER if address_only else until
        before = self._bans.get(key)
        strikes = 1
        if before is None:
            self._make_room()
        else:
            strikes = before.strikes + 1
            until = max(until, before.until)
            shut_until = max(shut_until, before.shuts_out_until)
            entry = entry or before.entry
        ban = Ban(key, reason, now, until, strikes, entry, None if shut_until == until else shut_until)
        self._enter(ban)
        self._touched.add(key)
        return ban

    def adopt(self, ban: Ban) -> bool:
        """Take over a ban that was decided elsewhere. If its subject is banned here too, both are joined.

        Returns: whether that changed anything.
        Raises: BanSubjectError.
        """
        key = normal_subject(ban.subject)
        before = self._bans.get(key)
        joined = replace(ban, subject=key) if before is None else before.joined(ban)
        if joined == before:
            return False
        if before is None:
            self._make_room()
        self._enter(joined)
        self._touched.add(key)
        return True

    def lift(self, subject: str) -> bool:
        """End a ban.

        Returns: whether there was one.
        Raises: BanSubjectError.
        """
        key = normal_subject(subject)
        if self._bans.pop(key, None) is None:
            return False
        self._touched.add(key)
        if not is_node_id(key):
            slot = _slot(_network(key))
            del self._networks[slot]
            self._prefixes[slot[:2]] -= 1
            self._prefixes += Counter()  # forgets prefix lengths that no ban has
        return True

    def in_force(self) -> list[Ban]:
        """The bans for which connections are refused now."""
        now = nanoseconds(self._clock())
        return [ban for ban in self._bans.values() if ban.shuts_out_until > now]

    def published(self) -> tuple[Ban, ...]:
        """The bans in force, without what the book knew of the banned: for all that admit connections."""
        return tuple(replace(ban, entry=None) for ban in self.in_force())

    def over(self) -> list[Ban]:
        """The bans whose time is over."""
        now = nanoseconds(self._clock())
        return [ban for ban in self._bans.values() if ban.until <= now]

    def restore(self, ban: Ban) -> None:
        """Put back what a store kept; it is not journaled again.

        Raises: BanSubjectError.
        """
        subject = normal_subject(ban.subject)
        self._enter(ban if subject == ban.subject else replace(ban, subject=subject))

    def drain(self) -> tuple[tuple[Ban, ...], tuple[str, ...]]:
        """The bans that changed and the subjects of those that are gone, since the last call."""
        touched, self._touched = self._touched, set()
        changed = tuple(self._bans[subject] for subject in touched if subject in self._bans)
        return changed, tuple(subject for subject in touched if subject not in self._bans)

    def _enter(self, ban: Ban) -> None:
        if ban.subject not in self._bans and not is_node_id(ban.subject):
            slot = _slot(_network(ban.subject))
            self._networks[slot] = ban.subject
            self._prefixes[slot[:2]] += 1
        self._bans[ban.subject] = ban

    def _make_room(self) -> None:
        if len(self._bans) >= MAX_BANS:
            for ban in heapq.nsmallest(MADE_ROOM, self._bans.values(), key=lambda ban: ban.until):
                self.lift(ban.subject)

    def _ban_of_ip(self, ip: IPAddress, now: int) -> Ban | None:
        for version, length in self._prefixes:
            if version == ip.version:
                subject = self._networks.get((version, length, int(ip) >> (ip.max_prefixlen - length)))
                if subject is not None and self._bans[subject].until > now:
                    return self._bans[subject]
        return None


def _network(text: str) -> IPNetwork:
    try:
        return parse_network(text)
    except ValueError:
        raise BanSubjectError(text) from None


def _slot(network: IPNetwork) -> _Slot:
    shift = network.max_prefixlen - network.prefixlen
    return network.version, network.prefixlen, int(network.network_address) >> shift
