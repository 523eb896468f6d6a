"""actors/peers/host_gate.py: what a peer host decides without the switch, and when it asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.messages import Admission, ConnectionFacts, SwitchNotes
from peerage.actors.names import NodeNames
from peerage.actors.peers.host_gate import HostGate
from peerage.actors.peers.register import Place, Register, RegisterBusyError
from peerage.actors.peers.register_memory import RegisterMemory
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.testing import loopback_config
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo

KEY = NodeKey.generate()
ANNA, FRIEND = NodeID("a" * 40), NodeID("f" * 40)
STRANGER = Admission(is_persistent=False, is_unconditional=False)


def facts(port: int, ip: str = "192.0.2.1") -> ConnectionFacts:
    return ConnectionFacts(f"c-{port}", "peers-0", ip, port, is_outbound=False)


class Newcomer(NamedTuple):
    """As far as the gate looks."""

    facts: ConnectionFacts
    place: Place


Open = Callable[..., HostGate]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Open]:
    fd = Register.create(2)

    def start(
        index: int = 0,
        p2p: dict[str, Any] | None = None,
        routes: dict[int, str] | None = None,
        *,
        has_connection_filters: bool = False,
        has_peer_filters: bool = False,
    ) -> HostGate:
        info = NodeInfo(id=KEY.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m")
        config = loopback_config(tmp_path, p2p={"max_num_inbound_peers": 2} | (p2p or {}))
        return HostGate(
            NodeContext(
                NodeNames("", (), 2),
                config,
                KEY.public_key,
                info,
                (),
                routes or {},
                has_connection_filters,
                has_peer_filters,
            ),
            fd,
            index,
        )

    yield start
    os.close(fd)


def informed(gate: HostGate, *bans: Ban, notes: SwitchNotes | None = None) -> HostGate:
    gate.learn_bans(bans)
    gate.keep(notes or SwitchNotes())
    return gate


def judge(gate: HostGate, peer_id: NodeID, port: int) -> Admission | Refusal | None:
    place = gate.enter(facts(port))
    assert isinstance(place, Place)
    return gate.judge(Newcomer(facts(port), place), peer_id)  # type: ignore[arg-type]  # as far as the gate looks


def test_the_switch_is_asked_until_both_bans_and_notes_are_known(start: Open) -> None:
    gate = start()
    assert (gate.asks_first, gate.is_informed) == (True, False)
    gate.learn_bans(())
    assert (gate.asks_first, judge(gate, ANNA, 1)) == (True, None)
    gate.keep(SwitchNotes())
    assert (gate.asks_first, gate.is_informed) == (False, True)


def test_the_switch_is_asked_where_the_operator_filters(start: Open) -> None:
    assert informed(start(has_connection_filters=True)).asks_first
    gate = informed(start(has_peer_filters=True))
    assert (gate.asks_first, judge(gate, ANNA, 1)) == (False, None)


def test_a_stranger_is_let_in_once(start: Open) -> None:
    """A second connection of its ID, at whatever host, is the switch's affair."""
    one, two = informed(start(0)), informed(start(1))
    assert judge(one, ANNA, 1) == STRANGER
    assert judge(two, ANNA, 2) is None


def test_ids_that_the_operator_has_named_are_the_switchs_affair(start: Open) -> None:
    """In the configuration or while the node runs: it knows what they may."""
    gate = informed(
        start(
            p2p={
                "max_num_inbound_peers": 9,
                "unconditional_peer_ids": [FRIEND],
                "persistent_peers": [f"{ANNA}@127.0.0.1:1"],
            }
        )
    )
    assert [judge(gate, FRIEND, 1), judge(gate, ANNA, 2)] == [None, None]
    added = informed(
        start(1, {"max_num_inbound_peers": 9}), notes=SwitchNotes(1, persistent=(f"{ANNA}@127.0.0.1:1",))
    )
    assert judge(added, ANNA, 3) is None


FULL = Refusal(RefusalReason.INBOUND_LIMIT, "2 inbound peers of at most 2")


def test_a_stranger_is_turned_away_at_once_when_nobody_would_give_way_to_it(start: Open) -> None:
    """Before a handshake is begun. It comes from where the peers come from; from elsewhere it has a chance."""
    gate = informed(start())
    assert [judge(gate, NodeID(f"{number}" * 40), number) for number in (1, 2)] == [STRANGER, STRANGER]
    assert gate.enter(facts(3)) == FULL
    assert isinstance(gate.enter(facts(4, "198.51.100.1")), Place)


def test_where_there_is_an_unconditional_peer_strangers_have_to_say_who_they_are(start: Open) -> None:
    """Those that the newest notes name; older notes change nothing any more. The others hear nothing of us."""
    gate = informed(start(), notes=SwitchNotes(2, unconditional=frozenset({FRIEND})))
    gate.keep(SwitchNotes(1))
    assert gate.notes.revision == 2
    assert [judge(gate, NodeID(f"{number}" * 40), number) for number in (1, 2)] == [STRANGER, STRANGER]
    place = gate.enter(facts(3))
    assert isinstance(place, Place)
    assert gate.refusal_of(place, ANNA) == FULL
    assert gate.refusal_of(place, FRIEND) is None
    assert gate.refusal_of(place, NodeID("1" * 40)) is None  # it is here already: that is the switch's affair


def test_a_seed_answers_strangers_when_all_places_are_taken(start: Open) -> None:
    """They want none."""
    gate = informed(start(p2p={"seed_mode": True}, routes={0: "PEX"}))
    assert [judge(gate, NodeID(f"{number}" * 40), number) for number in (1, 2)] == [STRANGER, STRANGER]
    place = gate.enter(facts(3))
    assert isinstance(place, Place)
    assert gate.refusal_of(place, ANNA) is None


def test_a_banned_id_hears_nothing_of_us(start: Open) -> None:
    gate = informed(start(), Ban(ANNA, "abuse", since=0, until=2**62))
    place = gate.enter(facts(1))
    assert isinstance(place, Place)
    refusal = gate.refusal_of(place, ANNA)
    assert refusal is not None
    assert refusal.reason is RefusalReason.BANNED


def test_a_banned_address_takes_no_place(start: Open) -> None:
    gate = informed(start(), Ban("192.0.2.0/24", "abuse", since=0, until=2**62))
    refusal = gate.enter(facts(1))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.BANNED
    assert isinstance(gate.enter(facts(1, "198.51.100.1")), Place)


def test_more_peers_than_allowed_are_refused(start: Open) -> None:
    gate = informed(start(p2p={"unconditional_peer_ids": [FRIEND]}))
    assert [judge(gate, NodeID(f"{number}" * 40), number) for number in (1, 2)] == [STRANGER, STRANGER]
    assert judge(gate, ANNA, 3) == FULL


def test_while_another_host_is_frozen_nobody_gets_in(start: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is no fault of the remote."""
    gate = informed(start())
    place = gate.enter(facts(1))
    assert isinstance(place, Place)

    def busy(*_: object) -> None:
        raise RegisterBusyError

    monkeypatch.setattr(RegisterMemory, "lock", busy)
    refusal = gate.enter(facts(2))
    assert isinstance(refusal, Refusal)
    assert refusal.is_ours
    assert gate.judge(Newcomer(facts(1), place), ANNA) is None  # type: ignore[arg-type]  # as above


def test_dials_have_places_too(start: Open) -> None:
    """The same remote does not get in from the port that is being dialled."""
    gate = informed(start())
    assert gate.note_dial(facts(26656)) is not None
    refusal = gate.enter(facts(26656))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.DUPLICATE_CONNECTION


def test_another_configuration_counts_from_now_on(start: Open) -> None:
    """More peers, and other names; what the notes say stays."""
    gate = informed(start(), notes=SwitchNotes(1, persistent=(f"{ANNA}@127.0.0.1:1",)))
    assert [judge(gate, NodeID(f"{number}" * 40), number) for number in (1, 2)] == [STRANGER, STRANGER]
    assert gate.enter(facts(3)) == FULL
    context = start(1).context
    p2p = {"max_num_inbound_peers": 9, "unconditional_peer_ids": [FRIEND]}
    gate.configure(replace(context, config=context.config.replace(p2p=p2p)))
    assert [judge(gate, each, port) for port, each in enumerate((NodeID("3" * 40), FRIEND, ANNA), 4)] == [
        STRANGER,
        None,
        None,
    ]
