"""The methods of RPC that steer a running node, and say how it stands: for its operator alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from peerage.actors.announced_version import ANNOUNCED_VERSION
from peerage.actors.discovery.book.additions import Added
from peerage.actors.messages.steering import Change, ClosedPeer, NodeDescription, Reconfigured
from peerage.actors.rpc import schemas
from peerage.actors.rpc.method import Method
from peerage.actors.rpc.node_steering import NodeSteering
from peerage.actors.rpc.protocol import InternalError, Kind, Parameter
from peerage.config.log_level import parse_log_level
from peerage.config.release import VERSION

__all__ = ["STEERING"]

_LIMITS: Final = {"inbound": "p2p.max_num_inbound_peers", "outbound": "p2p.max_num_outbound_peers"}


class Steered(Protocol):
    """A backend that can steer its node."""

    @property
    def steering(self) -> NodeSteering: ...


async def _close_peer(backend: Steered, peer: str) -> dict[str, Any]:
    closed = await backend.steering.close(peer)
    if not closed:
        raise InternalError(f"nobody is connected as {peer!r}")
    return {"closed": [_closed(each) for each in closed]}


async def _remove_peers(backend: Steered, peers: tuple[str, ...], close: bool) -> dict[str, Any]:
    if not peers:
        raise InternalError("no peers provided: node IDs are expected")
    removed = await backend.steering.remove(peers)
    closed = [each for peer in peers for each in await backend.steering.close(peer)] if close else []
    return {"removed": list(removed), "closed": [_closed(each) for each in closed]}


async def _peer_lists(backend: Steered) -> dict[str, Any]:
    lists = await backend.steering.lists()
    return {
        "persistent": list(lists.persistent),
        "added": list(lists.added),
        "unconditional": list(lists.unconditional),
        "private": list(lists.private),
    }


async def _limits(backend: Steered, inbound: str, outbound: str) -> dict[str, Any]:
    given = {"inbound": inbound, "outbound": outbound}
    values = {_LIMITS[name]: text for name, text in given.items() if text}
    if values:
        await backend.steering.alter(values)
    p2p = (await backend.steering.describe()).config.p2p
    return {"inbound": str(p2p.max_num_inbound_peers), "outbound": str(p2p.max_num_outbound_peers)}


async def _log_level(backend: Steered, level: str) -> dict[str, Any]:
    silent: list[str] = []
    if level:
        try:
            parse_log_level(level)
        except ValueError as error:
            text = f"level: found {level!r} ({error}), expected a level or levels by module: info, p2p:debug,*:error"
            raise InternalError(text) from None
        silent = list((await backend.steering.alter({"log_level": level})).silent)
    return {"level": (await backend.steering.describe()).config.log_level, "silent": silent}


async def _reload(backend: Steered) -> dict[str, Any]:
    return _reconfigured(await backend.steering.reload())


async def _import_addresses(backend: Steered, book: str, unite: bool) -> dict[str, Any]:
    return _added(await backend.steering.import_addresses(book, unite=unite))


async def _add_addresses(backend: Steered, addresses: tuple[str, ...]) -> dict[str, Any]:
    return _added(await backend.steering.add_addresses(addresses))


async def _remove_addresses(backend: Steered, ids: tuple[str, ...]) -> dict[str, Any]:
    return {"removed": list(await backend.steering.remove_addresses(ids))}


async def _effective_config(backend: Steered) -> dict[str, Any]:
    found = await backend.steering.settings()
    return {name: {"value": value, "source": source} for name, (value, source) in found.items()}


async def _upgrade_reactor(backend: Steered, name: str, upgrade: int) -> dict[str, Any]:
    progress = await backend.steering.upgrade(name, upgrade)
    return {"name": name, "upgrade": progress.number, "done": progress.done}


async def _overview(backend: Steered) -> dict[str, Any]:
    """How the node stands; what a part does not answer is null, and says so among the warnings."""
    steering = backend.steering
    questions: tuple[Awaitable[Any], ...] = steering.describe(), steering.peers(), steering.addresses()
    answers: list[Any] = await asyncio.gather(*questions, return_exceptions=True)
    node, peers, book = answers
    warnings = [str(each) for each in answers if isinstance(each, BaseException)]
    info, config = steering.context.node_info, steering.context.config
    result: dict[str, Any] = {
        "id": info.id,
        "address": f"{info.id}@{info.listen_addr.rpartition('://')[2]}",
        "network": info.network,
        "moniker": info.moniker,
        "version": VERSION,
        "announced_version": ANNOUNCED_VERSION,
        "home": str(config.home),
        "seed": config.p2p.seed_mode and config.p2p.pex,
        "pid": None,
        "uptime_s": None,
        "log_level": None,
        "restarts": None,
        "parts": None,
        "pending": None,
        "peers": None,
        "addresses": None,
    }
    if isinstance(node, NodeDescription):
        warnings += node.warnings
        result |= _described(node)
    if not isinstance(peers, BaseException):
        outbound = sum(peer.is_outbound for peer in peers)
        result["peers"] = {"inbound": len(peers) - outbound, "outbound": outbound}
        if isinstance(node, NodeDescription):
            p2p = node.config.p2p
            result["peers"] |= {
                "max_inbound": p2p.max_num_inbound_peers,
                "max_outbound": p2p.max_num_outbound_peers,
            }
    if not isinstance(book, BaseException):
        result["addresses"] = {"size": book.size, "new": book.new, "old": book.old, "banned": book.banned}
    return {**result, "warnings": warnings}


def _described(node: NodeDescription) -> dict[str, Any]:
    return {
        "pid": node.pid,
        "uptime_s": round(node.uptime, 1),
        "log_level": node.config.log_level,
        "restarts": sum(child.restarts for child in node.children),
        "parts": [
            {
                "name": child.name,
                "status": child.status,
                "restarts": child.restarts,
                "last_cause": child.last_cause,
            }
            for child in node.children
        ],
        "pending": list(map(_change, node.pending)),
    }


def _closed(peer: ClosedPeer) -> dict[str, Any]:
    return {"id": peer.id, "address": peer.address, "persistent": peer.is_persistent}


def _change(change: Change) -> dict[str, str]:
    return {"setting": change.name, "before": change.before, "after": change.after, "how": change.how}


def _reconfigured(done: Reconfigured) -> dict[str, Any]:
    return {
        "changed": list(map(_change, done.applied)),
        "needs_restart": list(map(_change, done.pending)),
        "silent": list(done.silent),
        "warnings": list(done.warnings),
    }


def _added(added: Added) -> dict[str, Any]:
    return {
        "added": added.added,
        "known": added.left_alone,
        "changed": added.seen_again,
        "refused": {
            reason: {"count": left.count, "examples": list(left.examples)}
            for reason, left in added.left_out.items()
        },
    }


def _strings(*names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, Kind.STRING) for name in names)


STEERING: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "close_peer": Method(
            _strings("peer"), _close_peer, "End the connections of an ID or an address", schemas.CLOSED
        ),
        "remove_peers": Method(
            (Parameter("peers", Kind.STRINGS), Parameter("close", Kind.BOOL)),
            _remove_peers,
            "Take peers out of the lists of persistent, unconditional and private ones",
            schemas.REMOVED,
        ),
        "peer_lists": Method(
            (), _peer_lists, "Who is persistent, unconditional and private", schemas.PEER_LISTS
        ),
        "limits": Method(
            _strings("inbound", "outbound"),
            _limits,
            "How many peers there may be, and another number if given",
            schemas.LIMITS,
        ),
        "log_level": Method(
            _strings("level"), _log_level, "The level of the log, and another one if given", schemas.LOG_LEVEL
        ),
        "reload": Method(
            (),
            _reload,
            "Read the files again, and apply what can change while the node runs",
            schemas.RELOADED,
        ),
        "upgrade_reactor": Method(
            (Parameter("name", Kind.STRING), Parameter("upgrade", Kind.INT)),
            _upgrade_reactor,
            "Start a reactor anew with the code that is there now, or wait for that",
            schemas.UPGRADED,
        ),
        "overview": Method(
            (),
            _overview,
            "How the node stands: identity, parts, peers, addresses, warnings",
            schemas.OVERVIEW,
        ),
        "effective_config": Method(
            (),
            _effective_config,
            "Every setting with its value, and where that is from",
            schemas.EFFECTIVE_CONFIG,
        ),
        "import_addresses": Method(
            (Parameter("book", Kind.STRING), Parameter("unite", Kind.BOOL)),
            _import_addresses,
            "Add the addresses of another address book, and better histories if they are to be united",
            schemas.IMPORTED,
        ),
        "add_addresses": Method(
            (Parameter("addresses", Kind.STRINGS),),
            _add_addresses,
            "Add addresses to the address book",
            schemas.IMPORTED,
        ),
        "remove_addresses": Method(
            (Parameter("ids", Kind.STRINGS),),
            _remove_addresses,
            "Take IDs out of the address book",
            schemas.TAKEN_OUT,
        ),
    }
)
"""They exist where the unsafe methods do. `backend` has `steering`."""
