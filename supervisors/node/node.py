"""A whole node: its supervision tree, and the handle that an embedding program holds (design 3 and 6).

    node ── addrbook ── switch ── metrics ── reactors (pex, then yours) ── peer hosts ── rpc

Children start in this order and stop in the reverse one; each is restarted alone (one_for_one).
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from peerage.actors.addrbook import AddrBookActor, BookCall, book_is_empty
from peerage.actors.announced_version import ANNOUNCED_VERSION
from peerage.actors.blocking_calls import resolve_host
from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.store_files import write_fault
from peerage.actors.http.actor import GetAddresses
from peerage.actors.http.server import ListenFailedError, listen
from peerage.actors.messages import (
    BROADCAST,
    AddPersistent,
    AddPrivate,
    AddUnconditional,
    DialPeer,
    DialPeersAsync,
    GetPeers,
    PeerInfo,
    StopAccepting,
)
from peerage.actors.metrics.buffer import MetricsDelta, Series
from peerage.actors.metrics.metrics import MetricsActor, MetricsSettings
from peerage.actors.names import NodeNames
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.transport import TransportActor
from peerage.actors.reactors.peer_handle import Peer, SerializableMessage, message_bytes
from peerage.actors.reactors.pex import PexReactor
from peerage.actors.reactors.reactor import Reactor
from peerage.actors.refusal import Refusal
from peerage.actors.rpc.rpc import RpcActor, RpcSettings
from peerage.actors.runtime import (
    DROP,
    THREAD,
    ActorDeadError,
    ActorRef,
    Frames,
    LimitReachedError,
    StopIncompleteError,
    System,
    Timeout,
    watch,
)
from peerage.actors.runtime.errors import limit_of
from peerage.actors.runtime.limits import descriptor_limit
from peerage.actors.switch.switch import ConnectionFilter, PeerFilter, SwitchActor
from peerage.config import Config, ListenAddress, load_or_create_node_key
from peerage.config.errors import ConfigError, HomeError
from peerage.config.home_lock import HomeLock
from peerage.supervisors.node.advertised import advertised, unresolved_hosts
from peerage.supervisors.node.host_setup import HostSetup
from peerage.supervisors.node.life import NodeLife, NodeNotRunningError, UnknownReactorError
from peerage.supervisors.node.log import NodeLog
from peerage.supervisors.node.prospects import hindrances
from peerage.supervisors.node.room_for_peers import lack_of_room
from peerage.supervisors.spec import ChildSpec, Flags, HealthCheck, Intensity, Start
from peerage.supervisors.supervisor import Supervisor
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.net_address import AddressLookupError, NetAddress
from peerage.wire.node_info import NodeInfo, ProtocolVersion

__all__ = [
    "DialError",
    "ListenError",
    "Node",
    "NodeFailedError",
    "NodeNotRunningError",
    "NodeStartError",
    "ReactorSpec",
    "SeedsUnresolvedError",
    "UnknownReactorError",
]

PEX = "PEX"
UNDONE = f"exception: {StopIncompleteError.__name__}: "
PRELOAD = ("peerage.supervisors.node.node",)  # imports all that a host may run
BACKLOG = 1024  # connections that the kernel keeps while the hosts are busy
FLUSH_TIMEOUT_S = 3.0  # a clean stop is over in 5 s, flushing included
CHILD_SHUTDOWN_S = 1.0  # for those who owe nothing at their end
REACTOR_SHUTDOWN_S = 5.0  # OTP's: its author's on_stop may have something to save
BOOK_SHUTDOWN_S = 30.0  # writing a full book takes half a second, and minutes on no disk that works
ASK_TIMEOUT_S = 10.0
RESTART_LOOK_S = 0.01  # between two tries while the switch is being restarted
DIAL_WAIT_S = 60.0  # dial and handshake have shorter limits of their own

ReactorSpec = type[Reactor] | tuple[Any, ...]  # a class, or a class and the arguments of its constructor

_unnamed = itertools.count(1)
_making_system = threading.Lock()
os.register_at_fork(after_in_child=_making_system._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001 - another thread's


class ListenError(Exception):
    """An address of the configuration cannot be listened on. The operator's mistake, mostly: the port is in use."""

    def __init__(self, key: str, address: str, cause: str) -> None:
        super().__init__(key, address, cause)
        self.key, self.address, self.cause = key, address, cause

    def __str__(self) -> str:
        return (
            f"{self.key}: cannot listen on {self.address!r}: {self.cause}; a free local address is expected"
        )


class DialError(Exception):
    """A dial did not make a peer; `refusal` says why."""

    def __init__(self, address: str, refusal: Refusal) -> None:
        super().__init__(address, refusal)
        self.address, self.refusal = address, refusal

    def __str__(self) -> str:
        return f"{self.address}: {self.refusal}"


class NodeStartError(Exception):
    """An actor of the node did not start; everything that had started has been stopped again."""


class SeedsUnresolvedError(Exception):
    """None of the configured seeds resolves, and the address book is empty: the node could never find anybody.

    Source: reference 8.
    """

    def __init__(self, causes: Mapping[str, str]) -> None:
        super().__init__(causes)
        self.causes = causes

    def __str__(self) -> str:
        listed = "; ".join(f"{seed!r}: {cause}" for seed, cause in self.causes.items())
        return f"p2p.seeds: no seed resolves and the address book is empty: {listed}; a name or IP that resolves is expected"


class NodeFailedError(Exception):
    """The node's supervisor gave up, or its root was ended from outside; the text says why."""


class NodeSupervisor(Supervisor):
    """The root of a node's tree: counts restarts in the metrics, and ends with an error when those who owed something at
    their end could not do it.
    """

    def __init__(self, children: Iterable[ChildSpec], flags: Flags, owing: frozenset[str]) -> None:
        super().__init__(children, flags)
        self._owing = owing
        self._undone: list[str] = []

    def on_stop(self) -> None:
        super().on_stop()
        if self._undone:
            raise StopIncompleteError("; ".join(self._undone))

    def on_child_undone(self, child_id: str, cause: str) -> None:
        if child_id in self._owing:
            self._undone.append(f"{child_id}: {cause.removeprefix(UNDONE)}")

    def on_child_restarted(self, child_id: str, cause: str) -> None:
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        if context.config.instrumentation.prometheus:
            counters: dict[Series, float] = {("actor_restarts_total", (child_id,)): 1.0}
            context.names.metrics.tell(MetricsDelta(self.actor_urn, counters), exempt=True)


class Node:
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
        name: tells nodes in one process apart; it begins their actors' names.
        node_key: instead of the one in `config.node_key_path` (which is written when there is none).
        connection_filters, peer_filters: see SwitchActor; they must be picklable.
        protocol_version: block must be the network's; app is the application's.

    Raises: ConfigError, NodeKeyFileError, ValueError (reactor names or channels used twice).
    """

    def __init__(
        self,
        config: Config,
        reactors: Mapping[str, ReactorSpec] | None = None,
        *,
        name: str | None = None,
        node_key: NodeKey | None = None,
        connection_filters: Iterable[ConnectionFilter] = (),
        peer_filters: Iterable[PeerFilter] = (),
        protocol_version: ProtocolVersion = ProtocolVersion(),  # noqa: B008 - a frozen value
    ) -> None:
        config.check()
        self.config = config
        self._node_key = node_key or load_or_create_node_key(config.node_key_path)[0]
        self._reactors = _with_pex(config, reactors or {})
        self._channels, self._routes = _routes_of(self._reactors)
        self._connection_filters = tuple(connection_filters)
        self._peer_filters = tuple(peer_filters)
        self._protocol_version = protocol_version
        self._prefix = name if name is not None else _free_prefix()
        self._log = NodeLog(config, name or "")
        self._names = NodeNames(self._prefix, tuple(self._reactors), max(1, config.peerage.peer_hosts))
        self._context: NodeContext | None = None
        self._life: NodeLife | None = None  # this one, or the last
        self._switching = threading.RLock()  # one start or stop at a time; a signal's handler may stop, too
        self._is_starting = self._stop_is_due = False
        self._pid = 0  # of the process that started it
        self._on_end: list[Callable[[], None]] = []

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen, and start every actor of the node. One that was stopped, or has failed, may be started again.

        When a signal's handler calls `stop` meanwhile, the node has ended again on return.

        Raises: HomeInUseError, another node runs in its home; HomeError, there is no place for its data, or no room;
            ConfigError, external_address has a host that does not resolve; ListenError, SeedsUnresolvedError,
            NodeStartError; NodeNotRunningError, in a forked child of the process that it runs in.
        """
        self._check_process()
        with self._switching:
            if self._is_starting or (self._life is not None and not self._life.ended.is_set()):
                return self
            self._pid = os.getpid()
            self._is_starting, self._stop_is_due = True, False
            try:
                self._live()
            finally:
                self._is_starting = False
            if self._stop_is_due:
                self.stop()
        return self

    def _live(self) -> None:
        life = NodeLife(HomeLock(self.config.home, "a node"))
        self._log.open()
        try:
            self._begin(life)
        except BaseException:
            life.release()
            self._log.close()
            raise
        self._life = life
        life.call_off = System.current().before_end(
            self.stop
        )  # a program's end, however it comes, is no failure
        self._tell_hindrances()
        if why := lack_of_room(self.config, descriptor_limit()):
            self._log.warning("not room for all peers", why=why)
        self._log.info("node started", address=life.address, moniker=self.config.moniker)

    def _begin(self, life: NodeLife) -> None:
        for note in life.lock.notes:
            self._log.warning("home not locked", note=note)
        self._check_hosts()
        self._check_store()
        self._check_seeds()
        self._listen(life)
        assert life.listener is not None
        life.address = f"{self.node_id}@{advertised(self.config, life.listener)}"
        life.lock.tell(life.address)
        try:
            _ensure_system(self.config, [actor_class for actor_class, *_ in self._reactors.values()])
        except LimitReachedError as error:
            raise NodeStartError(error.limit) from error
        self._context = NodeContext(
            names=self._names,
            config=self.config,
            node_key=self._node_key,
            node_info=self._node_info(life),
            channels=self._channels,
            routes=self._routes,
            has_connection_filters=bool(self._connection_filters),
            has_peer_filters=bool(self._peer_filters),
        )
        settings = self.config.peerage
        flags = Flags(intensity=Intensity(settings.restart_intensity, settings.restart_period))
        try:
            supervisor = NodeSupervisor.options(
                name=self._names.of("supervisor"), place=THREAD, extra=self._context
            )
            owing = frozenset({self._names.of("addrbook"), *map(self._reactor_name, self._reactors)})
            children = self._children(life)

            def start() -> ActorRef[Any]:
                with self._log.signed():
                    return supervisor.start(children, flags, owing)  # blocks until every child is up

            life.supervisor = _uninterrupted(start)
            try:
                threading.Thread(
                    target=self._watch_root, args=(life,), name="node-watch", daemon=True
                ).start()
            except RuntimeError:  # there can be no more threads
                life.supervisor.stop()
                raise
        except Exception as error:
            raise NodeStartError(limit_of(error) or str(error)) from error

    def stop(self) -> None:
        """Stop cleanly: accept nothing more, send what was accepted, end every actor. Idempotent.

        Raises: NodeNotRunningError, in a forked child of the process that it runs in.
        """
        self._check_process()
        with self._switching:
            self._stop_is_due = self._is_starting  # it was called from a handler: `start` sees to it
            life = self._life
            if self._is_starting or life is None or life.supervisor is None or life.ended.is_set():
                return
            life.stopping = True
            question = StopAccepting(FLUSH_TIMEOUT_S)
            answers = [transport.ask(question, block=False) for transport in self._names.transports]
            deadline = time.monotonic() + FLUSH_TIMEOUT_S
            for answer in answers:
                try:
                    answer.get(timeout=max(0.0, deadline - time.monotonic()))
                except (ActorDeadError, Timeout):
                    continue  # that host is gone or stuck: nothing of it can be flushed
            with suppress(ActorDeadError):  # it gave up in the same moment
                life.supervisor.stop()
            life.ended.wait()
            self._log.info("node stopped", moniker=self.config.moniker)
            self._log.close()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the node has ended: this life of it, if it is started again.

        Returns: False when the time was over first.
        Raises: NodeFailedError when it ended by itself; NodeNotRunningError before the first start, and in a forked child.
        """
        self._check_process()
        life = self._life
        if life is None:
            raise self._not_running(None)
        if not life.ended.wait(timeout):
            return False
        if life.failure is not None:
            raise NodeFailedError(life.failure)
        return True

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, from a thread of the node's, when the node has ended in whichever way, each
        time that it ends.
        """
        self._on_end.append(callback)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_of_another_process():  # a forked child has nothing to stop
            self.stop()

    # --- who it is -----------------------------------------------------------------------------------------------------

    @property
    def node_id(self) -> str:
        return self._node_key.node_id

    @property
    def address(self) -> str:
        """`ID@host:port` as others dial it (as far as this node knows). Raises: NodeNotRunningError."""
        return self._running().address

    @property
    def is_running(self) -> bool:
        return self._life is not None and self._life.is_running and not self._is_of_another_process()

    @property
    def names(self) -> NodeNames:
        """The names of its actors."""
        return self._names

    # --- what it does --------------------------------------------------------------------------------------------------

    def dial(
        self,
        address: str,
        *,
        persistent: bool = False,
        wait: bool | None = None,
        timeout: float = DIAL_WAIT_S,
    ) -> Peer | None:
        """Dial `ID@host:port`.

        Args:
            address: ID, and an IP or a name.
            persistent: redial it whenever it is lost, and go on trying now.
            wait: for the outcome; by default unless persistent.
            timeout: seconds to wait at most.

        Returns: the peer, None when not waited for.
        Raises: DialError with the reason (waiting only); AddressError when the address does not parse; Timeout.
        """
        wait = not persistent if wait is None else wait
        answer = self._ask(DialPeer(address, persistent, wait), timeout)
        if isinstance(answer, Refusal) and wait:
            raise DialError(address, answer)
        return Peer(answer) if isinstance(answer, PeerInfo) else None

    def dial_peers_async(
        self,
        addresses: Iterable[str],
        *,
        persistent: bool = False,
        unconditional: bool = False,
        private: bool = False,
    ) -> None:
        """Reference 6: into the address book, then each dialled after up to 3 s. Raises: AddressError."""
        self._ask(DialPeersAsync(tuple(addresses), persistent, unconditional, private))

    def add_persistent_peers(self, addresses: Iterable[str]) -> None:
        """Peers to be redialled when lost. Raises: AddressError."""
        self._ask(AddPersistent(tuple(addresses)))

    def add_unconditional_peer_ids(self, ids: Iterable[str]) -> None:
        """IDs let in beyond all limits. Raises: ValueError."""
        self._ask(AddUnconditional(tuple(ids)))

    def add_private_peer_ids(self, ids: Iterable[str]) -> None:
        """IDs told to nobody. Raises: ValueError."""
        self._ask(AddPrivate(tuple(ids)))

    def peers(self) -> list[Peer]:
        """Everyone connected now."""
        return [Peer(info) for info in self._ask(GetPeers())]

    def broadcast(self, channel_id: int, message: bytes | SerializableMessage) -> None:
        """Send to every peer that knows the channel, as far as it has room within 10 s. See `Reactor.broadcast`."""
        self._running()
        frames = Frames((BROADCAST, (channel_id,), {}), [message_bytes(message)])
        for transport in self._names.transports:
            transport.tell(frames, when_full=DROP)

    def reactor(self, name: str) -> ActorRef:
        """The ref of a reactor: valid over its restarts. Raises: UnknownReactorError, a KeyError."""
        self._running()
        if name not in self._reactors:
            raise UnknownReactorError(name, tuple(self._reactors))
        return self._names.reactor(name)

    def rpc_addresses(self) -> list[str]:
        """Where RPC is served; empty when it is off."""
        return self._http_addresses("rpc", served=bool(self.config.rpc.laddr))

    def metrics_addresses(self) -> list[str]:
        """Where metrics are served; empty when they are off."""
        return self._http_addresses("metrics", served=self.config.instrumentation.prometheus)

    # --- machinery -----------------------------------------------------------------------------------------------------

    def _is_of_another_process(self) -> bool:
        has_begun = self._is_starting or (self._life is not None and not self._life.ended.is_set())
        return has_begun and self._pid != os.getpid()

    def _check_process(self) -> None:
        """Before anything else: a forked child has not the threads that do what it would wait for, and hold its locks.

        Raises: NodeNotRunningError.
        """
        if self._is_of_another_process():
            raise NodeNotRunningError(
                self.node_id,
                f"it runs in process {self._pid}, of which this process is a forked child; make a node of its own here, "
                "with a home of its own",
            )

    def _running(self) -> NodeLife:
        self._check_process()
        life = self._life
        if life is None or not life.is_running:
            raise self._not_running(life)
        return life

    def _not_running(self, life: NodeLife | None) -> NodeNotRunningError:
        return NodeNotRunningError(
            self.node_id, "it has not been started" if life is None else life.why_not()
        )

    def _ask(self, message: Any, timeout: float = ASK_TIMEOUT_S, *, of: ActorRef | None = None) -> Any:
        """Ask the switch, or another part, or its successor when it dies meanwhile: each question may be put twice."""
        life = self._running()
        part = of or self._names.switch
        deadline = time.monotonic() + timeout
        while True:
            try:
                return part.ask(message, timeout=max(0.0, deadline - time.monotonic()))
            except ActorDeadError as error:
                if life.ended.wait(RESTART_LOOK_S):
                    raise self._not_running(life) from error
                if time.monotonic() >= deadline:
                    raise

    def _http_addresses(self, name: str, *, served: bool) -> list[str]:
        self._running()
        return list(self._ask(GetAddresses(), of=ActorRef.to(self._names.of(name)))) if served else []

    def _watch_root(self, life: NodeLife) -> None:
        assert life.supervisor is not None
        reason = watch(life.supervisor).wait()
        if not life.stopping:
            self._log.error("node ended", reason=str(reason))
            self._log.close()
            life.over(str(reason))
        elif reason.kind == "exception":
            life.over(f"not everything was done at the stop: {str(reason).removeprefix(UNDONE)}")
        else:
            life.over(None)
        for callback in self._on_end:
            callback()

    def _check_store(self) -> None:
        """A node that could not keep its address book from the first moment does not start: see decision 0012."""
        store = self.config.home.addrbook_store
        fault = write_fault(store)
        if fault is not None:
            raise HomeError(store, f"the address book {fault}; a directory with room is expected")

    def _check_seeds(self) -> None:
        """A node without addresses and without a seed that resolves would wait for ever. Source: reference 8."""
        if not (self.config.p2p.pex and self.config.p2p.seeds):
            return
        causes: dict[str, str] = {}
        for seed in self.config.p2p.seeds:
            try:
                NetAddress.parse(seed, resolve_host)
            except AddressLookupError as error:
                causes[seed] = str(error)
        if len(causes) == len(self.config.p2p.seeds) and book_is_empty(self.config):
            raise SeedsUnresolvedError(causes)

    def _tell_hindrances(self) -> None:
        """A node that cannot have peers as it is configured says why, once."""

        def book_is_empty() -> bool:
            with suppress(Exception):  # whatever is the matter with the book, it says so itself
                return bool(self._names.addrbook.ask(BookCall("is_empty"), timeout=ASK_TIMEOUT_S))
            return False

        for hindrance in hindrances(
            self.config,
            self._node_key.node_id,
            has_channels=bool(self._channels),
            book_is_empty=book_is_empty,
        ):
            say = self._log.warning if hindrance.is_mistake else self._log.info
            say(hindrance.what, why=hindrance.why)

    def _listen(self, life: NodeLife) -> None:
        """Take every port that the configuration names. Raises: ListenError."""
        instrumentation, rpc = self.config.instrumentation, self.config.rpc
        life.listener = _listen(self.config.p2p.laddr)
        if rpc.laddr:
            life.http_listeners["rpc"] = _listen_http("rpc.laddr", rpc.laddr)
        if instrumentation.prometheus:
            life.http_listeners["metrics"] = _listen_http(
                "instrumentation.prometheus_listen_addr", instrumentation.prometheus_listen_addr
            )

    def _check_hosts(self) -> None:
        """Insist that others find us by the name we tell them. Raises: ConfigError."""
        mistakes = unresolved_hosts(self.config, "external_address")
        if mistakes:
            raise ConfigError(mistakes)

    def _node_info(self, life: NodeLife) -> NodeInfo:
        return NodeInfo(
            protocol_version=self._protocol_version,
            id=self._node_key.node_id,
            listen_addr=f"tcp://{life.address.rpartition('@')[2]}",
            network=self.config.network,
            version=ANNOUNCED_VERSION,
            channels=bytes(descriptor.id for descriptor in self._channels),
            moniker=self.config.moniker,
            tx_index="off",
            rpc_address=self.config.rpc.laddr,
        )

    def _children(self, life: NodeLife) -> list[ChildSpec]:
        assert life.listener is not None
        hosts = self._names.peer_hosts
        load = LoadTable.create(hosts)
        life.fds.append(load)
        fds = {"listen": life.listener.fileno(), "load": load}
        own_processes = self.config.peerage.peer_hosts == 0
        children = [
            self._child("addrbook", Start.of(AddrBookActor), shutdown=BOOK_SHUTDOWN_S),
            self._child("switch", Start.of(SwitchActor, self._connection_filters, self._peer_filters)),
        ]
        if self.config.instrumentation.prometheus:
            start = Start.of(MetricsActor, _metrics_settings(self.config))
            children.append(self._child("metrics", start, fds=_http_fds(life, "metrics")))
        for name, (actor_class, *args) in self._reactors.items():
            start = Start.of(actor_class, *args)
            health = _reactor_health(self.config)
            children.append(self._child(f"reactor-{name}", start, health=health, shutdown=REACTOR_SHUTDOWN_S))
        children += [
            self._child(f"peers-{index}", Start.of(TransportActor, index, own_processes), fds=fds)
            for index in range(hosts)
        ]
        if self.config.rpc.laddr:
            start = Start.of(RpcActor, self._names.switch, RpcSettings.of(self.config.rpc))
            children.append(self._child("rpc", start, fds=_http_fds(life, "rpc")))
        return children

    def _reactor_name(self, name: str) -> str:
        return self._names.of(f"reactor-{name}")

    def _child(
        self,
        part: str,
        start: Start,
        *,
        health: HealthCheck | None = None,
        shutdown: float = CHILD_SHUTDOWN_S,
        **options: Any,
    ) -> ChildSpec:
        name = self._names.of(part)
        return ChildSpec(
            id=name,
            start=start.using(name=name, extra=self._context, log_setup=self._log.host_setup, **options),
            shutdown=shutdown,
            health=health or _own_health(self.config),
        )


def _http_fds(life: NodeLife, name: str) -> dict[str, int]:
    return {f"{name}-{i}": listener.fileno() for i, listener in enumerate(life.http_listeners[name])}


def _uninterrupted(start: Callable[[], ActorRef[Any]]) -> ActorRef[Any]:
    """What `start` starts. Ctrl-C interrupts only who waits for it, and ends it: half a node would hold names and files."""
    with ThreadPoolExecutor(1, "node-start") as pool:
        starting = pool.submit(start)
        try:
            return starting.result()
        except BaseException:
            if starting.exception() is None:
                started = watch(starting.result())
                started.ref.stop()
                started.wait()
            raise


def _own_health(config: Config) -> HealthCheck:
    """For our own actors, none of which may block for long."""
    settings = config.peerage
    return _health(settings.probe_interval, settings.probe_timeout, settings.memory_limit)


def _reactor_health(config: Config) -> HealthCheck:
    """For reactors, which may block as long as their operator lets them."""
    settings = config.peerage
    return _health(settings.probe_interval, settings.reactor_probe_timeout, settings.reactor_memory_limit)


def _health(every: float, timeout: float, max_rss: int) -> HealthCheck:
    return HealthCheck(every=every, deadline=timeout or None, max_rss=max_rss or None)


def _with_pex(config: Config, reactors: Mapping[str, ReactorSpec]) -> dict[str, tuple[Any, ...]]:
    named = {name: spec if isinstance(spec, tuple) else (spec,) for name, spec in reactors.items()}
    if not config.p2p.pex:
        return named
    if PEX in named:
        raise ValueError(
            f"reactor name {PEX!r} is taken by peer exchange; switch p2p.pex off to bring your own"
        )
    return {PEX: (PexReactor,), **named}


def _routes_of(
    reactors: Mapping[str, tuple[Any, ...]],
) -> tuple[tuple[ChannelDescriptor, ...], dict[int, str]]:
    """Channels in registration order, and whose they are. Raises: ValueError for a channel used twice."""
    channels: list[ChannelDescriptor] = []
    routes: dict[int, str] = {}
    for name, (actor_class, *_) in reactors.items():
        for descriptor in actor_class.channels:
            if descriptor.id in routes:
                raise ValueError(
                    f"channel {descriptor.id:#04x} of reactor {name!r} belongs to {routes[descriptor.id]!r}"
                )
            routes[descriptor.id] = name
            channels.append(descriptor)
    return tuple(channels), routes


def _free_prefix() -> str:
    """Nothing for the first unnamed node of a process, then node-2/, node-3/ …"""
    number = next(_unnamed)
    return "" if number == 1 else f"node-{number}/"


def _metrics_settings(config: Config) -> MetricsSettings:
    instrumentation = config.instrumentation
    return MetricsSettings(
        listen_addr=instrumentation.prometheus_listen_addr,
        namespace=instrumentation.namespace,
        chain_id=config.network,
        max_open_connections=instrumentation.max_open_connections,
        hides_private_peers=True,
    )


def _ensure_system(config: Config, reactors: Iterable[type[Reactor]]) -> None:
    """Make the process's actor system, unless the embedder has made one: hosts start with our modules loaded, and with
    the reactors', so that a reactor that is restarted need not import them again.
    """
    with _making_system:  # nodes may be started by several threads
        if not System.is_running():
            modules = dict.fromkeys(each.__module__ for each in reactors if each.__module__ != "__main__")
            System(preload=(*PRELOAD, *modules), log_setup=HostSetup(config.log_settings))


def _listen(laddr: str) -> socket.socket:
    """The listening socket of the node: the root's, shared with the peer hosts. Raises: ListenError."""
    address = ListenAddress.parse(laddr)
    try:
        family, *_, where = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ListenError("p2p.laddr", laddr, error.strerror or str(error)) from error
    return listener


def _listen_http(key: str, laddr: str) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    try:
        listeners.extend(map(listen, ListenAddress.parse_list(laddr)))
    except ListenFailedError as error:
        for listener in listeners:
            listener.close()
        raise ListenError(key, error.address, error.cause_text) from error
    return listeners
