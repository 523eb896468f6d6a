"""The RPC actor: takes the operator's requests over HTTP and passes them on to the switch.

It runs in a process of its own, so that no client can slow the node down. HTTP is served in a thread, so that the actor's
loop stays free. While the switch is being restarted, clients get an error at once, and the port stays open.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pykka

from peerage.actors.http.actor import HttpActor
from peerage.actors.rpc.settings import ASK_TIMEOUT_S, RpcSettings
from peerage.actors.runtime import ActorDeadError, ActorRef
from peerage.actors.runtime.log import get_logger
from peerage.actors.snapshot import (
    DialPeers,
    DialSeeds,
    GetNetInfo,
    GetStatus,
    NetInfoSnapshot,
    StatusSnapshot,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from peerage.actors.http.protocol import BrokenBody

__all__ = ["RpcActor", "SwitchBackend"]

_log = get_logger("peerage.rpc")


class SwitchUnavailableError(Exception):
    """The switch is not running, or does not answer in time. The client is sent this text."""


class SwitchBackend:
    """Answers from the switch. A question that is asked while the same one is under way shares its answer."""

    def __init__(self, switch: ActorRef, timeout: float = ASK_TIMEOUT_S) -> None:
        self._switch = switch
        self._timeout = timeout
        self._under_way: dict[Any, asyncio.Task[Any]] = {}

    async def health(self) -> None:
        await self._ask_shared(GetStatus())

    async def net_info(self) -> NetInfoSnapshot:
        snapshot: NetInfoSnapshot = await self._ask_shared(GetNetInfo())
        return snapshot

    async def status(self) -> StatusSnapshot:
        snapshot: StatusSnapshot = await self._ask_shared(GetStatus())
        return snapshot

    async def dial_seeds(self, seeds: tuple[str, ...]) -> None:
        _log.info("dial seeds", seeds=seeds)
        await self._ask(DialSeeds(seeds))

    async def dial_peers(
        self, peers: tuple[str, ...], *, persistent: bool, unconditional: bool, private: bool
    ) -> None:
        _log.info(
            "dial peers", peers=peers, persistent=persistent, unconditional=unconditional, private=private
        )
        await self._ask(DialPeers(peers, persistent, unconditional, private))

    async def _ask_shared(self, question: Any) -> Any:
        """Ask the switch, or join the same question that is under way: a thousand polling clients cost it one."""
        task = self._under_way.get(question)
        if task is None:
            task = asyncio.create_task(self._ask(question))
            self._under_way[question] = task
            task.add_done_callback(lambda _: self._under_way.pop(question))
        # a client that disconnects must not cancel the answer for the others
        return await asyncio.shield(task)

    async def _ask(self, message: Any) -> Any:
        future = self._switch.ask(message, block=False)
        try:
            async with asyncio.timeout(self._timeout):
                return await future
        except ActorDeadError as error:
            raise SwitchUnavailableError("the switch is not running (it may be restarting)") from error
        except (pykka.Timeout, TimeoutError) as error:
            raise SwitchUnavailableError(f"the switch did not answer within {self._timeout:g} s") from error
        finally:
            future.cancel()  # otherwise a late answer would wake a loop that may be closed by then


class RpcActor(HttpActor):
    """Serves `settings.laddr`, or the listening sockets passed to its host under the name "rpc"."""

    socket_name = "rpc"

    def __init__(self, switch: ActorRef, settings: RpcSettings = RpcSettings()) -> None:  # noqa: B008 - a frozen value
        super().__init__(settings.laddr, settings.http)
        self._switch = switch
        self._settings = settings

    def application(self) -> ASGIApp:
        from peerage.actors.rpc.app import rpc_app

        settings = self._settings
        return rpc_app(
            SwitchBackend(self._switch, settings.ask_timeout_s),
            settings.unsafe,
            limits=settings.limits,
            hide_private_peers=settings.hide_private_peers,
            cors=settings.cors,
            host_names=settings.http.host_names,
        )

    def broken_body(self) -> BrokenBody:
        from peerage.actors.rpc.app import BROKEN_BODY

        return BROKEN_BODY
