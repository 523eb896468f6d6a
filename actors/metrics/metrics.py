"""The metrics actor: collects the metrics of all actors and serves them to Prometheus. Source: reference 11, 12."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp

from peerage.actors.context import NodeContext
from peerage.actors.http.actor import HttpActor
from peerage.actors.http.limits import HttpLimits
from peerage.actors.messages import GetPrivatePeers, PrivatePeers
from peerage.actors.metrics.aggregate import MetricsAggregate, MetricsStatistics
from peerage.actors.metrics.app import SharedAggregate, metrics_app
from peerage.actors.metrics.buffer import MetricsBuffer, MetricsDelta
from peerage.actors.metrics.families import FAMILIES, MetricFamily
from peerage.actors.metrics.process_metrics import ProcessMetrics
from peerage.actors.metrics.settings import MetricsSettings
from peerage.actors.runtime import ActorDeadError, ActorRef, Future

__all__ = [
    "GetMetricsStatistics",
    "MetricsActor",
    "MetricsAggregate",
    "MetricsBuffer",
    "MetricsDelta",
    "MetricsStatistics",
]

EXPIRE_INTERVAL_S: Final = 10.0
ASK_AGAIN_S: Final = 0.1  # while the switch is being restarted
MAX_CONNECTIONS: Final = 64  # open connections, idle ones included


@dataclass(frozen=True, slots=True)
class GetMetricsStatistics:
    """An ask to the metrics actor. Answer: MetricsStatistics."""


class MetricsActor(HttpActor):
    """Takes `MetricsDelta`s and serves them, on `settings.listen_addr` or the sockets passed as "metrics".

    It watches the sender of a delta, and drops its gauges when it ends. After a restart of this actor, counters begin at
    zero, which Prometheus recognises as a reset, and all actors send their gauges again (`MetricsReporter`).
    """

    socket_name = "metrics"

    def __init__(self, settings: MetricsSettings, families: Iterable[MetricFamily] = FAMILIES) -> None:
        super().__init__(
            settings.listen_addr, HttpLimits(max_connections=MAX_CONNECTIONS, host_names=settings.host_names)
        )
        self._settings = settings
        self._shared = SharedAggregate(settings, families)
        self._sources: dict[ActorRef, tuple[str, int]] = {}  # watched actor → name, life

    def application(self) -> ASGIApp:
        """The metrics as text."""
        processes = ProcessMetrics(lambda: self.runtime.process_ids)
        return metrics_app(self._shared, self._settings.max_open_connections, processes)

    def on_start(self) -> None:
        """Serve."""
        super().on_start()
        self._expire()
        if self._settings.hides_private_peers:
            self._learn_private()

    def on_receive(self, message: Any) -> Any:
        """Take a delta, or answer a question."""
        if isinstance(message, PrivatePeers):
            self._shared.hide(message.ids)
            return None
        if isinstance(message, MetricsDelta):
            self._shared.add(message)
            self._watch_sender(message)
            return None
        if isinstance(message, GetMetricsStatistics):
            return self._shared.statistics()
        return super().on_receive(message)

    def on_down(self, ref: ActorRef, _reason: Any) -> None:
        """A source ended."""
        source = self._sources.pop(ref, None)
        if source is not None:
            self._shared.source_gone(*source)

    def _learn_private(self) -> None:
        """Ask the switch for the private peers. Later it tells us when they change, and after its own restart."""
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        context.names.switch.ask(GetPrivatePeers(), block=False).then(self._learned_private)

    def _learned_private(self, answer: Future[Any]) -> None:
        try:
            self._shared.hide(answer.get(timeout=0).ids)
        except ActorDeadError:
            self.runtime.call_later(ASK_AGAIN_S, self._learn_private)

    def _watch_sender(self, delta: MetricsDelta) -> None:
        sender = self.runtime.sender
        if sender is None:
            return
        _, known = self._sources.get(sender, ("", -1))
        if delta.life > known:
            # Its predecessor's end may still be reported, and must not be mistaken for its own.
            self.runtime.unwatch(sender)
            self._sources[sender] = (delta.source, delta.life)
            # If the sender has ended already, because the delta came late, watching it calls on_down at once.
            self.runtime.watch(sender)

    def _expire(self) -> None:
        self._shared.expire()
        self.runtime.call_later(EXPIRE_INTERVAL_S, self._expire)
