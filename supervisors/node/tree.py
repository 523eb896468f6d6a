"""The supervision tree of a node: which children it has, and the supervisor at its root (design 3 and 6).

    node ── addrbook ── switch ── metrics ── reactors (pex, then yours) ── peer hosts ── cluster ── rpc

Children start in this order and stop in the reverse one; each is restarted alone (one_for_one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from peerage.actors.asked_table import AskedTable
from peerage.actors.cluster.keeper import ClusterKeeper
from peerage.actors.context import NodeContext
from peerage.actors.events.restarts import restarted
from peerage.actors.events.teller import tell_at_once
from peerage.actors.metrics.buffer import MetricsDelta, Series
from peerage.actors.metrics.settings import MetricsSettings
from peerage.actors.names import NodeNames
from peerage.actors.peers.bandwidth_table import BandwidthTable
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.memory_budget import budget_for, least_budget
from peerage.actors.peers.memory_table import MemoryTable
from peerage.actors.peers.register import Register
from peerage.actors.rpc.settings import RpcSettings
from peerage.actors.runtime import THREAD, ActorRef, StopIncompleteError
from peerage.actors.runtime.elsewhere import Elsewhere
from peerage.actors.switch.filters import ConnectionFilter, PeerFilter
from peerage.config import Config
from peerage.supervisors.intensity import Intensity
from peerage.supervisors.messages import RenewChild
from peerage.supervisors.node.host_setup import HostSetup
from peerage.supervisors.node.life import NodeLife
from peerage.supervisors.node.parts import ADDRBOOK, METRICS, PEX_REACTOR, RPC, SWITCH, TRANSPORT
from peerage.supervisors.node.reactor_table import ReactorTable
from peerage.supervisors.node.steward import REQUESTS, Steward
from peerage.supervisors.node.upgrading import Answer
from peerage.supervisors.spec import ChildSpec, Flags, HealthCheck, Start
from peerage.supervisors.supervisor import Supervisor
from peerage.wire.keys import NodeKey

UNDONE = f"exception: {StopIncompleteError.__name__}: "
CHILD_SHUTDOWN_S = 1.0  # for those who owe nothing at their end
REACTOR_SHUTDOWN_S = 5.0  # OTP's: its author's on_stop may have something to save
BOOK_SHUTDOWN_S = 30.0  # writing a full book takes half a second, and minutes on no disk that works


class NodeSupervisor(Supervisor):
    """The root of a node's tree: counts restarts in the metrics, and ends with an error when children that owed something
    at their end could not do it.
    """

    def __init__(self, children: Iterable[ChildSpec], flags: Flags, owing: frozenset[str]) -> None:
        super().__init__(children, flags)
        self._owing = owing
        self._undone: list[str] = []

    def on_start(self) -> None:
        super().on_start()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._steward = Steward(context, self.runtime, self._children, self._renew_for)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, REQUESTS):
            return self._steward.serve(message)
        return super().on_receive(message)

    def _renew_for(self, child_id: str, reply: Answer) -> None:
        self._agenda.add_request(RenewChild(child_id), reply)
        self._advance()

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
        tell_at_once(context.event_hub, restarted(child_id, cause))


class NodeTree:
    """The children of one node, as its configuration and its embedder want them.

    Args: takes_commands, whether there is a process for those of its operator also where RPC is off.
    """

    def __init__(
        self,
        config: Config,
        names: NodeNames,
        reactors: ReactorTable,
        connection_filters: tuple[ConnectionFilter, ...],
        peer_filters: tuple[PeerFilter, ...],
        *,
        takes_commands: bool = False,
    ) -> None:
        self._has_rpc = takes_commands or bool(config.rpc.laddr)
        self._config, self._names, self._reactors = config, names, reactors
        self._connection_filters, self._peer_filters = connection_filters, peer_filters

    def start(
        self,
        life: NodeLife,
        context: NodeContext,
        node_key: NodeKey,
        log_setup: Callable[[], None] | None,
    ) -> ActorRef[NodeSupervisor]:
        """Start the supervisor and every child; returns when all are up. Raises: as `Supervisor.start`."""
        settings = self._config.peerage
        flags = Flags(intensity=Intensity(settings.restart_intensity, settings.restart_period))
        supervisor = NodeSupervisor.options(name=self._names.of("supervisor"), place=THREAD, extra=context)
        children = self.children(life, context, node_key, log_setup)
        return supervisor.start(children, flags, self.owing)

    @property
    def size(self) -> int:
        """How many children there are, each with a process of its own."""
        config = self._config
        services = config.instrumentation.prometheus + bool(config.peerage.cluster) + self._has_rpc
        return 2 + services + len(self._reactors.names) + self._names.peer_hosts

    @property
    def owing(self) -> frozenset[str]:
        """The children that have something to save at their end."""
        parts = ["addrbook", *(f"reactor-{name}" for name in self._reactors.names)]
        return frozenset(map(self._names.of, parts))

    def children(
        self,
        life: NodeLife,
        context: NodeContext,
        node_key: NodeKey,
        log_setup: Callable[[], None] | None,
    ) -> list[ChildSpec]:
        """Return the child specs, in start order. The peer hosts alone are told the key: they shake hands."""
        config = self._config
        assert life.listeners
        own, reactor = _own_health(config), _reactor_health(config)

        def child(part: str, start: Start, **fields: Any) -> ChildSpec:
            name = self._names.of(part)
            told = context.with_key(node_key) if start.actor_class is TRANSPORT else context
            setup = log_setup
            if isinstance(start.options.get("place"), Elsewhere) and isinstance(setup, HostSetup):
                setup = setup.elsewhere()
            start = start.using(name=name, extra=told, log_setup=setup)
            return ChildSpec(id=name, start=start, **{"health": own, "shutdown": CHILD_SHUTDOWN_S, **fields})

        hosts = self._names.peer_hosts
        load = LoadTable.create(hosts)
        register = Register.create(hosts)
        least = least_budget(context.channels)
        memory = MemoryTable.create(hosts, budget_for(config.peerage.peer_memory, context.channels), least)
        rates = config.peerage.total_recv_rate, config.peerage.total_send_rate
        bandwidth = BandwidthTable.create(hosts, *rates)
        shared = {"load": load, "register": register, "memory": memory, "bandwidth": bandwidth}
        asked = {"asked": AskedTable.create()} if context.answers_seed_requests else {}
        life.fds += [*shared.values(), *asked.values()]
        fds = life.listen_fds() | shared | asked
        own_processes = config.peerage.peer_hosts == 0
        children = [
            child("addrbook", Start.of(ADDRBOOK), shutdown=BOOK_SHUTDOWN_S),
            child("switch", Start.of(SWITCH, self._connection_filters, self._peer_filters)),
        ]
        if config.instrumentation.prometheus:
            metrics = Start.of(METRICS, _metrics_settings(config))
            children.append(child("metrics", metrics.using(fds=life.http_fds("metrics"))))
        for name, start in self._reactors.starts():
            is_pex = start.actor_class is PEX_REACTOR
            seen = start.using(fds=asked) if is_pex and asked else start
            health = own if is_pex else reactor
            children.append(child(f"reactor-{name}", seen, health=health, shutdown=REACTOR_SHUTDOWN_S))
        children += [
            child(f"peers-{index}", Start.of(TRANSPORT, index, own_processes).using(fds=fds))
            for index in range(hosts)
        ]
        if config.peerage.cluster:
            keeper = Start.of(ClusterKeeper, log_setup).using(place=THREAD)
            children.append(child("cluster", keeper, health=None))  # in a thread, and it waits for a process
        if self._has_rpc:
            settings = RpcSettings.of(config.rpc, config.peerage.http_hosts, config.peerage.dashboard)
            rpc = Start.of(RPC, self._names.switch, self._names.addrbook, settings)
            sockets = life.http_fds("rpc") | life.http_fds("control")
            children.append(child("rpc", rpc.using(fds=sockets)))
        return children


def _own_health(config: Config) -> HealthCheck:
    """For our own actors, none of which may block for long."""
    settings = config.peerage
    return _health(settings.probe_interval, settings.probe_timeout, settings.memory_limit)


def _reactor_health(config: Config) -> HealthCheck:
    """For the reactors of others, which may block as long as their operator lets them. Peer exchange never does."""
    settings = config.peerage
    return _health(settings.probe_interval, settings.reactor_probe_timeout, settings.reactor_memory_limit)


def _health(every: float, timeout: float, max_rss: int) -> HealthCheck:
    return HealthCheck(every=every, deadline=timeout or None, max_rss=max_rss or None)


def _metrics_settings(config: Config) -> MetricsSettings:
    instrumentation = config.instrumentation
    return MetricsSettings(
        listen_addr=instrumentation.prometheus_listen_addr,
        namespace=instrumentation.namespace,
        chain_id=config.network,
        max_open_connections=instrumentation.max_open_connections,
        hides_private_peers=True,
        host_names=config.peerage.http_hosts,
        metric_names=config.peerage.metric_names,
        peer_labels=config.peerage.peer_labels,
    )
