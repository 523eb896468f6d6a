"""Places for accepted connections that are not peers yet, apart from those of the peers.

Whoever opens connections and says nothing, or says it slowly, takes these places and no others. No prefix of addresses has
more than its share. When none is left, the oldest unfinished handshake of the fullest prefix gives its place up: an honest
one is done in a few round trips, so the oldest is most likely none.

Those that have proved who they are give way last. At a seed they wait for an answer, elsewhere for the switch. And a prefix
that has its share makes room among its own, but not for whoever comes next: each handshake has a moment first. So a flood of
one prefix costs no more than to turn it away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from peerage.actors.runtime.limits import Purpose, kept_for

__all__ = [
    "GRACE_S",
    "HOST_DESCRIPTORS",
    "Entry",
    "HandshakeLimits",
    "HandshakePlaces",
    "Prefixes",
    "prefixes_of",
    "spare_descriptors",
]

# The prefixes that are counted, in bytes: whom a provider gives a network, and the provider.
NARROW_V4, WIDE_V4 = 3, 2  # /24, /16
NARROW_V6, WIDE_V6 = 6, 4  # /48, /32
HOST_DESCRIPTORS = (
    64  # of a peer host's own: 20 for the runtime, 3 for each part that it speaks to, its listener
)
LEAST_OF_HOST = 64  # however many hosts share the places
FEWEST_OF_PREFIX = 8
NARROW_SHARE, WIDE_SHARE = 4, 2  # one prefix has at most this part of the places
GRACE_S = 0.5  # for a handshake, before it gives way to another of its own prefix: two slow round trips


class Prefixes(NamedTuple):
    """The narrow and the wide one of an address. No two of the four kinds have the same length."""

    narrow: bytes
    wide: bytes


def prefixes_of(ip: str) -> Prefixes:
    """Of an IP address, as text. Raises: OSError, it is none."""
    if ":" in ip:
        packed = inet_pton(AF_INET6, ip)
        return Prefixes(packed[:NARROW_V6], packed[:WIDE_V6])
    packed = inet_pton(AF_INET, ip)
    return Prefixes(packed[:NARROW_V4], packed[:WIDE_V4])


@dataclass(frozen=True, slots=True)
class HandshakeLimits:
    """Most connections at once.

    Args: total; narrow, of an IPv4 /24 or an IPv6 /48; wide, of an IPv4 /16 or an IPv6 /32.
    """

    total: int
    narrow: int
    wide: int

    @classmethod
    def of_host(cls, places: int, hosts: int, descriptors: int) -> HandshakeLimits:
        """The share of one peer host.

        Args:
            places: of the node.
            hosts: how many share them.
            descriptors: that the host has beside those of its peers; there are no more places than that, for a host that
                runs out of them accepts nobody, and who is hostile could have them all.
        """
        total = min(max(LEAST_OF_HOST, -(-places // max(1, hosts))), max(FEWEST_OF_PREFIX, descriptors))
        narrow, wide = total // NARROW_SHARE, total // WIDE_SHARE
        return cls(total, max(FEWEST_OF_PREFIX, narrow), max(FEWEST_OF_PREFIX, wide))


def spare_descriptors(limit: int, peers: int, hosts: int) -> int:
    """How many descriptors a peer host has for connections that are no peers; less than 0 if not even the peers fit.

    Args: limit, RLIMIT_NOFILE of its process; peers, most of the node; hosts, how many share them.
    """
    return limit - kept_for(Purpose.STRANGERS, limit) - HOST_DESCRIPTORS - -(-peers // max(1, hosts))


class _Queue:
    """Connections by prefix, each prefix in the order in which they came."""

    def __init__(self) -> None:
        self.sizes: Counter[bytes] = Counter()  # of narrow and wide prefixes
        self._wide: dict[
            bytes, dict[str, bytes]
        ] = {}  # wide prefix → connections, with the narrow one of each
        self._sizes_of_wide: dict[bytes, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def most(self) -> int:
        """How many connections the fullest wide prefix has."""
        return max(self._sizes_of_wide.values(), default=0)

    def add(self, connection: str, prefixes: Prefixes) -> None:
        members = self._wide.setdefault(prefixes.wide, {})
        members[connection] = prefixes.narrow
        self._count += 1
        for prefix in prefixes:
            self.sizes[prefix] += 1
        self._sizes_of_wide[prefixes.wide] = len(members)

    def remove(self, connection: str, prefixes: Prefixes) -> None:
        members = self._wide[prefixes.wide]
        del members[connection]
        self._count -= 1
        for prefix in prefixes:
            self.sizes[prefix] -= 1
            if not self.sizes[prefix]:
                del self.sizes[prefix]
        if members:
            self._sizes_of_wide[prefixes.wide] = len(members)
        else:
            del self._wide[prefixes.wide], self._sizes_of_wide[prefixes.wide]

    def oldest_of_narrow(self, prefixes: Prefixes) -> str | None:
        """The one that has been here longest, of this narrow prefix."""
        members = self._wide.get(prefixes.wide, {})
        return next((name for name, narrow in members.items() if narrow == prefixes.narrow), None)

    def oldest_of_wide(self, wide: bytes) -> str | None:
        """The same of the fullest narrow prefix in a wide one."""
        members = self._wide.get(wide)
        if not members:
            return None
        most = max(self.sizes[narrow] for narrow in set(members.values()))
        return next(name for name, narrow in members.items() if self.sizes[narrow] == most)

    def oldest_of_fullest(self, order: dict[str, Prefixes]) -> str | None:
        """The same of the fullest wide prefix; among equals, of the one that has waited longest. Args: order, by age."""
        most = self.most
        for name, prefixes in order.items():
            members = self._wide.get(prefixes.wide, {})
            if name in members and len(members) == most:
                return self.oldest_of_wide(prefixes.wide)
        return None


class Entry(NamedTuple):
    """What became of a connection that wanted a place.

    Args: has_place; gone, another one that has lost its place to it.
    """

    has_place: bool
    gone: str | None = None


class HandshakePlaces:
    """Those of one peer host. Connections are known by their names.

    Args: limits, an attribute, too; now, monotonic seconds.
    """

    def __init__(self, limits: HandshakeLimits, now: Callable[[], float]) -> None:
        self.limits = limits
        self._now = now
        self._prefixes: dict[str, Prefixes] = {}  # in the order in which they came
        self._since: dict[str, float] = {}
        self._unproved, self._proved = _Queue(), _Queue()
        self._has_proved: set[str] = set()

    def __len__(self) -> int:
        """How many places are taken."""
        return len(self._prefixes)

    def enter(self, connection: str, ip: str) -> Entry:
        """Give a connection a place, if there is one for it."""
        prefixes = prefixes_of(ip)
        gone: str | None = None
        if self._is_fullest(prefixes):
            gone = self._oldest_beside(prefixes)
            if gone is None or self._now() - self._since[gone] < GRACE_S:
                return Entry(has_place=False)
        elif len(self) >= self.limits.total:
            queues = self._unproved, self._proved
            found = (queue.oldest_of_fullest(self._prefixes) for queue in queues)
            gone = next(connection for connection in found if connection is not None)
        if gone is not None:
            self.leave(gone)
        self._prefixes[connection] = prefixes
        self._since[connection] = self._now()
        self._unproved.add(connection, prefixes)
        return Entry(has_place=True, gone=gone)

    def prove(self, connection: str) -> None:
        """It has shown who it is; without effect when it has no place."""
        prefixes = self._prefixes.get(connection)
        if prefixes is not None and connection not in self._has_proved:
            self._unproved.remove(connection, prefixes)
            self._proved.add(connection, prefixes)
            self._has_proved.add(connection)

    def leave(self, connection: str) -> None:
        """It has ended, or is a peer now; a second time does nothing."""
        prefixes = self._prefixes.pop(connection, None)
        if prefixes is not None:
            del self._since[connection]
            queue = self._proved if connection in self._has_proved else self._unproved
            queue.remove(connection, prefixes)
            self._has_proved.discard(connection)

    def _is_fullest(self, prefixes: Prefixes) -> bool:
        """Whether a prefix has its share already; without a free place, also if none has more."""
        narrow, wide = map(self._size_of, prefixes)
        if narrow >= self.limits.narrow or wide >= self.limits.wide:
            return True
        return len(self) >= self.limits.total and wide >= max(self._unproved.most, self._proved.most)

    def _oldest_beside(self, prefixes: Prefixes) -> str | None:
        """Who gives way within a prefix."""
        queues = self._unproved, self._proved
        if self._size_of(prefixes.narrow) >= self.limits.narrow:
            found = (queue.oldest_of_narrow(prefixes) for queue in queues)
        else:
            found = (queue.oldest_of_wide(prefixes.wide) for queue in queues)
        return next((connection for connection in found if connection is not None), None)

    def _size_of(self, prefix: bytes) -> int:
        return self._unproved.sizes[prefix] + self._proved.sizes[prefix]
