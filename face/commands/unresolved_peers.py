"""Which of the configured peers have names without an address now, for commands that look a configuration over."""

from __future__ import annotations

from peerage.actors.name_lookups import NAME_TIMEOUT_S, resolve_host, resolved_within
from peerage.config.config import Config
from peerage.config.quoting import shown
from peerage.wire.net_address import Resolve, name_in

__all__ = ["unresolved_peers"]


def unresolved_peers(config: Config, resolve: Resolve = resolve_host) -> dict[str, list[str]]:
    """Look up the names of seeds and persistent peers, all at once, for 10 s at most.

    Args: resolve, may block.
    Returns: by the setting's name a line for each address whose name has none. A node looks names up anew at each dial, so
        it may have one later.
    """
    lists = {"p2p.persistent_peers": config.p2p.persistent_peers}
    if config.p2p.pex:
        lists["p2p.seeds"] = config.p2p.seeds
    names = {text: name for texts in lists.values() for text in texts if (name := name_in(text)) is not None}
    found = resolved_within(NAME_TIMEOUT_S, names.values(), resolve)
    lost: dict[str, list[str]] = {}
    for key, texts in lists.items():
        for text in dict.fromkeys(texts):
            if text in names and (why := _fault(found, names[text])):
                lost.setdefault(key, []).append(f"{key}: {shown(text)}: {why}")
    return lost


def _fault(resolve: Resolve, name: str) -> str:
    try:
        return "" if resolve(name) else "the name has no address"
    except OSError as error:
        return error.strerror or str(error)
