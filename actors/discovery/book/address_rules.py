"""Which addresses the book takes, and with which error it refuses the others."""

from __future__ import annotations

from collections.abc import Iterable

from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.own_addresses import OwnAddresses
from peerage.actors.discovery.errors import (
    AddressBannedError,
    AddressNotRoutableError,
    AddressPrivateError,
    AddressUnfitError,
    OwnAddressError,
    SourcePrivateError,
)
from peerage.wire.errors import AddressError
from peerage.wire.keys import NodeID, normal_id
from peerage.wire.net_address import NetAddress


class AddressRules:
    """Judges addresses by their form, the bans, our own addresses and the private IDs.

    Args: strict, whether addresses must be routable.
    """

    def __init__(self, bans: BanList, own: OwnAddresses, *, strict: bool) -> None:
        self._bans = bans
        self._own = own
        self._strict = strict
        self._private_ids: set[NodeID] = set()

    def add_private_ids(self, node_ids: Iterable[str]) -> None:
        """Refuse addresses of these IDs, and addresses that they tell, from now on."""
        self._private_ids.update(map(normal_id, node_ids))

    @property
    def can_change_for_known(self) -> bool:
        """Whether an address that passed `check` before may be refused now: for its source, or for a later ban."""
        return bool(self._private_ids) or self._bans.any_network

    def check(self, address: NetAddress, source: NetAddress) -> None:
        """Refuse an address that the book must not hold. Source: reference 9, Adding.

        Args: source, who told it; it is not validated.
        Raises: AddressUnfitError, AddressBannedError, AddressPrivateError, SourcePrivateError, OwnAddressError,
            AddressNotRoutableError, the first that holds.
        """
        try:
            address.validate()
        except AddressError as error:
            raise AddressUnfitError(address) from error
        bans = self._bans
        if bans.holds(address.id) or (bans.any_network and bans.ban_of(ip=address.host) is not None):
            raise AddressBannedError(address)
        if address.id in self._private_ids:
            raise AddressPrivateError(address)
        if source.id in self._private_ids:
            raise SourcePrivateError(address)
        if address in self._own:
            raise OwnAddressError(address)
        if self._strict and not address.routable:
            raise AddressNotRoutableError(address)

    def may_return(self, address: NetAddress) -> bool:
        """Whether an address that the book took once may be in it again. It was found routable then."""
        return not (address.id in self._private_ids or address in self._own or self._bans.holds(address.id))

    def may_be_dialled(self, address: NetAddress) -> bool:
        """Whether an address may be dialled that need not be in the book."""
        return self.may_return(address) and self._bans.ban_of(ip=address.host) is None

    def may_move_to(self, address: NetAddress) -> bool:
        """Whether a known ID may have this address in place of its own."""
        return not (self._strict and not address.routable) and address not in self._own
