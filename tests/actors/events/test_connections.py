"""Connections as events."""

from __future__ import annotations

import pytest

from peerage.actors.events.connections import ConnectionEvents, connected, lost
from peerage.actors.events.happenings import Connected, Dialled, Direction, GaveUp, Lost, Refused
from peerage.actors.loss import LossReason
from peerage.actors.messages import Admission, ConnectionEnded, ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo, ProtocolVersion
from tests.actors.events.parts import ANNA
from tests.actors.events.test_teller import Stage

FACTS = ConnectionFacts("c-1", "peers-0", "192.0.2.1", 26656, True, NodeID(ANNA))


def peer_of(moniker: str = "anna", *, persistent: bool = False) -> PeerInfo:
    info = NodeInfo(
        protocol_version=ProtocolVersion(),
        id=NodeID(ANNA),
        listen_addr="",
        network="test",
        version="0.38.0",
        channels=b"",
        moniker=moniker,
        tx_index="off",
        rpc_address="",
    )
    admission = Admission(persistent, False)
    return PeerInfo.of(FACTS, NodeID(ANNA), info, ActorRef.to("peer"), admission, since=90.0)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_each_is_told_with_its_keys(stage: Stage) -> None:
    events = ConnectionEvents(stage.teller)
    events.dialled(FACTS)
    events.refused(FACTS, Refusal(RefusalReason.INCOMPATIBLE, "network"))
    events.connected(peer_of(persistent=True))
    events.lost(peer_of(), ConnectionEnded(FACTS, None, "late", is_error=True, loss=LossReason.NO_PONG))
    events.gave_up(ANNA, 7)
    stage.runtime.up()
    address = "192.0.2.1:26656"
    assert stage.heard == [
        Dialled(ANNA, address),
        Refused(RefusalReason.INCOMPATIBLE, "network", ANNA, address, Direction.OUTBOUND),
        Connected(ANNA, address, Direction.OUTBOUND, "anna", "0.38.0", True, "c-1", 90.0),
        Lost(LossReason.NO_PONG, "late", ANNA, address, Direction.OUTBOUND, "anna", "0.38.0", "c-1", 10.0),
        GaveUp(ANNA, 7),
    ]


def test_who_has_done_wrong_is_named_if_it_is_proved(stage: Stage) -> None:
    facts = ConnectionFacts("c-2", "peers-0", "192.0.2.2", 1, False)
    refusal = Refusal(RefusalReason.INVALID_NODE_INFO, "why", offender=NodeID(ANNA))
    ConnectionEvents(stage.teller).refused(facts, refusal)
    stage.runtime.up()
    (told,) = stage.heard
    assert (told.peer, told.direction) == (ANNA, Direction.INBOUND)


def test_texts_of_the_remote_are_escaped_and_cut() -> None:
    event = connected(peer_of("\x1b[31m" + "x" * 1000))
    assert event.moniker.startswith(r"\x1b[31mxxx")
    assert len(event.moniker) == 100
    ended = ConnectionEnded(FACTS, None, "\n" * 1000)
    assert len(lost(peer_of(), ended, 100.0).detail) == 300


def test_who_only_looks_at_the_port_is_no_event(stage: Stage) -> None:
    """`peerage doctor` and load balancers do so."""
    events = ConnectionEvents(stage.teller)
    events.refused(FACTS, Refusal(RefusalReason.AUTH_FAILURE, is_look=True))
    stage.runtime.up()
    assert stage.heard == []
