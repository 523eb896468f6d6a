"""What names have given for addresses: all of them, in the order in which a dial tries them, and which one has answered.

A plain object. A record is kept by the ID of the node that the name is to lead to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from peerage.wire.dial_order import dial_order
from peerage.wire.ip_ranges import parse_ip
from peerage.wire.net_address import NetAddress

__all__ = ["NameRecords"]

MOST_RECORDS = 1024


@dataclass(slots=True)
class _Record:
    addresses: tuple[NetAddress, ...] = ()
    answered: str = ""  # the IP address at which the node was met last


class NameRecords:
    """Remembers what names have given for the latest 1024 nodes."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def ordered(self, peer_id: str, ips: Iterable[str]) -> list[str]:
        """Return a name's IP addresses as they are to be tried, that at which the node was met last first (`dial_order`)."""
        return dial_order(ips, self._answered(peer_id))

    def note(self, address: NetAddress, ips: Sequence[str]) -> None:
        """A name has led to an address, and has these IP addresses, in this order."""
        addresses = []
        for ip in ips:
            with suppress(ValueError):
                addresses.append(NetAddress(address.id, parse_ip(ip), address.port))
        record = self._records.pop(address.id, None) or _Record()
        self._records[address.id] = record
        record.addresses = tuple(dict.fromkeys(addresses))
        if len(self._records) > MOST_RECORDS:
            del self._records[next(iter(self._records))]

    def others(self, address: NetAddress) -> list[NetAddress]:
        """The other addresses of the name that has given this one, in their order; none if no name has."""
        record = self._records.get(address.id)
        if record is None or address not in record.addresses:
            return []
        return [each for each in record.addresses if each != address]

    def answered(self, peer_id: str, ip: str) -> None:
        """The node was met at this IP address."""
        if (record := self._records.get(peer_id)) is not None:
            record.answered = ip

    def _answered(self, peer_id: str) -> str:
        record = self._records.get(peer_id)
        return "" if record is None else record.answered
