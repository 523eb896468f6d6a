"""How an actor's counts reach the metrics actor: once a second, and at its end."""

from __future__ import annotations

from peerage.actors.context import NodeContext
from peerage.actors.metrics_buffer import MetricsBuffer
from peerage.actors.runtime import ActorContext

__all__ = ["MetricsReporter"]

INTERVAL_S = 1.0


class MetricsReporter:
    """Sends what `buffer` gathers, where metrics are served; else nothing is kept.

    Args:
        runtime: of the actor that counts.
        source: its name.
        counts_dead_letters: whether it speaks for its process; one actor of each does.
    """

    def __init__(
        self, runtime: ActorContext, context: NodeContext, source: str, *, counts_dead_letters: bool = True
    ) -> None:
        self.buffer = MetricsBuffer(source)
        self.is_on = context.config.instrumentation.prometheus
        self._runtime = runtime
        self._metrics = context.names.metrics
        self._counts_dead_letters = counts_dead_letters
        self._dead_letters = 0
        runtime.call_later(INTERVAL_S, self._report)

    def send(self) -> None:
        """Send what has gathered; to be called at the actor's end, too."""
        if self._counts_dead_letters:
            dead = self._runtime.dead_letters
            if dead > self._dead_letters:
                self.buffer.inc(
                    "actor_dead_letters_total", (self._runtime.host_name,), dead - self._dead_letters
                )
                self._dead_letters = dead
        delta = self.buffer.drain()
        if delta is not None and self.is_on:
            self._metrics.tell(delta, exempt=True)

    def _report(self) -> None:
        self._runtime.call_later(INTERVAL_S, self._report)
        self.send()
