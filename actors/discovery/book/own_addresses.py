"""Our own IDs and addresses, which the book refuses: a node that dials itself wastes a slot and learns nothing."""

from __future__ import annotations

from peerage.wire.keys import NodeID, normal_id
from peerage.wire.net_address import NetAddress


class OwnAddresses:
    """Our IDs, whatever address they are said to be at, and our IPs with ports, under whatever ID.

    CometBFT remembers the three together only, so that our ID at another port gets in.
    """

    def __init__(self) -> None:
        self._ids: set[NodeID] = set()
        self._places: set[str] = set()

    def add_id(self, node_id: str) -> None:
        """Remember an ID as ours."""
        self._ids.add(normal_id(node_id))

    def add(self, address: NetAddress) -> None:
        """Remember an address as ours: its ID, and its IP and port."""
        self._places.add(address.dial_string)
        self._ids.add(address.id)

    def __contains__(self, address: NetAddress) -> bool:
        """Whether this address leads to ourselves, as far as we know."""
        return address.id in self._ids or (bool(self._places) and address.dial_string in self._places)
