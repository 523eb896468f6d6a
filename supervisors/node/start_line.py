"""What the one line says that a start leaves in the log: where the node is reached, and whom it wants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from peerage.actors.announced_version import ANNOUNCED_VERSION
from peerage.actors.http.listening import address_of
from peerage.config import Config
from peerage.supervisors.node.life import NodeLife

__all__ = ["start_facts", "wanted"]

REACTORS_NAMED = 10


def start_facts(config: Config, life: NodeLife, reactors: Iterable[str]) -> dict[str, Any]:
    """Return the keys and values of the line. Services that are off are left out.

    Args: life, of a node that listens; reactors, their names, peer exchange's included.
    """
    facts: dict[str, Any] = {
        "address": life.address,
        "network": config.network,
        "moniker": config.moniker,
        "version": ANNOUNCED_VERSION,
        "wanted": wanted(config, reactors),
    }
    if life.told_also:
        facts["also"] = " ".join(life.told_also)
    if listeners := life.http_listeners.get("rpc"):
        facts["rpc"] = " ".join(map(address_of, listeners))
    if listeners := life.http_listeners.get("metrics"):
        facts["metrics"] = " ".join(map(address_of, listeners))
    return facts


def wanted(config: Config, reactors: Iterable[str]) -> str:
    """Return in a few words whom the node dials and lets in, and what for."""
    p2p = config.p2p
    words = [
        _count(len(p2p.persistent_peers), "persistent peer"),
        _count(len(p2p.seeds), "seed"),
        _count(len(config.peerage.bootstrap_peers), "bootstrap peer"),
        f"at most {p2p.max_num_outbound_peers} outbound and {p2p.max_num_inbound_peers} inbound peers",
        _named(tuple(reactors)),
    ]
    if p2p.seed_mode:
        words.insert(0, "to be a seed")
    return ", ".join(filter(None, words))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}" if number else ""


def _named(reactors: tuple[str, ...]) -> str:
    if not reactors:
        return "no reactors"
    more = len(reactors) - REACTORS_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"reactor{'s' * (len(reactors) != 1)} {' '.join(reactors[:REACTORS_NAMED])}{rest}"
