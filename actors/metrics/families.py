"""All metrics: names, labels, meaning. First those of CometBFT v0.38, then our own. Source: reference 11 and 12."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

__all__ = [
    "FAMILIES",
    "MetricFamily",
    "MetricKind",
    "channel_label",
    "families_by_name",
    "message_type_label",
]

PEER_LABEL: Final = "peer_id"
ROUND_TRIP_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
HANDSHAKE_BUCKETS_S: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
LAG_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class MetricKind(Enum):
    """The kind of a metric, by Prometheus's name for it."""

    COUNTER = "counter"  # only grows; deltas from all sources add up
    GAUGE = "gauge"  # set by each source; the sources' values add up
    HISTOGRAM = "histogram"  # only grows; deltas add up


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """One metric.

    Args:
        name: without the namespace.
        kind: counters' names end in `_total`.
        help: one line for the reader of /metrics.
        labels: names of the labels, without `chain_id`, which every metric has.
        buckets: upper bounds of a histogram, ascending, without infinity.
    """

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def peer_index(self) -> int | None:
        """The position of the peer's ID among the labels; None if it is not one of them."""
        return self.labels.index(PEER_LABEL) if PEER_LABEL in self.labels else None


def _counter(name: str, text: str, *labels: str) -> MetricFamily:
    return MetricFamily(name, MetricKind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str) -> MetricFamily:
    return MetricFamily(name, MetricKind.GAUGE, text, labels)


FAMILIES: Final = (
    # The names and help texts are CometBFT v0.38's, because dashboards use them.
    _gauge("p2p_peers", "Number of peers."),
    _counter(
        "p2p_peer_receive_bytes_total", "Number of bytes received from a given peer.", "peer_id", "chID"
    ),
    _counter("p2p_peer_send_bytes_total", "Number of bytes sent to a given peer.", "peer_id", "chID"),
    # Messages, not bytes, in spite of its name: as in v0.38 (reference 11).
    _gauge("p2p_peer_pending_send_bytes", "Pending bytes to be sent to a given peer.", "peer_id"),
    _gauge("p2p_num_txs", "Number of transactions submitted by each peer.", "peer_id"),
    _counter(
        "p2p_message_receive_bytes_total", "Number of bytes of each message type received.", "message_type"
    ),
    _counter("p2p_message_send_bytes_total", "Number of bytes of each message type sent.", "message_type"),
    # Ours (reference 12: no metric for dials, refusals, bans, round-trip times).
    _counter("p2p_dials_total", "Dials that ended, by outcome.", "outcome"),
    _counter("p2p_refusals_total", "Peers refused, by reason.", "reason"),
    _counter("p2p_losses_total", "Peers that are gone, by reason.", "reason"),
    _counter("p2p_bans_total", "Bans put on peers, by reason.", "reason"),
    _counter("p2p_offences_total", "Offences counted against IDs and hosts, by kind.", "offence"),
    _counter("p2p_pex_requests_total", "Requests for addresses received, by outcome.", "outcome"),
    _counter("p2p_heard_addresses_total", "Addresses that peers told, by what became of them.", "outcome"),
    _gauge("p2p_addresses", "Addresses in the book, by kind.", "kind"),
    _gauge("p2p_address_book_outage", "1 while the address book cannot be written to disk, else 0."),
    _counter("p2p_address_book_write_failures_total", "Failed tries to write the address book to disk."),
    _counter(
        "p2p_dropped_messages_total", "Messages that a reactor's full window dropped, by channel.", "chID"
    ),
    _counter(
        "p2p_unserved_packets_total",
        "Packets dropped because only the peer announced their channel, by channel.",
        "chID",
    ),
    _counter(
        "p2p_packet_floods_total",
        "Floods of packets with little or no data: times that reading a peer paused, and peers stopped for it.",
        "outcome",
    ),
    _gauge(
        "p2p_bandwidth_waiting",
        "Connections that wait for their turn, because the node's bandwidth is used up.",
        "direction",
    ),
    _gauge("p2p_held_bytes", "Bytes of messages that peers have in memory, by what they wait for.", "kind"),
    _gauge("p2p_peer_round_trip_seconds", "Time between the last ping and its pong.", "peer_id"),
    MetricFamily(
        "p2p_round_trip_seconds",
        MetricKind.HISTOGRAM,
        "Time between a ping and its pong, all peers together.",
        buckets=ROUND_TRIP_BUCKETS_S,
    ),
    MetricFamily(
        "p2p_handshake_seconds",
        MetricKind.HISTOGRAM,
        "Time of handshakes that succeeded, from the connection to the NodeInfo.",
        ("direction",),
        HANDSHAKE_BUCKETS_S,
    ),
    _counter("actor_restarts_total", "Restarts by a supervisor, by actor.", "actor"),
    _counter("actor_dead_letters_total", "Messages that could not be delivered, by process.", "host"),
    _gauge("actor_mailbox_messages", "Messages that wait in the mailboxes of a process.", "host"),
    _gauge("actor_mailbox_oldest_seconds", "Age of the message that has waited longest, by process.", "host"),
    MetricFamily(
        "actor_loop_lag_seconds",
        MetricKind.HISTOGRAM,
        "How late the loop of a process calls a timer, measured once a second.",
        ("host",),
        LAG_BUCKETS_S,
    ),
)


def families_by_name(families: Iterable[MetricFamily]) -> Mapping[str, MetricFamily]:
    """The families by name. Raises: ValueError, two have the same name."""
    table: dict[str, MetricFamily] = {}
    for family in families:
        if family.name in table:
            raise ValueError(f"metric {family.name} is declared twice")
        table[family.name] = family
    return MappingProxyType(table)


def channel_label(channel_id: int) -> str:
    """A channel as CometBFT's `chID` label has it: `0x20`, and `0x0` for PEX. Source: reference 11."""
    return f"{channel_id:#x}"


def message_type_label(message: type, package: str = "p2p") -> str:
    """A message type as CometBFT's `message_type` label has it, like `p2p_PexRequest`. Source: reference 11.

    Args:
        message: the class of a decoded message.
        package: the Go package that has CometBFT's class of this name.
    """
    return f"{package}_{message.__name__}"
