"""The methods of RPC: their parameters, and what they ask of the node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from peerage.actors.rpc import results as rpc_json
from peerage.actors.rpc.protocol import InternalError, Kind, Parameter
from peerage.actors.snapshot import NetInfoSnapshot, StatusSnapshot

__all__ = ["SAFE", "UNSAFE", "Method", "RpcBackend", "methods"]


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


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Args:
        call: takes the backend and the arguments in the order of `parameters`, and returns the result as JSON values.
    """

    parameters: tuple[Parameter, ...]
    call: Callable[..., Awaitable[Any]]


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


def _net_info(*, hide_private: bool) -> Method:
    async def call(backend: RpcBackend) -> dict[str, Any]:
        return rpc_json.net_info(await backend.net_info(), hide_private=hide_private)

    return Method((), call)


_FLAGS: Final = tuple(Parameter(name, Kind.BOOL) for name in ("persistent", "unconditional", "private"))

SAFE: Final[Mapping[str, Method]] = MappingProxyType(
    {"health": Method((), _health), "status": Method((), _status)}
)
UNSAFE: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "dial_seeds": Method((Parameter("seeds", Kind.STRINGS),), _dial_seeds),
        "dial_peers": Method((Parameter("peers", Kind.STRINGS), *_FLAGS), _dial_peers),
    }
)


def methods(*, unsafe: bool, hide_private: bool) -> dict[str, Method]:
    """All methods by name; those that change something are included only if `unsafe`. Source: reference 11."""
    table = {**SAFE, "net_info": _net_info(hide_private=hide_private)}
    return {**table, **UNSAFE} if unsafe else table
