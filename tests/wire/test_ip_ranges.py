"""What an IP address alone says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.ip_ranges import group_of, is_local, is_routable, is_usable, parse_ip
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
