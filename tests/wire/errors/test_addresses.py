"""Texts that are no usable net addresses: what is wrong, in words that say what to write."""

from __future__ import annotations

import pytest

from peerage.wire.errors import (
    AddressError,
    AddressHostError,
    AddressIDError,
    AddressIPError,
    AddressLookupError,
    AddressMissingIDError,
    AddressPortError,
    WireError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (AddressMissingIDError("1.2.3.4:5"), "'1.2.3.4:5': there is no node ID, expected ID@host:port"),
        (
            AddressMissingIDError("a@b@c:5"),
            "'a@b@c:5': there are 2 @, expected ID@host:port; commas stand between addresses",
        ),
        (
            AddressMissingIDError("a@tcp://h:5"),
            "'a@tcp://h:5': the ID stands in front of the scheme, expected tcp://ID@host:port",
        ),
        (
            AddressLookupError("seed.example", "no such host"),
            "host 'seed.example' was not found: no such host",
        ),
        (AddressIDError("@h:5", ""), "'@h:5': there is nothing before the @, expected ID@host:port"),
        (AddressIDError("abc@h:5", "abc"), "'abc@h:5': ID 'abc' is not 40 hexadecimal characters: it has 3"),
        (
            AddressIDError("xyz@h:5", "xyz"),
            "'xyz@h:5': ID 'xyz' is not 40 hexadecimal characters: there is 'x' in it",
        ),
        (AddressHostError("a@:5", "the host is missing"), "'a@:5': the host is missing"),
        (AddressPortError("a@h", ""), "'a@h': the port is missing"),
        (AddressPortError("a@h:x", "x"), "'a@h:x': port 'x' is not a number from 0 to 65535"),
        (AddressIPError("a@0.0.0.0:5"), "'a@0.0.0.0:5': nobody can have this IP address"),
    ],
)
def test_the_text_says_what_was_found_and_what_is_allowed(error: WireError, text: str) -> None:
    """The address first, then the problem."""
    assert str(error) == text


def test_an_id_of_gno_land_is_known_as_such() -> None:
    """Its nodes speak another protocol, which is worth more than a count of characters."""
    error = AddressIDError("text", "g1" + "q" * 38)
    assert error.problem.endswith("is one of gno.land, whose nodes speak another protocol")


def test_only_a_name_that_does_not_resolve_may_be_right_later() -> None:
    """Such an address is worth another try."""
    assert AddressLookupError("h", "try again").temporary
    assert not AddressPortError("a@h", "").temporary
    assert AddressError().problem == "this is no usable net address"
