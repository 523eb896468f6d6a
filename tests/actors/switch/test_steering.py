"""What is changed at a switch that runs, with refs and a clock of the test."""

from __future__ import annotations

import random
from typing import Any

import pytest

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.loss import LossReason
from peerage.actors.messages import AddPersistent, ConnectionFacts, StopPeer, SwitchNotes, Trust
from peerage.actors.messages.steering import (
    ApplyConfig,
    ClosedPeer,
    ClosePeers,
    DropPersistent,
    GetPeerLists,
    PeerListsSnapshot,
)
from peerage.actors.switch.keeping import Keeping
from peerage.actors.switch.list_news import ListNews
from peerage.actors.switch.peer_lists import PeerLists
from peerage.actors.switch.redial import Redials
from peerage.actors.switch.steering import CLOSED, Steering, limits_of
from peerage.config import Config
from peerage.wire.keys import NodeID
from tests.actors.switch.parts import ANNA, BERT, OWN, Told, table
from tests.fake_clock import FakeClock

ANNA_AT, BERT_AT = f"{ANNA}@10.0.0.2:26656", f"{BERT}@10.0.0.3:26656"


class Replied:
    """What `defer` gives: keeps the answer."""

    def __init__(self) -> None:
        self.answers: list[Any] = []

    def set(self, value: Any = None) -> None:
        self.answers.append(value)


class Stage:
    """A steering of real parts. Attributes: sought, how often new persistent peers were looked for."""

    def __init__(self, *configured: str) -> None:
        self.clock, self.table, self.book = FakeClock(), table(), Told("book")
        self.kept: list[SwitchNotes] = []
        self.lists = PeerLists(self.table, configured, keep=self.kept.append, tell_private=lambda: None)
        self.lists.new_persistent()
        self.sought, self.reply = 0, Replied()
        redials = Redials(
            self.table,
            0.0,
            random.Random(1),
            call_later=self.clock.call_later,
            resolver=None,  # type: ignore[arg-type]  # nothing is dialled
            dial=lambda _address: None,
            not_resolved=lambda *_: None,
        )
        self.redials = redials
        self.steering = Steering(
            self.table,
            self.lists,
            ListNews(self.table, self.book, None),
            Keeping([], self.clock.call_later),
            redials,
            seek=self.seek,
            defer=lambda: self.reply,  # type: ignore[arg-type, return-value]
        )

    def seek(self) -> None:
        self.sought += 1
        self.lists.new_persistent()

    def connect(self, peer_id: NodeID, ip: str, port: int) -> Told:
        facts = ConnectionFacts(f"c-{ip}-{port}", "peers-0", ip, port, is_outbound=True)
        ref = Told()
        self.table.admit(facts, peer_id, ref, 0.0)
        return ref


@pytest.mark.parametrize("whom", [ANNA, ANNA.upper(), "10.0.0.2", "10.0.0.2:7"])
def test_connections_are_ended_by_id_ip_and_address(whom: str) -> None:
    """A persistent peer is ended as by an error, so that it is dialled again."""
    stage = Stage(ANNA_AT)
    anna, bert = stage.connect(ANNA, "10.0.0.2", 7), stage.connect(BERT, "10.0.0.3", 7)
    assert stage.steering.serve(ClosePeers(whom)) == (ClosedPeer(ANNA, "10.0.0.2:7", is_persistent=True),)
    assert (anna.told, bert.told) == ([StopPeer(CLOSED, is_error=True, loss=LossReason.BY_OPERATOR)], [])


@pytest.mark.parametrize(
    ("whom", "address"), [("::1", "::1"), ("[::1]:7", "::1"), ("0:0::1", "::1"), ("[0::1]:7", "::1")]
)
def test_ipv6_may_be_written_in_any_way(whom: str, address: str) -> None:
    stage = Stage()
    stage.connect(ANNA, address, 7)
    assert [each.id for each in stage.steering.serve(ClosePeers(whom))] == [ANNA]


@pytest.mark.parametrize("whom", ["", "nobody", "10.0.0.2:x", "10.0.0", "host:7", "ab" * 19])
def test_what_is_no_id_and_no_address_is_refused(whom: str) -> None:
    with pytest.raises(ValueError, match="neither a node ID nor an IP address"):
        Stage().steering.serve(ClosePeers(whom))


def test_persistent_peers_can_be_removed_whoever_has_added_them() -> None:
    """Those of the configuration, and those that were added, which the peer hosts keep."""
    stage = Stage(ANNA_AT)
    stage.steering.serve(AddPersistent((BERT_AT,)))
    assert stage.reply.answers == [None]
    assert stage.steering.serve(GetPeerLists()) == PeerListsSnapshot((ANNA_AT, BERT_AT), (), (), (BERT,))
    stage.redials.seek(BERT, [BERT_AT])
    assert stage.steering.serve(DropPersistent((ANNA, BERT, OWN))) == (ANNA, BERT)
    assert stage.steering.serve(GetPeerLists()) == PeerListsSnapshot((), (), ())
    assert [notes.persistent for notes in stage.kept] == [(BERT_AT,), ()]
    assert stage.lists.new_persistent() == []  # also for the next look
    assert stage.steering.serve(DropPersistent((ANNA,))) == ()


def test_a_new_configuration_replaces_the_old_one_and_leaves_what_was_added() -> None:
    stage = Stage(ANNA_AT)
    stage.lists.add_unconditional([OWN])
    stage.lists.add_persistent([f"{'c' * 40}@10.0.0.9:1"])
    p2p = {
        "persistent_peers": BERT_AT,
        "unconditional_peer_ids": ANNA,
        "private_peer_ids": BERT,
        "max_num_inbound_peers": 3,
    }
    config = Config(network="test", p2p=p2p, peerage={"peer_hosts": 0, "peers_per_ip": 4})
    stage.steering.serve(ApplyConfig(config))
    assert stage.table.limits == limits_of(OWN, config)
    assert (stage.table.limits.max_inbound, stage.table.limits.ip_limits) == (3, IPLimits(per_ip=4))
    assert set(stage.table.persistent) == {BERT, "c" * 40}
    assert (stage.table.unconditional, stage.table.private) == ({ANNA, OWN}, {BERT})
    assert stage.sought == 1
    assert BookCall(AddrBook.add_private_ids, ([BERT],)) in stage.book.told
    assert isinstance(stage.book.told[-1], Trust)
    moved = config.replace(p2p={"persistent_peers": f"{BERT}@10.0.0.4:1"})
    stage.steering.serve(ApplyConfig(moved))
    assert stage.table.persistent[BERT] == f"{BERT}@10.0.0.4:1"


def test_peer_hosts_count_the_inbound_peers_where_there_are_any() -> None:
    assert limits_of(OWN, Config(network="test", peerage={"peer_hosts": 2})).max_inbound is None
