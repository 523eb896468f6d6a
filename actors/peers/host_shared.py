"""What the peers of one host share: a buffer to read into, memory, counters, and what is being broadcast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from peerage.actors.context import NodeContext
from peerage.actors.messages import PeerInfo
from peerage.actors.metrics.families import channel_label
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.peers.addressees import Addressees
from peerage.actors.peers.bandwidth import NO_LIMITS, Bandwidth, Bandwidths
from peerage.actors.peers.broadcasts import BroadcastFeed, Broadcasts
from peerage.actors.peers.inbound import WindowLimits
from peerage.actors.peers.left_behind import LeftBehind
from peerage.actors.peers.memory_budget import MemoryBudget
from peerage.actors.peers.peer_figures import Figured
from peerage.actors.peers.standing_answers import StandingAnswers
from peerage.actors.peers.stream import Loop
from peerage.actors.peers.switch_news import SwitchNews
from peerage.actors.runtime import ActorContext, ActorRef
from peerage.wire.multiplex import BULK_READ

__all__ = ["HostShared", "Residents"]

BUFFER_BYTES = BULK_READ


@dataclass(frozen=True, slots=True)
class Residents:
    """Whom the peer actors of a host tell of themselves without a message.

    Args:
        became_peer: a connection runs, and the reactors know it. Its session is at hand for those who watch the node.
        ended: everything of a connection is closed, and whoever has to know was told; its actor ends soon.
    """

    became_peer: Callable[[PeerInfo, Figured], object]
    ended: Callable[[ActorRef], object]


class HostShared:
    """One per peer host; a peer in a process of its own has one for itself, without residents.

    Attribute: standing_answers, of a seed's host, for callers of whom the PEX reactor need not be asked.
    """

    def __init__(
        self,
        metrics: MetricsReporter,
        broadcasts: Broadcasts,
        feed: BroadcastFeed,
        addressees: Addressees,
        news: SwitchNews,
        budget: MemoryBudget,
        left_behind: LeftBehind,
        window_limits: WindowLimits,
        residents: Residents | None = None,
        bandwidths: Bandwidths = NO_LIMITS,
    ) -> None:
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.metrics = metrics
        self.broadcasts = broadcasts
        self.feed = feed
        self.addressees = addressees
        self.news = news
        self.budget = budget
        self.left_behind = left_behind
        self.window_limits = window_limits
        self.residents = residents
        self.bandwidths = bandwidths
        self.standing_answers: StandingAnswers | None = None

    @classmethod
    def of(
        cls,
        context: NodeContext,
        metrics: MetricsReporter,
        loop: Loop,
        budget: MemoryBudget,
        on_progress: Callable[[int], object] = lambda _channel_id: None,
        residents: Residents | None = None,
        bandwidths: Bandwidths = NO_LIMITS,
    ) -> Self:
        """What the peers of a host of this node share.

        Args: budget, residents and bandwidths, as of the class; on_progress, as in Broadcasts.
        """
        channel_ids = (descriptor.id for descriptor in context.channels)
        max_payload = context.config.p2p.max_packet_msg_payload_size
        broadcasts = Broadcasts(
            channel_ids, max_payload, on_progress, most_bytes=lambda: budget.broadcast_share
        )
        addressees = Addressees(context.names)
        news = SwitchNews(addressees, loop.call_later)
        for kind, read in {
            "unfinished": lambda: budget.unfinished,
            "unsent": lambda: budget.unsent,
            "unconsumed": lambda: budget.unconsumed,
            "broadcast": lambda: broadcasts.size,
        }.items():
            metrics.gauge("p2p_held_bytes", (kind,), read)
        feed, left_behind = BroadcastFeed(broadcasts, loop), LeftBehind(loop, addressees, budget)
        settings = context.config.peerage
        limits = WindowLimits(settings.receive_window, settings.spill_limit, context.config.home.data_dir)
        for direction, flow in zip(("in", "out"), bandwidths, strict=True):
            if isinstance(flow, Bandwidth):
                metrics.gauge("p2p_bandwidth_waiting", (direction,), flow.waiting)
        return cls(
            metrics, broadcasts, feed, addressees, news, budget, left_behind, limits, residents, bandwidths
        )

    @classmethod
    def of_one(cls, context: NodeContext, runtime: ActorContext, name: str) -> Self:
        """What a peer in a process of its own shares with nobody. Args: runtime and name, of its actor."""
        metrics = MetricsReporter(runtime, context, name, looks_at_host=False)
        budget, bandwidths = MemoryBudget.of_one(context, runtime), Bandwidths.of_one(context, runtime)
        return cls.of(context, metrics, runtime, budget, bandwidths=bandwidths)

    def timed(self, loop: Loop, then: Callable[[], None], *, is_outbound: bool) -> Callable[[], None]:
        """What to call when a handshake that begins now is done: `then`, and its time is counted."""
        if not self.metrics.is_on:
            return then
        began, direction = loop.now(), "out" if is_outbound else "in"

        def done() -> None:
            self.metrics.buffer.observe("p2p_handshake_seconds", (direction,), loop.now() - began)
            then()

        return done

    def count_drops(self, channel_id: int, messages: int = 1) -> None:
        """Messages of a channel were given up."""
        if messages:
            self.metrics.buffer.inc("p2p_dropped_messages_total", (channel_label(channel_id),), messages)
