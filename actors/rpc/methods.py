"""The methods of RPC: their parameters, and what they ask of the node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.overview import BookOverview
from peerage.actors.discovery.book.row_codec import MAX_REASON
from peerage.actors.rpc import results as rpc_json
from peerage.actors.rpc import schemas, watch_results
from peerage.actors.rpc.log_watch import NumberedLine
from peerage.actors.rpc.method import Method
from peerage.actors.rpc.node_watch import HostPeers
from peerage.actors.rpc.protocol import InternalError, Kind, Parameter
from peerage.actors.rpc.rate_history import INTERVAL_S, Point
from peerage.actors.rpc.steering import STEERING
from peerage.actors.runtime import Observation
from peerage.actors.snapshot import BansSnapshot, NetInfoSnapshot, StatusSnapshot
from peerage.config.duration import NANOSECONDS_PER_SECOND, parse_duration

__all__ = ["SAFE", "UNSAFE", "Method", "RpcBackend", "methods"]

DEFAULT_BAN: Final = "24h"
DEFAULT_REASON: Final = "by the operator"


class RpcBackend(Protocol):
    """Answers for the node. An exception of its methods becomes a JSON-RPC internal error with the same text.

    No method may wait without a limit.
    """

    async def health(self) -> None:
        """Return if the node works, raise if it does not."""

    async def net_info(self) -> NetInfoSnapshot:
        """The connected peers."""

    async def status(self) -> StatusSnapshot:
        """The status of this node."""

    async def dial_seeds(self, seeds: tuple[str, ...]) -> None:
        """Start dialling; raise if an address does not parse."""

    async def dial_peers(
        self, peers: tuple[str, ...], *, persistent: bool, unconditional: bool, private: bool
    ) -> None:
        """Start dialling; raise if an address does not parse."""

    async def bans(self, *, hide_private: bool) -> BansSnapshot:
        """Who is banned, and who has points; without private IDs on request."""

    async def actors(self) -> tuple[Observation, str]:
        """All hosts with their actors, and the name of the node's supervisor."""

    async def peers(self, *, hide_private: bool) -> tuple[list[HostPeers], frozenset[str]]:
        """The peers by host, and the IDs of those that the asker is not told of: none, if it may know all."""

    async def book(self, *, hide_private: bool) -> BookOverview:
        """The address book at a glance; without private IDs on request."""

    async def log(self, *, hide_private: bool) -> list[NumberedLine] | None:
        """The last lines of the log; None if the asker is not told, for private peers may stand in it."""

    async def history(self) -> Sequence[Point]:
        """The rates of the last hour, as far as anybody has asked for them."""

    async def ban(self, subject: str, seconds: float, reason: str) -> Ban:
        """Ban an ID, an IP address or a network; raise if it is none of these."""

    async def unban(self, subject: str) -> bool:
        """End a ban and forget points; return whether there were any. Raise if the subject is none."""


async def _health(backend: RpcBackend) -> dict[str, Any]:
    await backend.health()
    return {}


async def _status(backend: RpcBackend) -> dict[str, Any]:
    return rpc_json.status(await backend.status())


async def _dial_seeds(backend: RpcBackend, seeds: tuple[str, ...]) -> dict[str, Any]:
    if not seeds:
        raise InternalError("no seeds provided")
    await backend.dial_seeds(seeds)
    return {"log": "Dialing seeds in progress. See /net_info for details"}


async def _dial_peers(
    backend: RpcBackend, peers: tuple[str, ...], persistent: bool, unconditional: bool, private: bool
) -> dict[str, Any]:
    if not peers:
        raise InternalError("no peers provided")
    for peer in peers:
        if peer.count("@") != 1:  # checked before any of them is made persistent, private or unconditional
            raise InternalError(f"address ({peer}) does not contain ID")
    await backend.dial_peers(peers, persistent=persistent, unconditional=unconditional, private=private)
    return {"log": "Dialing peers in progress. See /net_info for details"}


async def _ban(backend: RpcBackend, subject: str, duration: str, reason: str) -> dict[str, Any]:
    if not subject:
        raise InternalError("no subject provided: a node ID, an IP address or a network is expected")
    if len(reason) > MAX_REASON:
        raise InternalError(f"reason has {len(reason)} characters, allowed: at most {MAX_REASON}")
    ban = await backend.ban(subject, _seconds(duration or DEFAULT_BAN), reason or DEFAULT_REASON)
    return rpc_json.ban(ban)


async def _unban(backend: RpcBackend, subject: str) -> dict[str, Any]:
    if not await backend.unban(subject):
        raise InternalError(f"{subject} is not banned")
    return {"log": f"{subject} is not banned any more"}


def _seconds(duration: str) -> float:
    try:
        nanoseconds = parse_duration(duration)
    except ValueError as error:
        raise InternalError(f"duration: {error}") from None
    if nanoseconds <= 0:
        raise InternalError(f"duration: found {duration!r}, expected more than 0")
    return nanoseconds / NANOSECONDS_PER_SECOND


def _bans(*, hide_private: bool) -> Method:
    async def call(backend: RpcBackend) -> dict[str, Any]:
        return rpc_json.bans(await backend.bans(hide_private=hide_private))

    about = f"The latest {rpc_json.MOST_LISTED} bans, and the highest scores for misbehaviour"
    return Method((), call, about, schemas.BANS)


def _net_info(*, hide_private: bool) -> Method:
    async def call(backend: RpcBackend) -> dict[str, Any]:
        return rpc_json.net_info(await backend.net_info(), hide_private=hide_private)

    return Method((), call, "The connected peers", schemas.NET_INFO)


async def _actors(backend: RpcBackend) -> dict[str, Any]:
    return watch_results.actors(*await backend.actors())


def _book(*, hide_private: bool) -> Method:
    async def call(backend: RpcBackend) -> dict[str, Any]:
        return watch_results.book(await backend.book(hide_private=hide_private))

    return Method((), call, "What is in the address book, by bucket and group", schemas.BOOK)


def _log_tail(*, hide_private: bool) -> Method:
    async def call(backend: RpcBackend, after: int) -> dict[str, Any]:
        return watch_results.log_tail(await backend.log(hide_private=hide_private), after)

    about = "The last lines of the log, from all processes, or those behind one"
    return Method((Parameter("after", Kind.INT),), call, about, schemas.LOG_TAIL)


async def _history(backend: RpcBackend) -> dict[str, Any]:
    points = await backend.history()
    return {"interval": INTERVAL_S, "points": [point._asdict() for point in points]}


def _peers(*, hide_private: bool) -> Method:
    async def call(backend: RpcBackend, sort: str, wanted: str, limit: int) -> dict[str, Any]:
        hosts, private = await backend.peers(hide_private=hide_private)
        return watch_results.peers(hosts, sort=sort, wanted=wanted, limit=limit, private=private)

    parameters = (
        Parameter("sort", Kind.STRING),
        Parameter("filter", Kind.STRING),
        Parameter("limit", Kind.INT),
    )
    return Method(parameters, call, "The peers as the hosts of their connections know them", schemas.PEERS)


_SEEDS: Final = (Parameter("seeds", Kind.STRINGS),)
_FLAGS: Final = tuple(Parameter(name, Kind.BOOL) for name in ("persistent", "unconditional", "private"))
_PEERS: Final = (Parameter("peers", Kind.STRINGS), *_FLAGS)
_SUBJECT: Final = (Parameter("subject", Kind.STRING),)
_BAN: Final = tuple(Parameter(name, Kind.STRING) for name in ("subject", "duration", "reason"))

SAFE: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "health": Method((), _health, "Whether the switch answers", schemas.EMPTY),
        "status": Method(
            (), _status, "This node: a seed's status, before its first block for ever", schemas.STATUS
        ),
        "actors": Method((), _actors, "The hosts and their actors, and the supervision tree", schemas.ACTORS),
        "history": Method((), _history, "Rates over the last hour", schemas.HISTORY),
    }
)
UNSAFE: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "dial_seeds": Method(_SEEDS, _dial_seeds, "Dial these seeds, in the background", schemas.LOG),
        "dial_peers": Method(_PEERS, _dial_peers, "Dial these peers, in the background", schemas.LOG),
        "ban": Method(
            _BAN,
            _ban,
            f"Ban a node ID, an IP address or a network, for {DEFAULT_BAN} if not told",
            schemas.BAN,
        ),
        "unban": Method(
            _SUBJECT, _unban, "End a ban and forget what counts against its subject", schemas.LOG
        ),
        **STEERING,
    }
)


def methods(*, unsafe: bool, hide_private: bool) -> dict[str, Method]:
    """All methods by name; those that change something are included only if `unsafe`. Source: reference 11."""
    table = {
        **SAFE,
        "net_info": _net_info(hide_private=hide_private),
        "bans": _bans(hide_private=hide_private),
        "peers": _peers(hide_private=hide_private),
        "book": _book(hide_private=hide_private),
        "log_tail": _log_tail(hide_private=hide_private),
    }
    return {**table, **UNSAFE} if unsafe else table
