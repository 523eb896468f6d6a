"""The figures of all peers of a host, for those who watch the node.

The transport has the connections of its peers at hand, and reads them where they are: a question to each actor, and an
answer of each, would cost ten times as much. Peers in processes of their own are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from peerage.actors.messages import GetStatusOfPeer, PeerInfo, PeerStatus
from peerage.actors.runtime import ActorDeadError, ActorRef, Future
from peerage.wire.multiplex import Figures
from peerage.wire.status import ConnectionStatus

__all__ = ["PeerBoard", "ask_statuses", "row_of"]

Row = tuple[Any, ...]


class Limited(Protocol):
    """Its packets on their way."""

    def limit_rates(self, send_rate: float, recv_rate: float) -> None:
        """Other limits from now on, bytes per second."""


class Figured(Protocol):
    """An open connection."""

    @property
    def link(self) -> Limited: ...

    def figures(self) -> tuple[Figures, int]:
        """What its packets come to, and bytes that reactors have not consumed."""


class PeerBoard:
    """The peers of one host: what is known of each, and its connection."""

    def __init__(self) -> None:
        self._peers: dict[ActorRef, tuple[Row, Figured]] = {}

    def add(self, info: PeerInfo, connection: Figured) -> None:
        """A peer of this process."""
        self._peers[info.ref] = _facts(info), connection

    def limit_rates(self, send_rate: float, recv_rate: float) -> None:
        """Of all of them."""
        for _facts, connection in tuple(self._peers.values()):
            connection.link.limit_rates(send_rate, recv_rate)

    def remove(self, ref: ActorRef) -> None:
        """It is gone, if it was here."""
        self._peers.pop(ref, None)

    def rows(self) -> list[Row]:
        """One for each peer, of PeerRow's fields."""
        return [facts + _read(*connection.figures()) for facts, connection in self._peers.values()]


def _facts(info: PeerInfo) -> Row:
    return (
        info.connection,
        info.id,
        info.node_info.moniker,
        info.node_info.version,
        info.socket_address,
        info.is_outbound,
        info.is_persistent,
        info.is_unconditional,
        info.since,
    )


def _read(figures: Figures, unconsumed: int) -> Row:
    round_trip, send_rate, recv_rate, sent, received, idle, queues = figures
    queued = sum([queue[1] for queue in queues]) if queues else 0
    return round_trip, send_rate, recv_rate, sent, received, idle, queued, unconsumed, queues


def row_of(status: PeerStatus) -> Row:
    """The same of a peer in a process of its own. It does not tell what reactors have not consumed."""
    return _facts(status.info) + _read(_of_status(status.status), 0)


def _of_status(status: ConnectionStatus) -> Figures:
    send, recv = status.send_monitor, status.recv_monitor
    queues = tuple(
        (channel.id, channel.send_queue_size, channel.send_queue_capacity)
        for channel in status.channels
        if channel.send_queue_size
    )
    return (
        status.round_trip,
        float(send.cur_rate),
        float(recv.cur_rate),
        send.bytes,
        recv.bytes,
        min(send.idle, recv.idle),
        queues,
    )


def ask_statuses(peers: Sequence[ActorRef], then: Callable[[tuple[PeerStatus, ...]], object]) -> None:
    """Ask peer actors for their status, and call `then` once all have answered or ended.

    Those that are no peers any more are left out.
    """
    answers: list[PeerStatus | None] = []

    def collect(answer: Future[PeerStatus | None]) -> None:
        try:
            answers.append(answer.get(timeout=0))
        except ActorDeadError:  # it has ended meanwhile
            answers.append(None)
        if len(answers) == len(peers):
            then(tuple(status for status in answers if status is not None))

    if not peers:
        then(())
    for ref in peers:
        ref.ask(GetStatusOfPeer(), block=False).then(collect)
