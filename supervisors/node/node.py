"""The handle of a node: what an embedding program holds."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from peerage.actors import transfer
from peerage.actors.announced_version import ANNOUNCED_VERSION
from peerage.actors.context import NodeContext
from peerage.actors.messages import (
    NodeStops,
    StopAccepting,
)
from peerage.actors.names import NodeNames
from peerage.actors.reactors.peer_handle import SerializableMessage, message_bytes
from peerage.actors.runtime import (
    DROP,
    ActorDeadError,
    ActorRef,
    LimitReachedError,
    System,
    Timeout,
    watch,
)
from peerage.actors.runtime.errors import limit_behind
from peerage.actors.runtime.limits import descriptor_limit
from peerage.actors.runtime.mail.deadlines import ends_at
from peerage.actors.switch.filters import ConnectionFilter, PeerFilter
from peerage.config import Config, load_or_create_node_key
from peerage.config.home_lock import HomeLock
from peerage.config.home_modes import open_to_others
from peerage.supervisors.node import preconditions
from peerage.supervisors.node.advertised import advertised, advertised_also, refusals_by_books
from peerage.supervisors.node.errors import (
    DialError,
    ListenError,
    NodeFailedError,
    NodeLimitError,
    NodeNotRunningError,
    NodeStartError,
    SeedsUnresolvedError,
    UnknownChannelError,
    UnknownReactorError,
)
from peerage.supervisors.node.event_feed import EventFeed
from peerage.supervisors.node.life import Lives, NodeLife
from peerage.supervisors.node.log import NodeLog
from peerage.supervisors.node.node_system import ensure_system, uninterrupted
from peerage.supervisors.node.parts import PRELOAD
from peerage.supervisors.node.prospects import tell_hindrances
from peerage.supervisors.node.reactor_table import ReactorSpec, ReactorTable
from peerage.supervisors.node.requests import Request
from peerage.supervisors.node.room_for_peers import lack_of_room
from peerage.supervisors.node.running import RunNode
from peerage.supervisors.node.start_line import start_facts
from peerage.supervisors.node.subscribing import inbox_for
from peerage.supervisors.node.tree import UNDONE, NodeTree
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo, ProtocolVersion

__all__ = [
    "PRELOAD",
    "DialError",
    "ListenError",
    "Node",
    "NodeFailedError",
    "NodeNotRunningError",
    "NodeStartError",
    "ReactorSpec",
    "SeedsUnresolvedError",
    "UnknownChannelError",
    "UnknownReactorError",
]

FLUSH_TIMEOUT_S = 3.0  # a clean stop is over in 5 s, flushing included
T = TypeVar("T")

_unnamed = itertools.count(1)


class Node(RunNode):
    """A node of a CometBFT network, in processes of its own.

        with Node(Config(home="…", network="test"), reactors={"ECHO": Echo}) as node:
            node.dial("ID@host:port", persistent=True)
            node.wait()

    What it is (`config`, `node_id`, `names`, `is_running`) can be asked always; what it does and where it is reached, while
    it runs: before its start, after its end and while it stops, that raises NodeNotRunningError. So does all of it, start
    and stop too, in a forked child of the process that it runs in: it can have a node of its own.

    Args:
        config: checked when the node is made.
        reactors: name → class derived from Reactor, or a tuple of class and constructor arguments.
        channels: of the program itself, which reads them with `messages`, without a reactor of its own.
        name: tells nodes in one process apart; it begins their actors' names.
        node_key: instead of the one in `config.node_key_path` (which is written when there is none).
        connection_filters, peer_filters: see SwitchActor; they must be picklable.
        protocol_version: block must be the network's; app is the application's.
        takes_commands: at the socket in its home, where `peerage status`, `peers`, `bans` and others reach it, and keeps its
            history; with RPC it does in any case. Otherwise it has no process for that.

    Raises: ConfigError, NodeKeyFileError, ValueError (reactor names or channels used twice).
    """

    def __init__(
        self,
        config: Config,
        reactors: Mapping[str, ReactorSpec] | None = None,
        *,
        channels: Iterable[ChannelDescriptor] = (),
        name: str | None = None,
        node_key: NodeKey | None = None,
        connection_filters: Iterable[ConnectionFilter] = (),
        peer_filters: Iterable[PeerFilter] = (),
        protocol_version: ProtocolVersion = ProtocolVersion(),  # noqa: B008 - a frozen value
        takes_commands: bool = False,
    ) -> None:
        if not isinstance(config, Config):
            raise TypeError(f"config is {config!r:.100}; a peerage.Config is expected")
        config.check()
        self.config = config
        self._node_key = node_key or load_or_create_node_key(config.node_key_path)[0]
        self._reactors = ReactorTable(reactors or {}, pex=config.p2p.pex, own_channels=channels)
        self._filters = tuple(connection_filters), tuple(peer_filters)
        self._protocol_version = protocol_version
        prefix = name if name is not None else _free_prefix()
        self._log = NodeLog(config, name or "")
        self._names = NodeNames(prefix, self._reactors.names, max(1, config.peerage.peer_hosts))
        self._takes_commands = takes_commands or bool(config.rpc.laddr)
        self._tree = NodeTree(
            config, self._names, self._reactors, *self._filters, takes_commands=self._takes_commands
        )
        self._lives = Lives(self.node_id)
        self._events = EventFeed(self._log)
        self._inbox = inbox_for(self._reactors.relayed, self._log)
        self._on_end: list[Callable[[], None]] = []

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen, and start every actor of the node. One that was stopped, or has failed, may be started again.

        When a signal's handler calls `stop` meanwhile, the node has ended again on return.

        Raises: HomeInUseError, another node runs in its home; HomeError, there is no place for its data, or no room;
            ConfigError, external_address has a host that does not resolve; ListenError, SeedsUnresolvedError,
            NodeStartError, of which NodeLimitError is one; NodeNotRunningError, in a forked child of the process that it
            runs in.
        """
        self._lives.start(self._live, self.stop)
        return self

    def _live(self) -> None:
        lock = HomeLock(self.config.home, "a node")
        life = NodeLife(self.node_id, lock, takes_commands=self._takes_commands)
        self._log.open()
        try:
            self._begin(life)
        except BaseException:
            if self._inbox is not None:
                self._inbox.close()
            life.release()
            self._log.close()
            raise
        self._lives.enter(life)
        assert life.context is not None
        self._events.begin(life, life.context)
        # A program's end, however it comes, is no failure of the node's.
        life.call_off = System.current().before_end(self.stop)
        has_channels = bool(self._reactors.channels)
        notes = tell_hindrances(self.config, self.node_id, self._log, self._names, has_channels=has_channels)
        if why := lack_of_room(self.config, descriptor_limit()):
            self._log.warning("not room for all peers", why=why)
        self._log.info("node started", **start_facts(self.config, life, self._reactors.names), **notes)

    def _begin(self, life: NodeLife) -> None:
        for note in life.lock.notes:
            self._log.warning("home not locked", note=note)
        for why in open_to_others(self.config):
            self._log.warning("home open to others", why=why)
        preconditions.check_store(self.config)
        preconditions.check_cluster(self.config)
        preconditions.check_limits(self._tree.size, self.config)
        names = preconditions.NameChecks(self.config)
        life.listen(self.config, lambda: self._lives.stop_is_due)
        told = advertised(self.config, life.listeners[0])
        also = advertised_also(self.config, life.listeners)
        life.address = f"{self.node_id}@{told}"
        life.told_also = tuple(f"{self.node_id}@{each}" for each in also)
        life.lock.tell(life.address, life.told_also)
        if life.unsteerable:
            self._log.warning("no socket for commands", cause=life.unsteerable)
        for each, why in refusals_by_books(self.config, (told, *also)):
            self._log.warning("address of no use to others", address=each, why=why)
        if unknown := names.check():
            cause = "no name server has answered yet"
            self._log.warning("external address not resolved", name=unknown, cause=cause)
        try:
            ensure_system(self.config, self._reactors.modules)
        except LimitReachedError as error:
            raise NodeLimitError(error.limit) from error
        connection_filters, peer_filters = self._filters
        context = NodeContext(
            names=self._names,
            config=self.config,
            public_key=self._node_key.public_key,
            node_info=self._node_info(told),
            channels=self._reactors.channels,
            routes=self._reactors.routes,
            has_connection_filters=bool(connection_filters),
            has_peer_filters=bool(peer_filters),
            other_infos=tuple(map(self._node_info, also)),
        )

        def start() -> ActorRef[Any]:
            with self._log.signed():
                return self._tree.start(life, context, self._node_key, self._log.host_setup)

        life.context = context
        try:
            if self._inbox is not None:
                self._inbox.begin(context)
            life.supervisor = uninterrupted(start)
            try:
                threading.Thread(
                    target=self._watch_root, args=(life,), name="node-watch", daemon=True
                ).start()
            except RuntimeError:  # there can be no more threads
                life.supervisor.stop()
                raise
        except Exception as error:
            if limit := limit_behind(error):
                raise NodeLimitError(limit) from error
            raise NodeStartError(str(error)) from error

    def _node_info(self, told: str) -> NodeInfo:
        return NodeInfo(
            protocol_version=self._protocol_version,
            id=self.node_id,
            listen_addr=f"tcp://{told}",
            network=self.config.network,
            version=ANNOUNCED_VERSION,
            channels=bytes(descriptor.id for descriptor in self._reactors.channels),
            moniker=self.config.moniker,
            tx_index="off",
            rpc_address=self.config.rpc.laddr,
        )

    def stop(self) -> None:
        """Stop cleanly: accept nothing more, send what was accepted, end every actor. Idempotent.

        Raises: NodeNotRunningError, in a forked child of the process that it runs in.
        """
        with self._lives.stop() as life:
            if life is None:
                return
            assert life.supervisor is not None
            if self._inbox is not None:
                self._inbox.end()  # no reactor waits for the program any more
            self._names.switch.tell(NodeStops(), when_full=DROP, if_there=True)
            _flush(self._names.transports)
            with suppress(ActorDeadError):  # it gave up in the same moment
                life.supervisor.stop()
            life.ended.wait()
            if self._inbox is not None:
                self._inbox.close()
            self._log.info("node stopped", moniker=self.config.moniker, age=life.age)
            self._log.close()

    def _watch_root(self, life: NodeLife) -> None:
        """Wait for the end of the node's supervisor, which is the node's."""
        assert life.supervisor is not None
        reason = watch(life.supervisor).wait()
        if not life.stopping:
            self._log.error("node ended", reason=str(reason), age=life.age)
            self._log.close()
            failure: str | None = str(reason)
        elif reason.kind == "exception":
            failure = f"not everything was done at the stop: {str(reason).removeprefix(UNDONE)}"
        else:
            failure = None
        if self._inbox is not None:
            self._inbox.end()
        life.over(failure)
        if self._inbox is not None:
            self._inbox.close()
        for callback in list(self._on_end):
            try:
                callback()
            except Exception as error:
                self._log.error("callback raised", kind="end", exc_info=error)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the node has ended: this life of it, if it is started again.

        Returns: False when the time was over first.
        Raises: NodeFailedError when it ended by itself; NodeNotRunningError before the first start, and in a forked child;
            TypeError or ValueError for a timeout that is no number of seconds.
        """
        ends_at(timeout)  # refuses what is no number of seconds
        life = self._lives.last()
        if not life.ended.wait(timeout):
            return False
        if life.failure is not None:
            raise NodeFailedError(life.failure)
        return True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._lives.is_elsewhere:  # a forked child has nothing to stop
            self.stop()

    def __repr__(self) -> str:
        state = self._lives.state
        where = f" at {self.address.partition('@')[2]}" if state == "running" else ""
        return f"<Node {self.node_id}{where} network={self.config.network!r}: {state}>"

    # --- who it is -----------------------------------------------------------------------------------------------------

    @property
    def node_id(self) -> NodeID:
        return self._node_key.node_id

    @property
    def address(self) -> str:
        """`ID@host:port` as others dial it (as far as this node knows). Raises: NodeNotRunningError."""
        return self._lives.running().address

    @property
    def addresses(self) -> tuple[str, ...]:
        """`address`, and behind it what peers of another IP family are told. Raises: NodeNotRunningError."""
        life = self._lives.running()
        return (life.address, *life.told_also)

    @property
    def is_running(self) -> bool:
        return self._lives.is_running

    @property
    def names(self) -> NodeNames:
        """The names of its actors."""
        return self._names

    # --- what it does --------------------------------------------------------------------------------------------------

    def broadcast(self, channel_id: int, message: bytes | SerializableMessage) -> None:
        """Send to every peer that knows the channel, as far as it has room within 10 s. See `Reactor.broadcast`.

        Raises: ValueError, no reactor of this node has the channel; TypeError, its messages are others.
        """
        self._lives.running()
        self._reactors.check_channel(channel_id)
        data = message_bytes(message, self._reactors.classes.get(channel_id))
        frames = transfer.broadcast((channel_id,), [data], {})
        for transport in self._names.transports:
            transport.tell(frames, when_full=DROP)

    def reactor(self, name: str) -> ActorRef:
        """The ref of a reactor: valid over its restarts. Raises: UnknownReactorError, a KeyError."""
        self._lives.running()
        self._reactors.check(name)
        return self._names.reactor(name)

    def _ask(self, request: Request[T]) -> T:
        part = ActorRef.to(self._names.of(request.part))
        return request.result(self._lives.running().ask(part, request.message, request.timeout))

    async def _ask_async(self, request: Request[T]) -> T:
        part = ActorRef.to(self._names.of(request.part))
        return request.result(await self._lives.running().ask_async(part, request.message, request.timeout))


def _free_prefix() -> str:
    """Nothing for the first unnamed node of a process, then node-2/, node-3/ …"""
    number = next(_unnamed)
    return "" if number == 1 else f"node-{number}/"


def _flush(transports: Iterable[ActorRef[Any]]) -> None:
    """Have what was accepted sent, and nothing more accepted."""
    question = StopAccepting(FLUSH_TIMEOUT_S)
    answers = [transport.ask(question, block=False) for transport in transports]
    deadline = time.monotonic() + FLUSH_TIMEOUT_S
    for answer in answers:
        try:
            answer.get(timeout=max(0.0, deadline - time.monotonic()))
        except (ActorDeadError, Timeout):
            continue  # that host is gone or stuck: nothing of it can be flushed
