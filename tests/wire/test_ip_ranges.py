"""What an IP address alone says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.ip_ranges import (
    family_of,
    group_of,
    is_local,
    is_routable,
    is_usable,
    packed_ip,
    parse_ip,
    parse_network,
    prefix_of,
    shown_ip,
    shown_prefix,
)
from tests.wire.vectors import load

IPS = load("net_address")["ips"]


@pytest.mark.parametrize("row", IPS, ids=lambda row: row["ip"])
def test_flags_and_groups_are_those_of_cometbft(row: dict[str, Any]) -> None:
    """For 112 addresses at and around the edges of every block."""
    ip = parse_ip(row["ip"])
    assert str(ip) == row["string"]
    assert (is_usable(ip), is_local(ip), is_routable(ip)) == (row["valid"], row["local"], row["routable"])
    assert group_of(ip, strict=True) == row["group_strict"]
    assert group_of(ip, strict=False) == row["group_lax"]


@given(st.ip_addresses())
def test_every_address_has_a_group_and_routable_ones_are_usable(ip: Any) -> None:
    """The rules cover every address."""
    ip = parse_ip(str(ip))
    assert group_of(ip, strict=False)
    assert (group_of(ip, strict=True) in {"local", "unroutable"}) == (is_local(ip) or not is_routable(ip))
    assert is_usable(ip) or not is_routable(ip)


@pytest.mark.parametrize(
    ("host", "family"),
    [("192.0.2.1", 4), ("2001:db8::1", 6), ("::ffff:192.0.2.1", 4), ("example.org", 0), ("", 0)],
)
def test_a_host_is_of_a_family_or_a_name(host: str, family: int) -> None:
    """IPv4 inside IPv6 is IPv4."""
    assert family_of(host) == family


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1", "::1"])
def test_a_packed_address_is_what_it_was(ip: str) -> None:
    assert shown_ip(packed_ip(ip)) == ip
    assert len(packed_ip(ip)) == 16


@pytest.mark.parametrize(
    ("ip", "prefix"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
        ("::1", "::/56"),
    ],
)
def test_a_prefix_is_that_of_one_customer(ip: str, prefix: str) -> None:
    assert shown_prefix(prefix_of(packed_ip(ip))) == prefix


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0:0/95", "::fffe:0:0/95"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_a_network_is_read_in_its_normal_form(text: str, network: str) -> None:
    """IPv4 inside IPv6 is IPv4."""
    assert str(parse_network(text)) == network


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10/8", "example.org", "fe80::1%eth0", "fe80::%1/64"])
def test_what_is_no_network_is_refused(text: str) -> None:
    """A zone means something on one machine alone."""
    with pytest.raises(ValueError, match=r"."):
        parse_network(text)
