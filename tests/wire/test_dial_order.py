"""The addresses of a name, in the order in which they are dialled."""

from __future__ import annotations

import pytest

from peerage.wire.dial_order import MOST_ADDRESSES, all_addresses, dial_order
from peerage.wire.errors import AddressLookupError
from peerage.wire.net_address import NetAddress, no_names

ID = "a1" * 20


@pytest.mark.parametrize(
    ("ips", "expected"),
    [
        (["10.0.0.1", "10.0.0.2"], ["10.0.0.1", "10.0.0.2"]),
        (["2600::1", "2600::2", "10.0.0.1"], ["2600::1", "10.0.0.1", "2600::2"]),
        (["10.0.0.1", "10.0.0.2", "2600::1"], ["10.0.0.1", "2600::1", "10.0.0.2"]),
        (["10.0.0.1", "10.0.0.1"], ["10.0.0.1"]),
        ([], []),
    ],
)
def test_families_alternate_beginning_with_the_systems_first(ips: list[str], expected: list[str]) -> None:
    assert dial_order(ips) == expected


def test_the_one_that_answered_last_comes_first_as_long_as_the_name_has_it() -> None:
    assert dial_order(["10.0.0.1", "2600::1"], "2600::1") == ["2600::1", "10.0.0.1"]
    assert dial_order(["10.0.0.1", "2600::1"], "10.0.0.9") == ["10.0.0.1", "2600::1"]


def test_a_name_has_no_more_than_so_many() -> None:
    """Whoever runs the name server may say what he likes."""
    assert len(dial_order(f"10.0.0.{number}" for number in range(200))) == MOST_ADDRESSES


def test_a_name_stands_for_all_its_addresses() -> None:
    found = all_addresses(f"{ID}@seed.example.org:1", lambda _name: ["10.0.0.1", "10.0.0.2", "2600::1"])
    assert found == tuple(NetAddress(ID, ip, 1) for ip in ("10.0.0.1", "2600::1", "10.0.0.2"))


def test_an_ip_address_stands_for_itself() -> None:
    assert all_addresses(f"{ID}@10.0.0.1:1", no_names) == (NetAddress(ID, "10.0.0.1", 1),)


def test_a_name_that_has_none_is_not_found() -> None:
    with pytest.raises(AddressLookupError):
        all_addresses(f"{ID}@seed.example.org:1", lambda _name: [])
