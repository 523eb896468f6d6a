"""actors/switch/peer_table.py: who is let in, who is dialled."""

from dataclasses import replace

import pytest
from msgspec import structs

from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.loss import LossReason
from peerage.actors.messages import ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef
from peerage.actors.switch.peer_table import PeerLimits, PeerTable, Stage
from peerage.wire.ip_ranges import parse_network
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo

ANY_NUMBER, ONE_EACH = IPLimits(per_ip=None), IPLimits()
OWN, ANNA, BERT, CLEO = (NodeID(letter * 40) for letter in "0abc")


def table_of(max_inbound: int = 2, ip_limits: IPLimits = ANY_NUMBER) -> PeerTable:
    return PeerTable(PeerLimits(OWN, max_inbound, ip_limits))


def accepted(number: int, ip: str = "10.0.0.1") -> ConnectionFacts:
    return ConnectionFacts(f"in-{number}", "peers-0", ip, 1000 + number, is_outbound=False)


def dialled(peer_id: NodeID, ip: str = "10.0.0.1") -> ConnectionFacts:
    return ConnectionFacts(f"out-{peer_id[:2]}", "peers-0", ip, 26656, is_outbound=True, dialled_id=peer_id)


def ref() -> ActorRef:
    return ActorRef.to("peer")


def info_of(facts: ConnectionFacts, peer_id: NodeID) -> PeerInfo:
    return PeerInfo(
        connection=facts.connection,
        ref=ref(),
        id=peer_id,
        node_info=NodeInfo(id=peer_id, listen_addr="tcp://10.0.0.1:26656", network="n", moniker="m"),
        remote_ip=facts.remote_ip,
        socket_address=f"{facts.remote_ip}:{facts.remote_port}",
        is_outbound=facts.is_outbound,
        is_persistent=False,
        is_unconditional=False,
        host=facts.host,
    )


def run(table: PeerTable, facts: ConnectionFacts, peer_id: NodeID) -> None:
    """Take a connection all the way."""
    table.add(facts, 0.0)
    table.admit(facts, peer_id, ref(), 0.0)
    table.started(info_of(facts, peer_id), 0.0)


def reason_of(refusal: Refusal | None) -> RefusalReason | None:
    return refusal.reason if refusal else None


def test_connections_in_their_handshake_take_no_place_of_a_peer() -> None:
    """However many there are."""
    table = table_of(max_inbound=1)
    for number in range(3):
        assert table.admit_connection(accepted(number)) is None
        table.add(accepted(number), 0.0)
    assert table.admit_peer(accepted(2), ANNA) is None


def test_where_the_peer_hosts_keep_the_limit_the_switch_does_not() -> None:
    """They may give a newcomer the place of another peer."""
    table = table_of(max_inbound=1)
    run(table, accepted(1), ANNA)
    assert reason_of(table.admit_peer(accepted(2), BERT)) is RefusalReason.INBOUND_LIMIT
    table.limits = replace(table.limits, max_inbound=None)
    assert table.admit_peer(accepted(2), BERT) is None


def test_a_removed_connection_makes_room() -> None:
    """A refused or failed connection leaves the table."""
    table = table_of(max_inbound=1)
    table.add(accepted(1), 0.0)
    table.remove("in-1")
    assert table.admit_connection(accepted(2)) is None


def test_an_unconditional_id_passes_the_limit_of_peers() -> None:
    """Reference 6: inbound limit, unless the ID is unconditional."""
    table = table_of(max_inbound=1)
    run(table, accepted(1), ANNA)
    assert reason_of(table.admit_peer(accepted(2), BERT)) is RefusalReason.INBOUND_LIMIT
    table.unconditional.add(BERT)
    assert table.admit_peer(accepted(2), BERT) is None


def test_one_ip_once_unless_allowed() -> None:
    """The duplicate-IP filter looks at every port of an IP."""
    strict, lax = table_of(ip_limits=ONE_EACH), table_of()
    for table in (strict, lax):
        table.add(accepted(1), 0.0)
    assert reason_of(strict.admit_connection(accepted(2))) is RefusalReason.DUPLICATE_IP
    assert lax.admit_connection(accepted(2)) is None
    assert strict.admit_connection(accepted(3, ip="10.0.0.2")) is None


def test_an_ip_and_its_prefix_may_have_so_many() -> None:
    """Accepted connections count from their first moment, ours when they stand; the refusal says which limit it is."""
    table = table_of(9, IPLimits(per_ip=2, per_prefix=3))
    table.add(dialled(CLEO), 0.0, Stage.DIALLING)
    for number in (1, 2):
        table.add(accepted(number), 0.0)
    refusal = table.admit_connection(accepted(3))
    assert refusal == Refusal(RefusalReason.DUPLICATE_IP, "2 connections from 10.0.0.1 already, of at most 2")
    table.add(accepted(4, ip="10.0.0.2"), 0.0)
    assert reason_of(table.admit_connection(accepted(5, ip="10.0.0.3"))) is RefusalReason.PREFIX_LIMIT
    assert table.admit_connection(accepted(5, ip="10.0.1.3")) is None
    table.remove("in-4")
    assert table.admit_connection(accepted(5, ip="10.0.0.3")) is None


def test_of_those_that_shake_hands_so_many_become_peers_as_may() -> None:
    """However many connections are in their handshake beside them; and no more are dialled."""
    table = table_of(9, IPLimits(per_ip=None, per_prefix=1))
    table.add(accepted(1), 0.0)
    table.add(dialled(BERT, ip="10.0.0.2"), 0.0, Stage.HANDSHAKE)
    run(table, accepted(3, ip="10.0.0.3"), CLEO)
    assert reason_of(table.admit_peer(dialled(BERT, ip="10.0.0.2"), BERT)) is RefusalReason.PREFIX_LIMIT
    assert reason_of(table.may_dial(ANNA, "10.0.0.9", 26656)) is RefusalReason.PREFIX_LIMIT
    assert table.may_dial(ANNA, "10.0.9.9", 26656) is None
    assert (
        table.admit_peer(accepted(1), CLEO) is None
    )  # the same peer again: which stays, is decided elsewhere


def test_exempt_networks_are_not_limited_nor_counted() -> None:
    table = table_of(9, IPLimits(1, 1, exempt=(parse_network("10.0.0.0/31"),)))
    for number in (1, 2):
        run(table, accepted(number), ANNA)
    assert table.admit_connection(accepted(3)) is None
    assert table.admit_connection(accepted(3, ip="10.0.0.2")) is None


def test_our_own_dial_in_handshake_does_not_refuse_the_same_remote_dialling_us() -> None:
    """Else both sides of a simultaneous dial could refuse each other and neither connection would stay."""
    table = table_of(ip_limits=ONE_EACH)
    table.add(dialled(ANNA), 0.0, Stage.DIALLING)
    assert table.admit_connection(accepted(1)) is None


def test_the_same_remote_port_twice_is_a_duplicate_connection() -> None:
    """Reference 5: a second connection to the same remote host:port."""
    table = table_of()
    table.add(accepted(1), 0.0)
    again = structs.replace(accepted(1), connection="in-again")
    assert reason_of(table.admit_connection(again)) is RefusalReason.DUPLICATE_CONNECTION


def test_our_own_id_is_refused() -> None:
    """Nobody else can prove it."""
    assert reason_of(table_of().admit_peer(accepted(1), OWN)) is RefusalReason.SELF


@pytest.mark.parametrize("stage", [Stage.DIALLING, Stage.HANDSHAKE])
def test_an_id_is_dialled_once_at_a_time(stage: Stage) -> None:
    """Reference 6: one dial at a time per peer ID."""
    table = table_of()
    table.add(dialled(ANNA), 0.0, stage)
    assert reason_of(table.may_dial(ANNA, "10.0.0.9", 26656)) is RefusalReason.DUPLICATE_ID
    assert table.may_dial(BERT, "10.0.0.9", 26656) is None


def test_a_connected_id_or_ip_is_not_dialled() -> None:
    """Reference 6: refused as currently dialling or existing."""
    table = table_of(ip_limits=ONE_EACH)
    run(table, accepted(1), ANNA)
    assert reason_of(table.may_dial(ANNA, "10.0.0.9", 26656)) is RefusalReason.DUPLICATE_ID
    assert reason_of(table.may_dial(BERT, "10.0.0.1", 26656)) is RefusalReason.DUPLICATE_IP
    assert reason_of(table.may_dial(OWN, "10.0.0.9", 26656)) is RefusalReason.SELF


@pytest.mark.parametrize("stage", [Stage.DIALLING, Stage.HANDSHAKE, Stage.RUNNING])
def test_the_same_host_and_port_is_not_dialled_twice(stage: Stage) -> None:
    """Reference 5: a second connection to the same remote host:port is a duplicate, whoever is expected there."""
    table = table_of()
    table.add(dialled(ANNA), 0.0, stage)
    assert reason_of(table.may_dial(BERT, "10.0.0.1", 26656)) is RefusalReason.DUPLICATE_CONNECTION
    assert table.may_dial(BERT, "10.0.0.1", 26657) is None


def test_num_peers_leaves_out_unconditional_ones() -> None:
    """Reference 6: (outbound, inbound, dialling) without unconditional peers."""
    table = table_of()
    table.unconditional.add(CLEO)
    run(table, accepted(1), ANNA)
    run(table, accepted(2), CLEO)
    run(table, dialled(BERT), BERT)
    table.add(dialled(NodeID("d" * 40)), 0.0, Stage.DIALLING)
    counted = table.num_peers()
    assert (counted.outbound, counted.inbound, counted.dialling) == (1, 1, 1)


def test_a_peer_that_a_host_tells_of_is_in_the_table_as_running() -> None:
    """A restarted switch rebuilds its table from the transports."""
    table = table_of()
    facts = accepted(1)
    table.add(structs.replace(facts, peer=info_of(facts, ANNA)), 0.0)
    found = table.of_id(ANNA)
    assert found is not None
    assert found.stage is Stage.RUNNING
    assert [peer.id for peer in table.peers()] == [ANNA]


def test_whom_new_bans_may_concern() -> None:
    """IDs name their connections; an IP or a network may be anybody's."""
    table = table_of()
    run(table, accepted(1), ANNA)
    run(table, accepted(2), CLEO)
    assert [connection.id for connection in table.concerned_by([CLEO, BERT])] == [CLEO]
    assert [connection.id for connection in table.concerned_by([CLEO, "10.0.0.0/8"])] == [ANNA, CLEO]
    assert table.concerned_by([]) == []


def test_the_end_of_a_peer_host_is_a_refusal_for_those_that_were_no_peers_yet() -> None:
    table = table_of()
    run(table, accepted(1), ANNA)
    table.started(info_of(accepted(1), ANNA), 0.0)
    young = table.add(accepted(2), 0.0)
    peer = table.of_id(ANNA)
    assert peer is not None
    ended = [each.ended_with_host("host ended") for each in (peer, young)]
    assert [each.refusal is None for each in ended] == [True, False]
    assert {each.loss for each in ended} == {LossReason.HOST_ENDED}
