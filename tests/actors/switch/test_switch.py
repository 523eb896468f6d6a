"""actors/switch/switch.py: the switch alone, its peer hosts, peers and address book played by probes."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bans import Ban, BanList
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.loss import LossReason
from peerage.actors.messages import (
    AddPersistent,
    AddPrivate,
    AddUnconditional,
    Admission,
    AdmitConnection,
    AdmitPeer,
    BansChanged,
    Charge,
    ConnectionEnded,
    ConnectionFacts,
    CountPeers,
    Dial,
    DialPeer,
    DialPeersAsync,
    EvictPeers,
    GetPeers,
    GetPeerStatuses,
    GetPrivatePeers,
    KeepNotes,
    ListConnections,
    NumPeers,
    PeerInfo,
    PeerStarted,
    PeerStatus,
    PrivatePeers,
    ProbePeer,
    StopPeer,
    SwitchNotes,
    TransportState,
    Tried,
    Trust,
    TryAddress,
)
from peerage.actors.metrics.buffer import MetricsDelta
from peerage.actors.name_lookups import NameLookups
from peerage.actors.names import NodeNames
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import THREAD, ActorDeadError, ActorRef, System
from peerage.actors.snapshot import GetNetInfo
from peerage.actors.switch import rebuild, switch
from peerage.actors.switch.switch import SwitchActor
from peerage.testing import Probe, loopback_config, wait_until
from peerage.wire.errors import AddressError
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo

LOW, HIGH = NodeID("0" * 40), NodeID("f" * 40)  # below and above any real ID
PATIENCE_S = 10.0

_serials = itertools.count(1)


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """Every actor of these tests is gone in the end."""
    yield
    System.current().shutdown()


class Host:
    """A peer host: what it says it holds."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.state = TransportState((), SwitchNotes())
        self.statuses: Callable[[], tuple[PeerStatus, ...]] = tuple

    def answer(self, message: Any) -> Any:
        if isinstance(message, ListConnections):
            self.may_answer.wait(PATIENCE_S)
            return self.state
        return self.statuses() if isinstance(message, GetPeerStatuses) else None


class Stage:
    """A switch with two peer hosts. Args: tmp_path, filters (connection, peer), settings by section."""

    def __init__(self, tmp_path: Path, filters: tuple[Any, Any] = ((), ()), **settings: Any) -> None:
        self.names = NodeNames(f"switch-{next(_serials)}/", (), 2)
        self.hosts = [Host(), Host()]
        self.transports = [
            Probe(self.names.of(f"peers-{index}"), host.answer) for index, host in enumerate(self.hosts)
        ]
        self.book = Probe(self.names.of("addrbook"))
        self.key = NodeKey.generate()
        self.context = NodeContext(
            names=self.names,
            config=loopback_config(tmp_path, **settings),
            public_key=self.key.public_key,
            node_info=node_info(self.key.node_id),
            channels=(),
            routes={},
        )
        self._filters = filters
        self._stack = ExitStack()
        self.ref: ActorRef[SwitchActor] = self.names.switch
        self.hosts_first = True

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.book)
            if self.hosts_first:
                for transport in self.transports:
                    stack.enter_context(transport)
            options = SwitchActor.options(name=self.ref.name, place=THREAD, extra=self.context)
            ref = options.start(*self._filters)
            self.book.expect(BookCall(BanList.published))  # whom to keep out, before anybody is let in
            stack.callback(ref.stop, timeout=PATIENCE_S)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def ask(self, message: Any) -> Any:
        return self.ref.ask(message, timeout=PATIENCE_S)

    def facts(self, number: int, *, outbound: bool = False, dialled: NodeID | None = None) -> ConnectionFacts:
        host = self.names.transport(0).host
        return ConnectionFacts(f"c-{number}", host, "127.0.0.1", 1000 + number, outbound, dialled)

    def connect(self, peer: Probe, peer_id: NodeID, number: int = 1) -> PeerInfo:
        """Take an inbound connection all the way."""
        facts = self.facts(number)
        assert self.ask(AdmitConnection(facts)) is None
        assert isinstance(self.ask(AdmitPeer(facts, peer_id, node_info(peer_id), peer.ref)), Admission)
        info = info_of(facts, peer_id, peer)
        self.ref.tell(PeerStarted(info))
        assert info in self.ask(GetPeers())
        return info


def node_info(peer_id: str) -> NodeInfo:
    return NodeInfo(
        id=NodeID(peer_id), listen_addr="tcp://127.0.0.1:26656", network="test", moniker="m", channels=b"\x50"
    )


def info_of(facts: ConnectionFacts, peer_id: NodeID, peer: Probe) -> PeerInfo:
    return PeerInfo(
        connection=facts.connection,
        ref=peer.ref,
        id=peer_id,
        node_info=node_info(peer_id),
        remote_ip=facts.remote_ip,
        socket_address=f"{facts.remote_ip}:{facts.remote_port}",
        is_outbound=facts.is_outbound,
        is_persistent=False,
        is_unconditional=False,
        host=facts.host,
    )


def with_peer(facts: ConnectionFacts, info: PeerInfo) -> ConnectionFacts:
    return ConnectionFacts(
        facts.connection, facts.host, facts.remote_ip, facts.remote_port, facts.is_outbound, None, info
    )


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as made:
        yield made


@pytest.fixture
def peer() -> Iterator[Probe]:
    """A peer actor that proves alive when asked."""
    with Probe(answer=lambda message: isinstance(message, ProbePeer)) as made:
        yield made


def address(peer_id: NodeID, port: int = 26656) -> str:
    return f"{peer_id}@127.0.0.1:{port}"


def ban(subject: str, reason: str = "scans us", seconds: float = 3600.0) -> Ban:
    now = time.time_ns()
    return Ban(subject, reason, now, now + int(seconds * 1e9))


def test_news_of_evictions_are_passed_on_to_the_host(stage: Stage) -> None:
    """To the one whose peers they are about, and no other."""
    stage.ref.tell(EvictPeers(1))
    assert stage.transports[1].fish(EvictPeers) == EvictPeers(1)


# --- restart ---------------------------------------------------------------------------------------------------------


def test_a_new_switch_learns_from_the_peer_hosts_who_is_connected(tmp_path: Path, peer: Probe) -> None:
    """Row 1 of the restart table: no peer is touched. What its predecessor was told at run time is known, too."""
    stage = Stage(tmp_path, p2p={"max_num_inbound_peers": 1})
    facts = stage.facts(1)
    info = info_of(facts, HIGH, peer)
    stage.hosts[0].state = TransportState((with_peer(facts, info),), SwitchNotes(revision=1))
    stage.hosts[1].state = TransportState((), SwitchNotes(revision=2, unconditional=frozenset({LOW})))
    with stage:
        assert stage.ask(GetPeers()) == (info,)
        assert stage.ask(CountPeers()) == NumPeers(outbound=0, inbound=1, dialling=0)
        second = stage.facts(2)
        stage.ask(AdmitConnection(second))
        assert isinstance(stage.ask(AdmitPeer(second, LOW, node_info(LOW), peer.ref)), Admission)
        peer.expect_nothing(0.0)


def test_what_is_learned_at_run_time_is_kept_by_every_peer_host(stage: Stage) -> None:
    """With a revision that grows."""
    stage.ask(AddPersistent((address(HIGH),)))
    stage.ask(AddUnconditional((LOW,)))
    stage.ask(AddPrivate((HIGH,)))
    for transport in stage.transports:
        notes = [transport.fish(KeepNotes).notes for _ in range(3)][-1]
        assert notes == SwitchNotes(3, (address(HIGH),), frozenset({LOW}), frozenset({HIGH}))
    assert stage.book.expect(Trust) == Trust((), (address(HIGH),))
    assert stage.book.expect(Trust) == Trust((LOW,), (address(HIGH),))
    assert stage.book.fish(BookCall) == BookCall(AddrBook.add_private_ids, ([HIGH],))


def test_ids_in_capitals_are_the_same_ids(stage: Stage) -> None:
    """Whoever writes them so while the node runs."""
    stage.ask(AddUnconditional((HIGH.upper(),)))
    stage.ask(AddPrivate((HIGH.upper(),)))
    notes = [stage.transports[0].fish(KeepNotes).notes for _ in range(2)][-1]
    assert (notes.unconditional, notes.private) == (frozenset({HIGH}), frozenset({HIGH}))
    assert stage.book.expect(Trust) == Trust((HIGH,))
    assert stage.book.fish(BookCall) == BookCall(AddrBook.add_private_ids, ([HIGH],))
    assert stage.ask(GetPrivatePeers()) == PrivatePeers(frozenset({HIGH}))
    refusal = stage.ask(DialPeer(address(NodeID(stage.key.node_id.upper()))))
    assert refusal.reason is RefusalReason.SELF


def test_a_restarted_book_is_told_again_who_is_private(stage: Stage) -> None:
    """It knows those of the file by itself; those added while running the switch keeps in mind."""
    stage.ask(AddPrivate((HIGH,)))
    assert stage.book.expect(BookCall) == BookCall(AddrBook.add_private_ids, ([HIGH],))
    stage.ref.tell(BansChanged((), whole=True))
    assert stage.book.expect(BookCall) == BookCall(AddrBook.add_private_ids, ([HIGH],))


def test_a_peer_host_that_comes_back_is_told_what_it_should_keep(stage: Stage) -> None:
    """When all of them and the switch have been replaced, one after the other, nothing is forgotten."""
    stage.ask(AddPersistent((address(HIGH),)))
    stage.transports[0].__exit__(None, None, None)
    with Probe(stage.names.of("peers-0"), stage.hosts[0].answer) as successor:
        assert successor.fish(KeepNotes).notes == SwitchNotes(1, (address(HIGH),))


def test_of_peer_hosts_that_know_different_things_each_learns_the_newest(tmp_path: Path) -> None:
    """A new switch passes on what it finds; who is persistent is dialled."""
    stage = Stage(tmp_path)
    newest = SwitchNotes(2, (address(HIGH),))
    stage.hosts[1].state = TransportState((), newest)
    with stage:
        assert stage.transports[0].fish(KeepNotes).notes == newest
        assert any(_is_dial_to(transport, HIGH) for transport in stage.transports)


def test_nobody_is_dialled_while_a_peer_host_keeps_silent_about_whom_it_holds(
    tmp_path: Path, peer: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be one of them: a second connection to the same peer would end both."""
    monkeypatch.setattr(rebuild, "REBUILD_TIMEOUT_S", 0.05)
    monkeypatch.setattr(rebuild, "ALL_UP_S", 0.0)
    stage = Stage(tmp_path, p2p={"persistent_peers": [address(HIGH), address(LOW, 1)]})
    silent, facts = stage.hosts[0], stage.facts(1)
    info = info_of(facts, HIGH, peer)
    silent.state = TransportState((with_peer(facts, info),), SwitchNotes())
    silent.may_answer.clear()
    with stage:
        assert stage.ask(GetPeers()) == ()
        stage.transports[1].expect(ListConnections)
        stage.transports[1].expect_nothing()
        silent.may_answer.set()
        wait_until(lambda: stage.ask(GetPeers()) == (info,))
        assert stage.transports[1].fish(Dial).address.id == LOW  # the host with fewer connections


def test_a_peer_host_that_answers_late_is_heard_too(tmp_path: Path) -> None:
    """It hung while the switch started: who is persistent is dialled all the same."""
    stage = Stage(tmp_path)
    stage.hosts_first = False
    stage.hosts[0].state = TransportState((), SwitchNotes(2, (address(HIGH),)))
    with stage, stage.transports[0] as late:
        assert late.fish(Dial).address.id == HIGH


def test_peers_of_a_host_that_ends_while_the_switch_starts_are_gone(
    tmp_path: Path, peer: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had told them just before. Who is persistent is dialled again."""
    monkeypatch.setattr(rebuild, "REBUILD_TIMEOUT_S", PATIENCE_S)
    stage = Stage(tmp_path, p2p={"persistent_peers": [address(HIGH)]})
    facts = stage.facts(1)
    stage.hosts[0].state = TransportState((with_peer(facts, info_of(facts, HIGH, peer)),), SwitchNotes())
    stage.hosts[1].may_answer.clear()

    def end_the_first() -> None:
        stage.transports[0].expect(ListConnections)
        stage.transports[0].__exit__(None, None, None)
        stage.hosts[1].may_answer.set()

    with ThreadPoolExecutor(1) as beside:
        ending = beside.submit(end_the_first)
        with stage:
            ending.result(PATIENCE_S)
            assert stage.transports[1].fish(Dial).address.id == HIGH
            assert stage.ask(GetPeers()) == ()


# --- bans ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", ["127.0.0.1", "127.0.0.0/8"])
def test_a_banned_ip_is_refused_before_the_handshake(tmp_path: Path, subject: str) -> None:
    """What the book had when the switch started counts; the refusal says until when and why."""
    stage = Stage(tmp_path)
    stage.book = Probe(stage.names.addrbook.name, lambda _message: (ban(subject),))
    with stage:
        refusal = stage.ask(AdmitConnection(stage.facts(1)))
        assert refusal.reason is RefusalReason.BANNED
        assert refusal.detail.startswith(f"{subject} is banned until 20")
        assert refusal.detail.endswith("Z: scans us")
        stage.ask(BansChanged((), (subject,)))
        assert stage.ask(AdmitConnection(stage.facts(1))) is None


def test_a_banned_id_is_refused_behind_the_handshake(stage: Stage, peer: Probe) -> None:
    """Before it there is only the IP, which others may share."""
    stage.ask(BansChanged((ban(HIGH),)))
    facts = stage.facts(1)
    assert stage.ask(AdmitConnection(facts)) is None
    refusal = stage.ask(AdmitPeer(facts, HIGH, node_info(HIGH), peer.ref))
    assert refusal.reason is RefusalReason.BANNED
    assert isinstance(stage.ask(AdmitPeer(stage.facts(2), LOW, node_info(LOW), peer.ref)), Admission)


@pytest.mark.parametrize("subject", [HIGH, "127.0.0.1"])
def test_who_is_banned_is_not_dialled(stage: Stage, subject: str) -> None:
    """By whomever it is wanted."""
    stage.ask(BansChanged((ban(subject),)))
    assert stage.ask(DialPeer(address(HIGH))).reason is RefusalReason.BANNED
    assert stage.ask(TryAddress(NetAddress.parse(address(HIGH)))).reason is RefusalReason.BANNED


def test_who_came_back_before_his_ban_was_known_is_stopped(stage: Stage, peer: Probe) -> None:
    """A ban whose time is over, or which is of an address alone, stops nobody."""
    stage.connect(peer, HIGH)
    stage.ask(BansChanged((ban(HIGH, seconds=-1.0),)))
    stage.ask(BansChanged((replace(ban(HIGH), shut_until=0),)))
    stage.ask(BansChanged((ban(HIGH, "asked too soon"),)))
    stopped = peer.expect(StopPeer)
    assert stopped.is_error
    assert stopped.reason.startswith(f"banned: {HIGH} is banned until 20")
    assert stopped.reason.endswith("asked too soon")


def test_a_ban_of_an_ip_or_network_ends_its_connections_too(stage: Stage, peer: Probe) -> None:
    """However it got there: by the operator, or by what the host has done."""
    stage.connect(peer, HIGH)
    stage.ask(BansChanged((ban("127.0.0.2"), ban(LOW))))
    stage.ask(BansChanged((ban("127.0.0.0/24", "scans us"),)))
    assert peer.expect(StopPeer).reason.endswith("scans us")


def test_what_ended_a_connection_is_charged_to_its_peer(stage: Stage, peer: Probe) -> None:
    """An end that is no offence is not, nor what happens behind an address that others told us, if no ID was proved."""
    info = stage.connect(peer, HIGH)
    facts = with_peer(stage.facts(1), info)
    offence = Offence.PACKET_FLOOD
    stage.ref.tell(ConnectionEnded(facts, reason="flood", is_error=True, offence=offence, peer_id=HIGH))
    assert stage.book.expect(Charge) == Charge(offence, HIGH, "127.0.0.1")
    stage.ref.tell(ConnectionEnded(facts, reason="gone", is_error=True))
    refused = structs.replace(stage.facts(2), is_outbound=True)
    stage.ref.tell(ConnectionEnded(refused, Refusal(RefusalReason.AUTH_FAILURE, offence=offence)))
    named = Refusal(RefusalReason.AUTH_FAILURE, offence=Offence.WRONG_ID, offender=LOW)
    stage.ref.tell(ConnectionEnded(refused, named))
    assert stage.book.expect(Charge) == Charge(Offence.WRONG_ID, LOW, "127.0.0.1")


def test_peers_that_are_gone_are_counted_by_reason(tmp_path: Path, peer: Probe) -> None:
    """The reason is that of the event; a connection that was refused is none of them."""
    with (
        Stage(tmp_path, instrumentation={"prometheus": True}) as stage,
        Probe(stage.names.metrics.name) as metrics,
    ):
        info = stage.connect(peer, HIGH)
        ended = ConnectionEnded(with_peer(stage.facts(1), info), reason="late", loss=LossReason.NO_PONG)
        stage.ref.tell(ConnectionEnded(stage.facts(2), Refusal(RefusalReason.AUTH_FAILURE)))
        stage.ref.tell(ended)
        counted: dict[Any, float] = {}
        while "p2p_losses_total" not in {name for name, _labels in counted}:
            counted |= metrics.expect(MetricsDelta).counters
        losses = {labels: count for (name, labels), count in counted.items() if name == "p2p_losses_total"}
        assert losses == {("no pong",): 1}


def test_the_whole_list_of_a_restarted_book_counts_alone(stage: Stage, peer: Probe) -> None:
    """What is not in it was lifted meanwhile."""
    stage.ask(BansChanged((ban(HIGH),)))
    stage.ask(BansChanged((ban(LOW),), whole=True))
    assert isinstance(stage.ask(AdmitPeer(stage.facts(1), HIGH, node_info(HIGH), peer.ref)), Admission)
    assert stage.ask(AdmitPeer(stage.facts(2), LOW, node_info(LOW), peer.ref)).reason is RefusalReason.BANNED


@pytest.mark.parametrize("message", [AddUnconditional(("x",)), AddPrivate(("g" * 40,))])
def test_what_is_no_id_is_refused_and_not_noted(stage: Stage, message: Any) -> None:
    """The caller is told; nothing of it is kept."""
    with pytest.raises(ValueError, match="is no node ID"):
        stage.ask(message)
    with pytest.raises(AddressError):
        stage.ask(AddPersistent(("nobody",)))
    stage.ask(AddUnconditional(()))
    assert stage.transports[0].fish(KeepNotes).notes == SwitchNotes(1)


# --- dialling --------------------------------------------------------------------------------------------------------


def test_dials_go_to_the_peer_host_with_the_fewest_connections(stage: Stage) -> None:
    """One each."""
    for port, peer_id in enumerate((LOW, HIGH), 26656):
        stage.ask(DialPeer(address(peer_id, port), wait=False))
    dialled = {transport.fish(Dial).address.id for transport in stage.transports}
    assert dialled == {LOW, HIGH}
    assert stage.ask(CountPeers()).dialling == 2


def test_a_dial_before_any_peer_host_is_up_waits_for_one(tmp_path: Path) -> None:
    """The node is starting: its peer hosts come last."""
    stage = Stage(tmp_path)
    stage.hosts_first = False
    with stage:
        stage.ask(DialPeer(address(HIGH), wait=False))
        with stage.transports[1] as late:
            assert late.fish(Dial).address.id == HIGH


@pytest.mark.parametrize("outcome", ["peer", "refused", "host gone"])
def test_who_waits_for_a_dial_is_told_its_outcome(stage: Stage, peer: Probe, outcome: str) -> None:
    """A peer, or the reason; also when the peer host dies meanwhile."""
    waiting = stage.ref.ask(DialPeer(address(HIGH)), block=False)
    dial = stage.transports[0].fish(Dial)
    host = stage.names.transport(0).host
    facts = ConnectionFacts(dial.connection, host, str(dial.address.host), dial.address.port, True, HIGH)
    if outcome == "peer":
        info = info_of(facts, HIGH, peer)
        stage.ref.tell(PeerStarted(info))
        assert waiting.get(timeout=PATIENCE_S) == info
        return
    if outcome == "refused":
        refusal = Refusal(RefusalReason.UNREACHABLE, "nobody there")
        stage.ref.tell(ConnectionEnded(facts, refusal, is_error=True))
        assert waiting.get(timeout=PATIENCE_S) == refusal
    else:
        stage.transports[0].ref.stop()
        assert waiting.get(timeout=PATIENCE_S).reason is RefusalReason.STOPPING
    assert stage.ask(CountPeers()).dialling == 0


@pytest.mark.parametrize("found", [Tried(0.25), Refusal(RefusalReason.UNREACHABLE, "x")])
def test_a_trial_is_dialled_and_makes_no_peer(stage: Stage, found: Tried | Refusal) -> None:
    """Its outcome goes to who asked; nobody is connected by it."""
    answer = stage.ref.ask(TryAddress(NetAddress.parse(address(HIGH))), block=False)
    dial = stage.transports[0].fish(Dial)
    assert dial.is_trial
    facts = structs.replace(
        stage.facts(1, outbound=True, dialled=HIGH), connection=dial.connection, is_trial=True
    )
    tried, refusal = (found, None) if isinstance(found, Tried) else (None, found)
    stage.ref.tell(ConnectionEnded(facts, refusal, tried=tried))
    assert answer.get(timeout=PATIENCE_S) == found
    assert stage.ask(CountPeers()) == NumPeers(0, 0, 0)


def test_dials_that_lead_nowhere_are_refused_at_once(stage: Stage, peer: Probe) -> None:
    """Ourselves, one that is connected, one that is being dialled."""
    stage.connect(peer, HIGH)
    stage.ask(DialPeer(address(LOW), wait=False))
    reasons = [stage.ask(DialPeer(address(each))).reason for each in (stage.key.node_id, HIGH, LOW)]
    assert reasons[0] is RefusalReason.SELF
    assert all(isinstance(reason, RefusalReason) for reason in reasons)
    with pytest.raises(AddressError):
        stage.ask(DialPeer("nobody@nowhere"))


def test_dial_peers_async_puts_the_addresses_into_the_book_and_dials_each(stage: Stage) -> None:
    """But our own; a name that does not resolve is skipped, anything else that does not parse fails the call."""
    ours = address(stage.key.node_id)
    stage.ask(DialPeersAsync((address(HIGH), ours, f"{LOW}@no..name:1"), private=True))
    assert stage.book.expect(BookCall).method is AddrBook.add_private_ids
    added = stage.book.expect(BookCall)
    assert (added.method, [str(each.id) for each in added.args[0]]) == (AddrBook.add_all, [HIGH])
    assert any(_is_dial_to(transport, HIGH) for transport in stage.transports)
    with pytest.raises(AddressError):
        stage.ask(DialPeersAsync((address(HIGH), "nobody")))


def test_addresses_wait_for_no_name_that_is_being_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the caller; a name is dialled once it has resolved. Its ID is private from the start."""
    asked, answers = threading.Event(), threading.Event()

    def resolve(_host: str) -> list[str]:
        asked.set()
        assert answers.wait(PATIENCE_S)
        return ["10.0.0.9"]

    monkeypatch.setattr(switch, "NameLookups", lambda: NameLookups(resolve))
    with Stage(tmp_path) as stage:
        try:
            named = tuple(f"{LOW}@name-{number}.example:1" for number in range(5))
            stage.ask(DialPeersAsync(named, private=True))
            assert asked.wait(PATIENCE_S)
            assert stage.ask(GetPrivatePeers()) == PrivatePeers(frozenset({LOW}))
            assert stage.ask(DialPeer(address(HIGH), wait=False)) is None
            literal = address(NodeID("e" * 40))
            stage.ask(DialPeersAsync((literal, *named)))
            added = stage.book.fish(_adds_addresses)
            assert [str(each) for each in added.args[0]] == [literal]
        finally:
            answers.set()
        added = stage.book.fish(_adds_addresses)
        assert [str(each) for each in added.args[0]] == [f"{LOW}@10.0.0.9:1"]


def test_a_name_is_dialled_at_all_its_addresses_before_the_dial_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller waits for the last one, and hears of all."""
    monkeypatch.setattr(switch, "NameLookups", lambda: NameLookups(lambda _name: ["10.0.0.9", "2600::9"]))
    with Stage(tmp_path) as stage:
        answer = stage.ref.ask(DialPeer(f"{LOW}@two.example:1"), block=False)
        for ip in ("10.0.0.9", "2600::9"):
            dial = wait_until(lambda: next(filter(None, map(_next_dial, stage.transports)), None))
            assert str(dial.address.host) == ip
            facts = ConnectionFacts(dial.connection, "peers-0", ip, 1, True, dialled_id=LOW)
            stage.ref.tell(ConnectionEnded(facts, Refusal(RefusalReason.UNREACHABLE, "no"), is_error=True))
        refusal = answer.get(timeout=PATIENCE_S)
        assert refusal.detail == "10.0.0.9:1: no; [2600::9]:1: no"


def _next_dial(transport: Probe) -> Dial | None:
    try:
        found = transport.fish(Dial, timeout=0.0)
        assert isinstance(found, Dial)
        return found
    except AssertionError:
        return None


def test_names_that_hang_hold_up_no_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anybody called when they come, or when their time is over."""
    asked, answers, gone = threading.Event(), threading.Event(), threading.Event()

    def resolve(_host: str) -> list[str]:
        asked.set()
        answers.wait(PATIENCE_S)
        gone.set()
        return ["10.0.0.9"]

    monkeypatch.setattr(switch, "NameLookups", lambda: NameLookups(resolve))
    with Stage(tmp_path) as stage:
        answer = stage.ref.ask(DialPeer(f"{LOW}@name.example:1"), block=False)
        assert asked.wait(PATIENCE_S)
    with pytest.raises(ActorDeadError):
        answer.get(timeout=PATIENCE_S)
    assert not gone.is_set()
    answers.set()
    assert gone.wait(PATIENCE_S)


def _adds_addresses(message: Any) -> bool:
    return isinstance(message, BookCall) and message.method is AddrBook.add_all


def _is_dial_to(transport: Probe, peer_id: NodeID) -> bool:
    try:
        return bool(transport.fish(Dial, timeout=3.5).address.id == peer_id)  # within 3 s (reference 6)
    except AssertionError:
        return False


# --- filters ---------------------------------------------------------------------------------------------------------


def no_objection(_subject: Any) -> None:
    return None


def objection(_subject: Any) -> str:
    return "not today"


def broken(_subject: Any) -> str:
    raise OSError("cannot judge")


def endless(_subject: Any) -> None:
    threading.Event().wait(1.0)


@pytest.mark.parametrize(
    ("filters", "refusal"),
    [
        ([no_objection, no_objection], None),
        ([no_objection, objection], Refusal(RefusalReason.FILTERED, "not today")),
        ([broken], Refusal(RefusalReason.FILTERED, "cannot judge")),
        ([endless, objection], Refusal(RefusalReason.FILTERED, "not today")),
        ([endless], Refusal(RefusalReason.FILTER_TIMEOUT, "no verdict within 0.2 s")),
    ],
    ids=["none objects", "one objects", "one raises", "one objects while another thinks", "none answers"],
)
@pytest.mark.parametrize("kind", ["connection", "peer"])
def test_filters(
    tmp_path: Path, peer: Probe, kind: str, filters: list[Callable[[Any], Any]], refusal: Refusal | None
) -> None:
    """The first word against decides; the switch answers others meanwhile, and forgets who was refused."""
    chosen = (tuple(filters), ()) if kind == "connection" else ((), tuple(filters))
    is_late = refusal is not None and refusal.reason is RefusalReason.FILTER_TIMEOUT
    with Stage(tmp_path, chosen, peerage={"filter_timeout": 0.2 if is_late else PATIENCE_S}) as stage:
        facts = stage.facts(1)
        verdict = stage.ref.ask(AdmitConnection(facts), block=False)
        if kind == "peer":
            assert verdict.get(timeout=PATIENCE_S) is None
            verdict = stage.ref.ask(AdmitPeer(facts, HIGH, node_info(HIGH), peer.ref), block=False)
        assert stage.ask(GetPeers()) == ()
        found = verdict.get(timeout=PATIENCE_S)
        assert found == refusal or (kind == "peer" and refusal is None and isinstance(found, Admission))


def only_addresses_that_parse(peer: PeerInfo) -> str | None:
    """A peer filter that looks at where a peer is, as one that keeps a list of networks does."""
    where = NetAddress.parse(f"{peer.id}@{peer.socket_address}")
    return None if str(where.host) == peer.remote_ip else f"{where} is not {peer.remote_ip}"


@pytest.mark.parametrize("ip", ["::1", "127.0.0.1"])
def test_a_peer_filter_sees_an_address_that_parses(tmp_path: Path, peer: Probe, ip: str) -> None:
    with Stage(tmp_path, ((), (only_addresses_that_parse,))) as stage:
        facts = structs.replace(stage.facts(1), remote_ip=ip)
        assert stage.ask(AdmitConnection(facts)) is None
        assert stage.ask(AdmitPeer(facts, LOW, node_info(LOW), peer.ref)) == Admission(False, False)


def test_a_connection_filter_judges_dials_before_they_are_made(tmp_path: Path) -> None:
    """Reference 5: filters hold for dialled connections too; nobody is dialled then."""
    with Stage(tmp_path, ((objection,), ())) as stage:
        refusal = stage.ask(DialPeer(address(HIGH)))
        assert refusal == Refusal(RefusalReason.FILTERED, "not today")
        assert stage.ask(CountPeers()).dialling == 0


# --- duplicates ------------------------------------------------------------------------------------------------------


def second_connection(stage: Stage, peer: Probe, peer_id: NodeID) -> Any:
    """Another connection of the same ID arrives. Returns: the future of its admission."""
    facts = stage.facts(2)
    assert stage.ask(AdmitConnection(facts)) is None
    return stage.ref.ask(AdmitPeer(facts, peer_id, node_info(peer_id), peer.ref), block=False)


def test_a_second_connection_is_refused_when_the_first_proves_alive(stage: Stage, peer: Probe) -> None:
    """By an answered ping: the remote keeps it."""
    stage.connect(peer, HIGH)
    answer = second_connection(stage, peer, HIGH).get(timeout=PATIENCE_S)
    assert answer.reason is RefusalReason.DUPLICATE_ID


@pytest.fixture
def mute() -> Iterator[Probe]:
    """A peer actor whose remote answers no ping: its answer is that it could not prove it."""
    with Probe(answer=lambda _message: False) as made:
        yield made


def test_a_second_connection_is_taken_when_the_first_ends(stage: Stage, mute: Probe) -> None:
    """The remote took it away: it has kept the second."""
    info = stage.connect(mute, HIGH)
    answer = second_connection(stage, mute, HIGH)
    mute.fish(ProbePeer)
    stage.ref.tell(ConnectionEnded(with_peer(stage.facts(1), info), None, "closed", is_error=True))
    assert isinstance(answer.get(timeout=PATIENCE_S), Admission)


@pytest.mark.parametrize(("peer_id", "kept"), [(LOW, True), (HIGH, False)])
def test_of_two_young_and_silent_connections_the_dial_of_the_lower_id_stays(
    stage: Stage, mute: Probe, peer_id: NodeID, kept: bool
) -> None:
    """Both sides come to the same one. The first is inbound: dialled by the remote."""
    stage.connect(mute, peer_id)
    answer = second_connection(stage, mute, peer_id).get(timeout=PATIENCE_S)
    if kept:
        assert answer.reason is RefusalReason.DUPLICATE_ID
    else:
        assert isinstance(answer, Admission)
        assert not mute.fish(StopPeer).is_error


# --- persistent peers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_error", [True, False])
def test_a_persistent_peer_lost_by_an_error_is_dialled_again(
    stage: Stage, peer: Probe, is_error: bool
) -> None:
    """Not after a graceful stop. It came to us: the address it announces is tried first."""
    stage.ask(AddPersistent((address(HIGH, 5000),)))
    info = stage.connect(peer, HIGH)
    stage.ref.tell(ConnectionEnded(with_peer(stage.facts(1), info), None, "lost", is_error=is_error))
    assert stage.ask(GetPeers()) == ()
    if is_error:
        dials = [transport.fish(Dial, timeout=PATIENCE_S) for transport in stage.transports[:1]]
        assert [(dial.address.id, dial.address.port) for dial in dials] == [(HIGH, 26656)]
    else:
        assert not any(_dialled_soon(transport) for transport in stage.transports)


def test_our_own_address_among_the_persistent_peers_is_left_out(tmp_path: Path) -> None:
    """Those of a list that all nodes share are dialled, we are not."""
    stage = Stage(tmp_path)
    own = address(NodeID(stage.key.node_id.upper()))
    stage.context = replace(
        stage.context, config=loopback_config(tmp_path, p2p={"persistent_peers": f"{own},{address(HIGH)}"})
    )
    with stage, capture_logs() as lines:
        stage.ask(AddPersistent((own,)))
        dial = stage.transports[0].fish(Dial, timeout=PATIENCE_S)
        assert dial.address.id == HIGH
        assert stage.ask(CountPeers()).dialling_ids == {HIGH}
    assert [line["peer"] for line in lines if "our own address" in line["event"]] in ([], [stage.key.node_id])


def test_a_persistent_peer_whose_address_is_our_own_is_sought_no_more(stage: Stage) -> None:
    """The place is ours from then on, and the ID may be somewhere else."""
    stage.ask(DialPeer(address(HIGH), persistent=True, wait=False))
    dial = stage.transports[0].fish(Dial, timeout=PATIENCE_S)
    facts = structs.replace(
        stage.facts(1, outbound=True, dialled=HIGH), connection=dial.connection, remote_port=dial.address.port
    )
    refusal = Refusal(RefusalReason.SELF, "we answered ourselves")
    stage.ref.tell(ConnectionEnded(facts, refusal, is_error=True))
    ours = NetAddress(stage.key.node_id, "127.0.0.1", dial.address.port)
    assert stage.book.fish(BookCall) == BookCall(AddrBook.add_our_address, (ours,))
    assert stage.ask(CountPeers()).dialling == 0
    assert not _dialled_soon(stage.transports[0])


@pytest.mark.parametrize("reason", [RefusalReason.INCOMPATIBLE, RefusalReason.OTHER_PROTOCOL])
def test_a_persistent_peer_of_another_network_or_protocol_is_said_once_and_tried_later(
    stage: Stage, reason: RefusalReason
) -> None:
    """The same refusal again is told at level debug; another one is news."""
    with capture_logs() as lines:
        stage.ask(AddPersistent((address(HIGH),)))
        stage.ask(DialPeersAsync((address(HIGH),), persistent=True))
        dial = stage.transports[0].fish(Dial, timeout=PATIENCE_S)
        facts = structs.replace(stage.facts(1, outbound=True, dialled=HIGH), connection=dial.connection)
        for network in ("one", "one", "two"):
            refusal = Refusal(reason, f"network {network!r}")
            stage.ref.tell(ConnectionEnded(facts, refusal, is_error=True))
        stage.ask(GetPeers())
        assert not _dialled_soon(stage.transports[0])
    told = [(line["log_level"], line["detail"]) for line in lines if line["event"] == "peer refused"]
    assert told == [("info", "network 'one'"), ("debug", "network 'one'"), ("info", "network 'two'")]


def _dialled_soon(transport: Probe) -> bool:
    try:
        transport.fish(Dial, timeout=0.2)
    except AssertionError:
        return False
    return True


# --- questions -------------------------------------------------------------------------------------------------------


def test_net_info_leaves_out_a_peer_host_that_hangs(stage: Stage, peer: Probe) -> None:
    """The others' peers are told of within seconds."""
    status = PeerStatus(info_of(stage.facts(1), HIGH, peer), MultiplexConnection((), now=0.0).status(1.0))
    stage.hosts[0].statuses = lambda: (status,)
    gate = threading.Event()
    stage.hosts[1].statuses = lambda: (status,) if gate.wait(PATIENCE_S) else ()
    try:
        found = stage.ask(GetNetInfo())
    finally:
        gate.set()
    assert [each.node_info.id for each in found.peers] == [HIGH]
