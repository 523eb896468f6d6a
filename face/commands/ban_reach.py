"""Whom a ban would hit that the operator can hardly mean: everybody, or a peer that the node's own lists name."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from peerage.wire.errors import AddressError
from peerage.wire.ip_ranges import IPAddress, normal, parse_network
from peerage.wire.keys import is_node_id
from peerage.wire.net_address import NetAddress, id_in

__all__ = ["whom_it_hits"]


def whom_it_hits(subject: str, kept: Iterable[str]) -> str:
    """Who of those that are to stay is banned with a subject, in words; empty if nobody is.

    Args: subject, as `normal_subject` writes it; kept, of persistent and unconditional peers the ID, or ID@host:port, where
        a name for the host stands for no address.
    """
    if is_node_id(subject):
        hit = [text for text in kept if id_in(text) == subject]
    else:
        network = parse_network(subject)
        if not network.prefixlen:
            return f"everybody with an IPv{network.version} address"
        hit = [text for text in kept if (ip := _ip_in(text)) is not None and ip in network]
    return " and ".join(dict.fromkeys(f"the persistent or unconditional peer {text}" for text in hit))


def _ip_in(text: str) -> IPAddress | None:
    with suppress(AddressError):
        return normal(NetAddress.parse(text, lambda _name: ()).host)
    return None
