"""The RPC actor: takes the operator's requests over HTTP and passes them on to the switch.

It runs in a process of its own, so that no client can slow the node down. HTTP is served in a thread, so that the actor's
loop stays free. While the switch is being restarted, clients get an error at once, and the port stays open.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pykka
from pykka.messages import ProxyGetAttr

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import Ban, BanList
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.book.misbehaviour import Misbehaviour, Offender
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.overview import BookOverview, Overview
from peerage.actors.events.hub import EventHub
from peerage.actors.http.actor import HttpActor
from peerage.actors.http.limits import HttpLimits
from peerage.actors.messages import CountPeers, GetPrivatePeers, NumPeers, PrivatePeers
from peerage.actors.rpc.fresh import Fresh
from peerage.actors.rpc.log_watch import LogWatch, NumberedLine
from peerage.actors.rpc.node_steering import NodeSteering
from peerage.actors.rpc.node_watch import HostPeers, NodeWatch
from peerage.actors.rpc.parts import parts_of
from peerage.actors.rpc.rate_history import Point, RateHistory
from peerage.actors.rpc.settings import ASK_TIMEOUT_S, RpcLimits, RpcSettings
from peerage.actors.runtime import HERE, ActorDeadError, ActorRef, DownReason, Observation, ProcessActor
from peerage.actors.runtime.log import get_logger, signature
from peerage.actors.snapshot import (
    BansSnapshot,
    DialPeers,
    DialSeeds,
    GetNetInfo,
    GetStatus,
    NetInfoSnapshot,
    StatusSnapshot,
)
from peerage.config.node_logging import NODE
from peerage.config.private_lines import hide_peers
from peerage.wire.keys import is_node_id
from peerage.wire.net_address import id_in
from peerage.wire.remote_text import shown

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from peerage.actors.http.protocol import BrokenBody
    from peerage.actors.rpc.readiness import Check

__all__ = ["RpcActor", "SwitchBackend"]

OVERVIEW_AGE_S = 5.0  # of the book's, which takes it about 10 ms
MOST_COMMANDS = 16  # connections to the node's own socket
MOST_BODY = 4_000_000  # bytes of a request there: addresses to import come by the thousand
PROBE: Final = ProxyGetAttr(attr_path=("actor_urn",))  # every actor answers it, in the order of its mailbox
MOST_COMMAND_STREAMS = 8  # of them, that follow events
OFFENCES: Final = frozenset(offence.text for offence in Offence)  # reasons of bans that nobody has ordered
MOST_STREAMS = 32  # connections to RPC that follow events

_log = get_logger("peerage.rpc")


class SwitchUnavailableError(Exception):
    """The switch or the address book is not running, or does not answer in time. The client is sent this text."""


class SwitchBackend:
    """Answers from the switch, and about bans from the address book.

    A question that is asked while the same one is under way shares its answer.

    Attribute: steering, what the operator does to the node.
    Args: timeout, seconds for each answer; context, of the node, without which nothing can be steered; hide_private, from
        whoever asks.
    """

    def __init__(
        self,
        switch: ActorRef,
        book: ActorRef,
        timeout: float = ASK_TIMEOUT_S,
        context: NodeContext | None = None,
        *,
        hide_private: bool = False,
    ) -> None:
        self._switch = switch
        self._book = book
        self._supervisor = "" if context is None else context.names.supervisor.name
        self._watch = NodeWatch(() if context is None else context.names.transports)
        self._overview = Fresh(self._ask_overview, OVERVIEW_AGE_S)
        self._log_watch = LogWatch()
        self._history = RateHistory(self._look)
        self._timeout = timeout
        self.steering = NodeSteering(self._ask, context, hide_private=hide_private)
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
        if private:
            hide_peers(signature().get(NODE, ""), map(id_in, peers), peers)  # before the line below
        _log.info(
            "dial peers", peers=peers, persistent=persistent, unconditional=unconditional, private=private
        )
        await self._ask(DialPeers(peers, persistent, unconditional, private))

    async def bans(self, *, hide_private: bool) -> BansSnapshot:
        bans: tuple[Ban, ...] = await self._ask_book(BookCall(BanList.published))
        offenders: tuple[Offender, ...] = await self._ask_book(BookCall(Misbehaviour.offenders))
        if not hide_private:
            return BansSnapshot(bans, offenders)
        private: frozenset[str] = (await self._ask(GetPrivatePeers())).ids
        if not private:
            return BansSnapshot(bans, offenders)

        # An address may be that of a private peer that has not proved its ID, unless the operator has named it.
        return BansSnapshot(
            tuple(
                ban
                for ban in bans
                if ban.subject not in private and (is_node_id(ban.subject) or ban.reason not in OFFENCES)
            ),
            tuple(each for each in offenders if is_node_id(each.subject) and each.subject not in private),
        )

    async def actors(self) -> tuple[Observation, str]:
        return await self._watch.actors(), self._supervisor

    async def peers(self, *, hide_private: bool) -> tuple[list[HostPeers], frozenset[str]]:
        hosts = await self._watch.peers()
        return hosts, await self._private_ids(hide_private)

    async def book(self, *, hide_private: bool) -> BookOverview:
        overview = await self._overview.get()
        private = await self._private_ids(hide_private)
        tellers = (told for told in overview.tellers if told[0] not in private)
        return replace(overview, tellers=tuple(tellers))

    async def _private_ids(self, hide_private: bool) -> frozenset[str]:
        """Whom the asker is not told of."""
        if not hide_private:
            return frozenset()
        private: PrivatePeers = await self._ask_shared(GetPrivatePeers())
        return frozenset(private.ids)

    async def log(self, *, hide_private: bool) -> list[NumberedLine] | None:
        return None if await self._private_ids(hide_private) else await self._log_watch.lines()

    async def history(self) -> Sequence[Point]:
        return self._history.points()

    async def _look(self) -> tuple[Observation, list[HostPeers]]:
        return await self._watch.actors(), await self._watch.peers()

    async def _ask_overview(self) -> BookOverview:
        overview: BookOverview = await self._ask_book(BookCall(Overview.now))
        return overview

    async def ban(self, subject: str, seconds: float, reason: str) -> Ban:
        _log.info("ban", subject=shown(subject), seconds=seconds, reason=shown(reason))
        ban: Ban = await self._ask_book(BookCall(BadPeers.ban, (subject, seconds, reason)))
        return ban

    async def unban(self, subject: str) -> bool:
        done: bool = await self._ask_book(BookCall(Misbehaviour.forgive, (subject,)))
        if done:
            _log.info("unban", subject=shown(subject))
        return done

    async def num_peers(self) -> int:
        """How many peers are connected, but for unconditional ones."""
        counts: NumPeers = await self._ask_shared(CountPeers())
        return counts.outbound + counts.inbound

    def probes(self, context: Any) -> dict[str, Check]:
        """Whether each part of the node answers, by its name. Args: context, of the node; with another there are none."""
        parts = parts_of(context) if isinstance(context, NodeContext) else {}
        return {name: partial(self._ask, PROBE, ref, name) for name, ref in parts.items()}

    async def _ask_shared(self, question: Any) -> Any:
        """Ask the switch, or join the same question that is under way: a thousand polling clients cost it one."""
        task = self._under_way.get(question)
        if task is None:
            task = asyncio.create_task(self._ask(question))
            self._under_way[question] = task
            task.add_done_callback(lambda _: self._under_way.pop(question))
        # a client that disconnects must not cancel the answer for the others
        return await asyncio.shield(task)

    async def _ask_book(self, call: BookCall) -> Any:
        return await self._ask(call, self._book, "address book")

    async def _ask(self, message: Any, whom: ActorRef | None = None, name: str = "switch") -> Any:
        try:
            return await (whom or self._switch).ask_async(message, timeout=self._timeout)
        except ActorDeadError as error:
            raise SwitchUnavailableError(f"the {name} is not running (it may be restarting)") from error
        except pykka.Timeout as error:
            raise SwitchUnavailableError(f"the {name} did not answer within {self._timeout:g} s") from error


class ControlEndedError(Exception):
    """The actor that serves the node's own socket, or the event hub, has ended."""


class ControlActor(HttpActor):
    """Serves the node's own socket to its owner: all methods, and nobody is hidden."""

    socket_name = "control"

    def __init__(
        self, switch: ActorRef, book: ActorRef, settings: RpcSettings, hub: ActorRef | None = None
    ) -> None:
        super().__init__("", HttpLimits(max_connections=MOST_COMMANDS))
        self._hub = hub
        self._backend = SwitchBackend(switch, book, settings.ask_timeout_s, _context_of(self))
        self._limits_of_request = RpcLimits(MOST_BODY, settings.limits.max_batch)

    def application(self) -> ASGIApp:
        from peerage.actors.rpc.app import rpc_app
        from peerage.actors.rpc.event_stream import event_routes
        from peerage.actors.rpc.readiness import health_routes

        backend = self._backend
        return rpc_app(
            backend,
            unsafe=True,
            limits=self._limits_of_request,
            hide_private_peers=False,
            routes={
                **health_routes(backend.probes(self.runtime.extra), backend.num_peers),
                **event_routes(self._hub, is_public=False, most=MOST_COMMAND_STREAMS),
            },
        )


class RpcActor(HttpActor):
    """Serves `settings.laddr`, or the listening sockets passed to its host under the name "rpc"."""

    socket_name = "rpc"

    def __init__(
        self,
        switch: ActorRef,
        book: ActorRef,
        settings: RpcSettings = RpcSettings(),  # noqa: B008 - a frozen value
    ) -> None:
        super().__init__(settings.laddr, settings.http)
        self._switch = switch
        self._book = book
        self._settings = settings
        self._hub: ActorRef | None = None

    def on_start(self) -> None:
        """As of the base; and start the event hub of a node, and serve the node's own socket, if it has one."""
        super().on_start()
        if isinstance(self.runtime.extra, NodeContext):
            self._hub = EventHub.options(
                name=f"{self.actor_urn}/events",
                place=HERE,
                extra=self.runtime.extra,
                linked_to=self.actor_ref,
            ).start()
            self.runtime.watch(self._hub)
        passed = self.runtime.fds
        fds = {name: fd for name, fd in passed.items() if name.startswith(ControlActor.socket_name)}
        if fds:
            starter = ControlActor.options(
                name=f"{self.actor_urn}/control",
                place=HERE,
                fds=fds,
                linked_to=self.actor_ref,
                extra=self.runtime.extra,
            )
            self.runtime.watch(starter.start(self._switch, self._book, self._settings, self._hub))
            for fd in fds.values():
                os.close(fd)

    def on_down(self, ref: ActorRef, reason: DownReason) -> None:
        """Begin anew with all of them: they have one supervisor, which knows this actor."""
        raise ControlEndedError(f"{ref.name} ended: {reason}")

    def application(self) -> ASGIApp:
        from peerage.actors.http.hosts import HostNames
        from peerage.actors.rpc.app import rpc_app
        from peerage.actors.rpc.dashboard.layer import EVERYWHERE, DashboardLayer
        from peerage.actors.rpc.event_stream import event_routes
        from peerage.actors.rpc.readiness import health_routes

        settings = self._settings
        backend = SwitchBackend(
            self._switch,
            self._book,
            settings.ask_timeout_s,
            _context_of(self),
            hide_private=settings.hide_private_peers,
        )
        app = rpc_app(
            backend,
            settings.unsafe,
            limits=settings.limits,
            hide_private_peers=settings.hide_private_peers,
            cors=settings.cors,
            host_names=settings.http.host_names,
            routes={
                **health_routes(backend.probes(self.runtime.extra), backend.num_peers),
                **event_routes(
                    self._hub,
                    is_public=settings.hide_private_peers,
                    most=MOST_STREAMS,
                    tells_everywhere=settings.dashboard == EVERYWHERE,
                ),
            },
            tells_everywhere=settings.dashboard == EVERYWHERE,
        )
        return DashboardLayer(app, settings.dashboard, HostNames(settings.http.host_names))

    def broken_body(self) -> BrokenBody:
        from peerage.actors.rpc.app import BROKEN_BODY

        return BROKEN_BODY


def _context_of(actor: ProcessActor) -> NodeContext | None:
    """The node that an actor belongs to."""
    extra = actor.runtime.extra
    return extra if isinstance(extra, NodeContext) else None
