"""Which addresses the book takes: each rule alone, and the order in which they count."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.book.address_rules import AddressRules
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.own_addresses import OwnAddresses
from peerage.actors.discovery.errors import (
    AddressBannedError,
    AddressNotRoutableError,
    AddressPrivateError,
    AddressRefusedError,
    AddressUnfitError,
    OwnAddressError,
    SourcePrivateError,
)
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import Clock, address, node_id

SOURCE = address(9)
BANNED, BANNED_IP, PRIVATE, OURS = address(1), address(2), address(3), address(4)
LOCAL = address(5, "127.0.0.1")


def rules(*, strict: bool = True, clock: Clock | None = None) -> AddressRules:
    """Rules by which each of the addresses above is refused."""
    bans, own = BanList(clock or Clock()), OwnAddresses()
    bans.add(BANNED.id, 60.0, "forged")
    bans.add(str(BANNED_IP.host), 60.0, "scans us")
    own.add(OURS)
    made = AddressRules(bans, own, strict=strict)
    made.add_private_ids([PRIVATE.id.upper()])
    return made


@pytest.mark.parametrize(
    ("refused", "source", "error"),
    [
        (NetAddress("x", "1.2.3.4", 1), SOURCE, AddressUnfitError),
        (BANNED, SOURCE, AddressBannedError),
        (BANNED_IP, SOURCE, AddressBannedError),
        (PRIVATE, SOURCE, AddressPrivateError),
        (address(6), PRIVATE, SourcePrivateError),
        (OURS, SOURCE, OwnAddressError),
        (LOCAL, SOURCE, AddressNotRoutableError),
    ],
)
def test_an_address_is_refused_by_the_rule_it_breaks(
    refused: NetAddress, source: NetAddress, error: type[AddressRefusedError]
) -> None:
    """One error for each rule."""
    with pytest.raises(AddressRefusedError) as caught:
        rules().check(refused, source)
    assert type(caught.value) is error


def test_any_other_address_is_taken() -> None:
    """Also one that is not routable, when the book is not strict."""
    rules().check(address(6), SOURCE)
    rules(strict=False).check(LOCAL, SOURCE)


def test_the_ban_of_a_network_ends_by_itself_and_that_of_an_id_when_it_is_lifted() -> None:
    """A node comes back with its history, so that somebody has to bring it back."""
    clock = Clock()
    judged = rules(clock=clock)
    clock.pass_by(61.0)
    judged.check(BANNED_IP, SOURCE)
    with pytest.raises(AddressBannedError):
        judged.check(BANNED, SOURCE)


def test_a_known_address_is_checked_again_only_when_a_rule_may_have_come_later() -> None:
    """Additions of known addresses are the common case, and cost less without the checks."""
    bans = BanList(Clock())
    judged = AddressRules(bans, OwnAddresses(), strict=True)
    assert not judged.can_change_for_known
    bans.add("1.2.0.0/16", 60.0, "scans us")
    assert judged.can_change_for_known


def test_addresses_of_before_return_unless_they_are_banned_private_or_ours() -> None:
    """They were routable once; the addresses of a banned network stay in the book."""
    judged = rules()
    returning = [each for each in (BANNED, BANNED_IP, PRIVATE, OURS, LOCAL) if judged.may_return(each)]
    assert returning == [BANNED_IP, LOCAL]
    assert not judged.may_be_dialled(BANNED_IP)
    assert judged.may_be_dialled(address(6))


def test_a_node_moves_to_no_place_that_is_ours_or_cannot_be_reached() -> None:
    """Its handshake came from somewhere else."""
    judged = rules()
    elsewhere = NetAddress(node_id(6), OURS.host, OURS.port)
    assert [judged.may_move_to(each) for each in (elsewhere, LOCAL, address(6))] == [False, False, True]
