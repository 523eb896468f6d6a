"""Configurations with which a node can never have peers: reported at its start, or it would wait in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from peerage.actors.messages.book import CountAddresses
from peerage.actors.names import NodeNames
from peerage.config import Config
from peerage.supervisors.node.log import NodeLog
from peerage.supervisors.node.requests import ASK_TIMEOUT_S
from peerage.wire.keys import NodeID
from peerage.wire.net_address import id_in

__all__ = ["Hindrance", "hindrances", "tell_hindrances"]


class Hindrance(NamedTuple):
    """What is wrong, and why. is_mistake: whether it must be a mistake; if not, the operator may have meant it."""

    what: str
    why: str
    is_mistake: bool = True


def hindrances(
    config: Config, node_id: NodeID, *, has_channels: bool, book_is_empty: Callable[[], bool]
) -> list[Hindrance]:
    """Everything that keeps the node from having peers, the worst first.

    Args:
        config: the node's configuration.
        node_id: the node's own ID.
        has_channels: whether there is any reactor, peer exchange included.
        book_is_empty: called only if it matters.
    """
    found: list[Hindrance] = []
    p2p = config.p2p
    if not has_channels:
        found.append(
            Hindrance(
                "no channels",
                "there is no reactor and p2p.pex is off: a peer has nothing to say to this node",
            )
        )
    if p2p.seed_mode and not p2p.pex:
        found.append(
            Hindrance(
                "nothing to tell", "p2p.seed_mode is on and p2p.pex is off: a seed tells addresses by it"
            )
        )
    lacks = _lacks(config, node_id, book_is_empty)
    if lacks and not p2p.seed_mode:  # a seed waits for others to connect
        nobody_comes = p2p.max_num_inbound_peers == 0 and not p2p.unconditional_peer_ids
        hope = (
            "p2p.max_num_inbound_peers is 0, so nobody can dial it either"
            if nobody_comes
            else "it waits to be dialled, or to be told whom to dial"
        )
        # the first node of a network, and a node that others are meant to dial, are configured like this on purpose
        is_mistake = nobody_comes or any((*p2p.persistent_peers, *p2p.seeds, *config.peerage.bootstrap_peers))
        found.append(Hindrance("nobody to dial", f"{', '.join(lacks)}: {hope}", is_mistake))
    return found


def _lacks(config: Config, node_id: NodeID, book_is_empty: Callable[[], bool]) -> list[str]:
    """Why there is no node to dial; empty when there is one."""
    p2p = config.p2p
    if _others(p2p.persistent_peers, node_id):
        return []
    lacks = [_lack("persistent peers", p2p.persistent_peers)]
    if not p2p.pex:
        return [*lacks, "p2p.pex is off, so neither seeds nor the address book are asked"]
    if p2p.max_num_outbound_peers == 0:
        return [*lacks, "p2p.max_num_outbound_peers is 0"]
    if _others((*p2p.seeds, *config.peerage.bootstrap_peers), node_id) or not book_is_empty():
        return []
    return [*lacks, _lack("seeds", p2p.seeds), "an empty address book"]


def _others(texts: Iterable[str], node_id: NodeID) -> list[str]:
    """The addresses that do not lead to this node itself."""
    return [text for text in texts if id_in(text) != node_id]


def _lack(what: str, texts: Iterable[str]) -> str:
    return f"of {what} only this node itself" if any(texts) else f"no {what}"


def tell_hindrances(
    config: Config, node_id: NodeID, log: NodeLog, names: NodeNames, *, has_channels: bool
) -> dict[str, str]:
    """A node that cannot have peers as it is configured says why, once.

    Returns: what the line of its start says besides: that it has nobody to dial, if that may be meant so.
    """

    def book_is_empty() -> bool:
        with suppress(Exception):  # whatever is the matter with the book, it says so itself
            return not names.addrbook.ask(CountAddresses(), timeout=ASK_TIMEOUT_S)
        return False

    notes: dict[str, str] = {}
    for what, why, is_mistake in hindrances(
        config, node_id, has_channels=has_channels, book_is_empty=book_is_empty
    ):
        if is_mistake:
            log.warning("node cannot have peers", what=what, why=why)
        else:
            notes["note"] = f"{what}: {why}"
    return notes
