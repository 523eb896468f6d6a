"""The addresses of one node's host name, in the order in which they are dialled until one answers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, zip_longest

from peerage.wire.net_address import NetAddress, Resolve

__all__ = ["MOST_ADDRESSES", "all_addresses", "dial_order"]

MOST_ADDRESSES = 8  # of one name, for one dial: each has a share of its time


def dial_order(ips: Iterable[str], answered: str = "") -> list[str]:
    """A name's IP addresses as they are to be tried, at most 8.

    The one that answered last comes first. The others alternate between the families, beginning with that which the
    system puts first: where one family leads nowhere, the second try is of the other one. Source: RFC 8305, section 4.

    Args: answered, the address that did.
    """
    known = list(dict.fromkeys(ips))
    first = [ip for ip in known if ip == answered]
    others = [ip for ip in known if ip not in first]
    begins_with_v6 = bool(others) and ":" in others[0]
    families = [
        [ip for ip in others if (":" in ip) is is_v6] for is_v6 in (begins_with_v6, not begins_with_v6)
    ]
    mixed = [ip for ip in chain.from_iterable(zip_longest(*families)) if ip is not None]
    return [*first, *mixed][:MOST_ADDRESSES]


def all_addresses(text: str, resolve: Resolve) -> tuple[NetAddress, ...]:
    """All addresses that ID@host:port stands for, in their order: one, unless the host is a name.

    Args: resolve, called for a name. Raises: AddressError.
    """
    ips: list[str] = []

    def ordered(name: str) -> list[str]:
        ips[:] = dial_order(resolve(name))
        return ips

    first = NetAddress.parse(text, ordered)
    return tuple(dict.fromkeys([first, *(NetAddress(first.id, ip, first.port) for ip in ips)]))
