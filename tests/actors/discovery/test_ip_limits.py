"""How many connections an IP address and a prefix may have."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from peerage.actors.discovery.ip_limits import Crowd, IPLimits
from peerage.wire.ip_ranges import packed_ip, parse_ip, parse_network

OFFICE = (parse_network("192.0.2.0/28"),)
IP, NEIGHBOUR, FAR = "192.0.2.1", "192.0.2.200", "198.51.100.1"


def is_full(limits: IPLimits, there: Iterable[str], ip: str) -> bool:
    return Crowd(limits, map(parse_ip, there)).is_full(parse_ip(ip))


def test_by_default_an_address_has_one_connection() -> None:
    """CometBFT's rule; a prefix may have any number."""
    limits = IPLimits()
    assert limits.of(packed_ip(IP)) == ((1, packed_ip(IP)),)
    assert is_full(limits, [IP], IP)
    assert not is_full(limits, [IP], NEIGHBOUR)


@pytest.mark.parametrize(
    ("limits", "there", "ip", "full"),
    [
        (IPLimits(per_ip=None), [IP] * 9, IP, False),
        (IPLimits(per_ip=2), [IP], IP, False),
        (IPLimits(per_ip=2), [IP, IP], IP, True),
        (IPLimits(per_ip=2, per_prefix=3), [IP, NEIGHBOUR], NEIGHBOUR, False),
        (IPLimits(per_ip=2, per_prefix=3), [IP, IP, NEIGHBOUR], NEIGHBOUR, True),
        (IPLimits(per_ip=None, per_prefix=2), [IP, NEIGHBOUR], FAR, False),
        (IPLimits(per_ip=None, per_prefix=1), ["2001:db8:0:1::1"], "2001:db8:0:ff::1", True),
        (IPLimits(per_ip=None, per_prefix=1), ["2001:db8:0:1::1"], "2001:db8:0:100::1", False),
        (IPLimits(per_ip=None, per_prefix=1), [IP], "::1", False),
    ],
)
def test_connections_count_by_address_and_by_prefix(
    limits: IPLimits, there: list[str], ip: str, full: bool
) -> None:
    """An IPv4 /24, an IPv6 /56."""
    assert is_full(limits, there, ip) == full


def test_exempt_addresses_are_not_limited_and_do_not_count_in_their_prefix() -> None:
    limits = IPLimits(per_ip=1, per_prefix=1, exempt=OFFICE)
    assert limits.of(packed_ip(IP)) == ()
    assert [limits.is_exempt(packed_ip(ip)) for ip in (IP, NEIGHBOUR, "::1")] == [True, False, False]
    assert not is_full(limits, [IP, IP, NEIGHBOUR], IP)
    assert not is_full(limits, [IP, IP], NEIGHBOUR)
