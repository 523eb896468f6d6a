"""How many connections one IP address may have, and one prefix: CometBFT knows one for each address, or any number.

Plain values, so that peer hosts, switch and peer exchange go by the same rule, each over its own connections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from peerage.wire.ip_ranges import IPAddress, IPNetwork, packed_ip, parse_ip, prefix_of, shown_ip

__all__ = ["Crowd", "IPLimits"]


@dataclass(frozen=True, slots=True)
class IPLimits:
    """What the operator allows.

    Args:
        per_ip: most connections of one address; None: any number.
        per_prefix: most of one IPv4 /24 or IPv6 /56; None: any number.
        exempt: addresses in these networks are not limited, and do not count in their prefix.
    """

    per_ip: int | None = 1
    per_prefix: int | None = None
    exempt: tuple[IPNetwork, ...] = ()

    def of(self, packed: bytes) -> tuple[tuple[int, bytes], ...]:
        """The limits that hold for an address: the number each time, and the bytes with which all that count together begin.

        Args: packed, see `packed_ip`. Returns: that of the address itself first, which has all 16 bytes.
        """
        if (self.per_ip is None and self.per_prefix is None) or self.is_exempt(packed):
            return ()
        of_ip = () if self.per_ip is None else ((self.per_ip, packed),)
        return of_ip if self.per_prefix is None else (*of_ip, (self.per_prefix, prefix_of(packed)))

    def is_exempt(self, packed: bytes) -> bool:
        """Whether the address is in one of the exempt networks."""
        if not self.exempt:
            return False
        ip = parse_ip(shown_ip(packed))
        return any(ip in network for network in self.exempt)


class Crowd:
    """Who is connected, by address and prefix. Args: ips, of all that count."""

    def __init__(self, limits: IPLimits, ips: Iterable[IPAddress]) -> None:
        self._limits = limits
        self._there = Counter(prefix for ip in ips for _, prefix in limits.of(packed_ip(str(ip))))

    def is_full(self, ip: IPAddress) -> bool:
        """Whether one more from this address would be one too many."""
        limits = self._limits.of(packed_ip(str(ip)))
        return any(self._there[prefix] >= most for most, prefix in limits)
