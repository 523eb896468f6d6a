"""How an actor's counts reach the metrics actor: once a second, and at its end."""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.context import NodeContext
from peerage.actors.metrics.buffer import Labels, MetricsBuffer, Series
from peerage.actors.runtime import ActorContext

__all__ = ["MetricsReporter"]

INTERVAL_S = 1.0
FIRST_S = 0.05  # after its start: soon, because the gauges of its predecessor have been dropped


class MetricsReporter:
    """Sends what `buffer` collects. If no metrics are served, nothing is collected.

    While the metrics actor is being restarted, deltas are held back; its successor is then sent all gauges.

    Args:
        runtime: of the actor that counts.
        source: its name.
        counts_dead_letters: whether it reports the dead letters of its process; one actor of each process does.
        looks_at_host: whether it reports how its host keeps up, mailboxes and loop; one actor of each host does. Hosts that
            come and go with a peer are not looked at: they would be as many series as peers.
    """

    def __init__(
        self,
        runtime: ActorContext,
        context: NodeContext,
        source: str,
        *,
        counts_dead_letters: bool = True,
        looks_at_host: bool = True,
    ) -> None:
        self.buffer = MetricsBuffer(source)
        self.is_on = context.config.instrumentation.prometheus
        self._runtime = runtime
        self._metrics = context.names.metrics
        self._told_life: int | None = None  # of the metrics actor, when it was last told something
        self._reads: dict[Series, Callable[[], float]] = {}
        self._counts_dead_letters = counts_dead_letters
        self._dead_letters = 0
        self._looks_at_host = looks_at_host and self.is_on
        self._due = runtime.now() + FIRST_S
        runtime.call_later(FIRST_S, self._report)

    def gauge(self, name: str, labels: Labels, read: Callable[[], float]) -> None:
        """Add a gauge that is read for each report, the first one included."""
        self._reads[name, labels] = read

    def send(self) -> None:
        """Send what was collected. Call it at the actor's end too."""
        if not self.is_on:
            self.buffer.drain()
            return
        life = self._runtime.life_of(self._metrics)
        if life is None:
            return
        if life != self._told_life:
            self._told_life = life
            self.buffer.resend()
        self._count_dead_letters()
        self._measure_mailboxes()
        for (name, labels), read in self._reads.items():
            self.buffer.set(name, labels, read())
        delta = self.buffer.drain()
        if delta is not None:
            self._metrics.tell(delta, exempt=True)

    def _count_dead_letters(self) -> None:
        if self._counts_dead_letters:
            dead = self._runtime.dead_letters
            if dead > self._dead_letters:
                grown = dead - self._dead_letters
                self.buffer.inc("actor_dead_letters_total", (self._runtime.host_name,), grown)
                self._dead_letters = dead

    def _measure_mailboxes(self) -> None:
        if self._looks_at_host:
            messages, oldest = self._runtime.waiting_messages()
            self.buffer.set("actor_mailbox_messages", (self._runtime.host_name,), float(messages))
            self.buffer.set("actor_mailbox_oldest_seconds", (self._runtime.host_name,), oldest)

    def _report(self) -> None:
        now = self._runtime.now()
        if self._looks_at_host:
            late = max(0.0, now - self._due)
            self.buffer.observe("actor_loop_lag_seconds", (self._runtime.host_name,), late)
        self._due = now + INTERVAL_S
        self._runtime.call_later(INTERVAL_S, self._report)
        self.send()
