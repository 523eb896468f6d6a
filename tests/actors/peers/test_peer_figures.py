"""actors/peers/peer_figures.py: a row for each peer, wherever it lives."""

from __future__ import annotations

from typing import Any

from peerage.actors.messages import PeerInfo, PeerRow, PeerStatus
from peerage.actors.peers.peer_figures import PeerBoard, ask_statuses, row_of
from peerage.actors.runtime import ActorDeadError
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.multiplex import Figures, MultiplexConnection
from tests.actors.messages.samples import NODE_INFO, PEER, PEER_ID, REF

CHANNELS = [ChannelDescriptor(0x20, 1, 10), ChannelDescriptor(0x30, 1, 10)]


class Connected:
    """An open connection, at its second 10."""

    def __init__(self) -> None:
        self.packets = MultiplexConnection(CHANNELS, now=0.0)
        for _ in range(3):
            self.packets.try_send(0x30, b"message")
        self.rates = (0.0, 0.0)

    def figures(self) -> tuple[Figures, int]:
        return self.packets.figures(10.0), 7

    @property
    def link(self) -> Connected:
        return self

    def limit_rates(self, send_rate: float, recv_rate: float) -> None:
        self.rates = send_rate, recv_rate


def test_a_peer_of_this_host_is_read_where_it_is() -> None:
    """Until it is gone."""
    board = PeerBoard()
    board.add(PEER, Connected())
    [row] = (PeerRow(*row) for row in board.rows())
    assert (row.id, row.moniker, row.address, row.is_outbound) == (
        PEER_ID,
        NODE_INFO.moniker,
        "192.0.2.1:26656",
        True,
    )
    assert (row.queued, row.queues, row.unconsumed, row.round_trip) == (3, ((0x30, 3, 10),), 7, None)
    board.remove(REF)
    board.remove(REF)
    assert board.rows() == []


def test_other_rates_are_those_of_all_peers_of_this_host() -> None:
    board, connection = PeerBoard(), Connected()
    board.add(PEER, connection)
    board.limit_rates(5, 7)
    assert connection.rates == (5, 7)


def test_a_peer_in_another_process_tells_the_same() -> None:
    """But for what reactors have not consumed."""
    connected, board = Connected(), PeerBoard()
    board.add(PEER, connected)
    status = PeerStatus(PEER, connected.packets.status(10.0))
    assert PeerRow(*row_of(status))._replace(unconsumed=7) == PeerRow(*board.rows()[0])


class Asked:
    """A peer actor, and the future of its answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def ask(self, _question: object, *, block: bool) -> Asked:
        assert not block
        return self

    def then(self, fn: Any) -> None:
        fn(self)

    def get(self, *, timeout: float) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_peers_are_asked_and_those_that_are_none_any_more_are_left_out() -> None:
    """It is told once, also when there is nobody."""
    told: list[Any] = []
    status = PeerStatus(PEER, Connected().packets.status(10.0))
    asked: Any = [Asked(status), Asked(None), Asked(ActorDeadError("gone"))]
    ask_statuses(asked, told.append)
    ask_statuses([], told.append)
    assert told == [(status,), ()]


def test_what_is_known_of_a_peer_is_no_more_than_its_row() -> None:
    """The board keeps text and numbers, not the whole NodeInfo."""
    info: PeerInfo = PEER
    assert len(PeerRow._fields) == len(row_of(PeerStatus(info, Connected().packets.status(10.0))))
