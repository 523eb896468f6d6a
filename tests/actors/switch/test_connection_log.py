"""What is logged of connections, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from peerage.actors.messages import ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef
from peerage.actors.switch.connection_log import ConnectionLog
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo
from tests.actors.switch import parts
from tests.fake_clock import FakeClock

ANNA = NodeID("a" * 40)
CALLED = ConnectionFacts("c", "h", "203.0.113.7", 1, is_outbound=False)
DIALLED = ConnectionFacts("d", "h", "198.51.100.7", 26656, is_outbound=True, dialled_id=ANNA)
BUSY = Refusal(RefusalReason.FILTERED, "not one of ours")
PEER = PeerInfo(
    connection="c",
    ref=ActorRef.to("peer"),
    id=ANNA,
    node_info=NodeInfo(),
    remote_ip="203.0.113.7",
    socket_address="203.0.113.7:1",
    is_outbound=False,
    is_persistent=False,
    is_unconditional=False,
    host="h",
)


class Log:
    """Keeps what is logged, by level."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **facts: self.lines.append((level, event, facts))

    def at(self, level: str) -> list[tuple[str, dict[str, Any]]]:
        return [(event, facts) for told, event, facts in self.lines if told == level]


@pytest.fixture
def log() -> Log:
    return Log()


class Scene:
    """A table of peers, a clock and a log of connections."""

    def __init__(self, log: Log, *, wanted: Iterable[str] = (), seed_mode: bool = False) -> None:
        self.clock, self.table = FakeClock(), parts.table()
        self.lines = ConnectionLog(
            log,
            self.clock.call_later,
            self.table,
            now=self.clock.now,
            unix_now=lambda: 1_000_000.0 + self.clock.now(),
            wanted=wanted,
            seed_mode=seed_mode,
        )

    def connect(self, peer: PeerInfo = PEER) -> None:
        """There is a peer."""
        self.table.started(peer, self.clock.now())
        self.lines.added(peer)


def lines_to(log: Log, *, is_persistent: bool = False, seed_mode: bool = False) -> ConnectionLog:
    scene = Scene(log, seed_mode=seed_mode)
    if is_persistent:
        scene.table.persistent[ANNA] = "somewhere"
    return scene.lines


def test_a_line_of_a_refusal_says_who_and_why(log: Log) -> None:
    """Also that it was dialled, and not a caller."""
    lines_to(log).refused(DIALLED, BUSY)
    facts = {
        "reason": "filtered",
        "detail": BUSY.detail,
        "remote": "198.51.100.7:26656",
        "dialled": ANNA,
        "direction": "outbound",
    }
    assert log.at("info") == [("peer refused", facts)]


def test_a_remote_with_an_ipv6_address_is_logged_as_parsers_take_it(log: Log) -> None:
    lines_to(log).refused(replace(CALLED, remote_ip="2001:db8::7"), BUSY)
    assert log.at("info")[0][1]["remote"] == "[2001:db8::7]:1"


@pytest.mark.parametrize("reason", [RefusalReason.FILTERED, RefusalReason.UNREACHABLE])
def test_what_becomes_of_dialling_one_address_is_told_again_after_growing_pauses(
    log: Log, reason: RefusalReason
) -> None:
    """Ten minutes, twenty, forty: with how often it was so in between."""
    scene = Scene(log)
    scene.table.persistent[ANNA] = "somewhere"
    for _ in range(14):
        scene.lines.refused(DIALLED, Refusal(reason))
        scene.clock.pass_by(300.0)
    event = "dial failed" if reason is RefusalReason.UNREACHABLE else "peer refused"
    told = [facts.get("more") for said, facts in log.at("info") if said == event]
    assert told == [None, 1, 3]
    assert len([event for said, _facts in log.at("debug") if said == event]) == 11  # nothing is lost


def test_another_outcome_of_the_same_dial_is_news(log: Log) -> None:
    """So that an operator who mends a configuration sees what comes of it."""
    lines = lines_to(log, is_persistent=True)
    for network in ("one", "two", "two"):
        refusal = Refusal(RefusalReason.INCOMPATIBLE, f"the peer is on network {network!r}")
        lines.refused(DIALLED, refusal)
    assert [facts["detail"][-5:] for _event, facts in log.at("info")] == ["'one'", "'two'"]


def test_a_peer_that_came_is_news_when_it_goes_again(log: Log) -> None:
    """So is why it cannot be reached from then on."""
    scene = Scene(log)
    scene.table.persistent[ANNA] = "somewhere"
    scene.lines.refused(DIALLED, BUSY)
    scene.connect()
    scene.lines.refused(DIALLED, BUSY)
    assert [event for event, _facts in log.at("info")] == ["peer refused", "peer added", "peer refused"]


@pytest.mark.parametrize("reason", [RefusalReason.DUPLICATE_ID, RefusalReason.DUPLICATE_CONNECTION])
def test_a_dial_that_was_not_needed_is_no_news(log: Log, reason: RefusalReason) -> None:
    """Peer exchange and the list of persistent peers may want the same node; a caller that comes twice is told of."""
    scene = Scene(log, wanted=[ANNA])
    scene.lines.refused(DIALLED, Refusal(reason))
    scene.clock.pass_by(61.0)
    scene.lines.refused(CALLED, Refusal(reason))
    assert [(event, facts.get("dialled")) for event, facts in log.at("info")] == [
        ("no peers", "nobody"),
        ("peer refused", None),
    ]


def test_dials_of_peer_exchange_are_told_only_while_there_is_no_peer(log: Log) -> None:
    """One line for each reason: it tries whatever addresses it has, and many are dead."""
    scene = Scene(log)
    for number in range(10):
        dial = replace(DIALLED, dialled_id=NodeID(f"{number:040d}"))
        scene.lines.refused(dial, Refusal(RefusalReason.UNREACHABLE))
        scene.lines.refused(dial, BUSY)
    assert [event for event, _facts in log.at("info")] == ["dial failed", "peer refused"]
    scene.connect()
    scene.clock.pass_by(600.0)
    scene.lines.refused(DIALLED, Refusal(RefusalReason.UNREACHABLE))
    assert [event for event, _facts in log.at("info")][2:] == ["peer added"]


@pytest.mark.parametrize("is_seed", [True, False])
def test_what_the_operator_has_dialled_is_told_in_any_case(log: Log, *, is_seed: bool) -> None:
    """The seeds of the configuration, and the addresses given by RPC."""
    scene = Scene(log, wanted=[ANNA] if is_seed else [])
    scene.connect(replace(PEER, id=NodeID("b" * 40)))
    if not is_seed:
        scene.lines.want([ANNA])
    scene.lines.refused(DIALLED, BUSY)
    assert [event for event, _facts in log.at("info")] == ["peer added", "peer refused"]


def test_a_peer_that_came_or_went_is_told_with_all_that_is_known_of_it(log: Log) -> None:
    """What it says of itself is escaped."""
    info = NodeInfo(moniker="anna\x1b[2J", version="0.38.26")
    scene = Scene(log)
    peer = replace(PEER, node_info=info, since=1_000_000.0 + scene.clock.now())
    scene.connect(peer)
    scene.clock.pass_by(7500.0)
    scene.lines.stopped(peer, "")
    who = {
        "peer": ANNA,
        "direction": "inbound",
        "address": "203.0.113.7:1",
        "moniker": r"anna\x1b[2J",
        "version": "0.38.26",
    }
    gone = who | {"age": 7500.0, "reason": "graceful stop"}
    assert log.at("info") == [("peer added", who), ("peer stopped", gone)]


def test_when_the_node_stops_its_peers_go_in_silence(log: Log) -> None:
    """The node's own line says it all."""
    scene = Scene(log)
    scene.connect()
    scene.lines.node_stops()
    scene.lines.stopped(PEER, "")
    scene.lines.refused(DIALLED, BUSY)
    scene.lines.close()
    assert [event for event, _facts in log.at("info")] == ["peer added"]


def test_a_node_without_peers_says_what_it_has_tried(log: Log) -> None:
    """A peer that comes puts an end to it; when the last one has gone, it begins again."""
    scene = Scene(log)
    scene.lines.refused(DIALLED, Refusal(RefusalReason.UNREACHABLE))
    scene.clock.pass_by(61.0)
    assert [facts["dialled"] for _event, facts in log.at("warning")] == ["1 unreachable"]
    scene.connect()
    scene.clock.pass_by(600.0)
    scene.table.remove(PEER.connection)
    scene.lines.stopped(PEER, "")
    scene.clock.pass_by(61.0)
    assert [event for event, _facts in log.at("info")][-2:] == ["peer stopped", "no peers"]


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_flood_of_refusals_from_one_prefix_costs_some_lines(log: Log, reason: RefusalReason) -> None:
    """Whatever they are refused for, and however short each line is."""
    lines = lines_to(log)
    for number in range(1000):
        facts = replace(CALLED, remote_ip=f"203.0.{number % 256}.{number // 256}", remote_port=number)
        lines.refused(facts, Refusal(reason, "x" * 10_000))
    lines.close()
    written = log.at("info")
    assert len(written) == 21
    assert sum(len(str(line)) for line in written) < 10_000


def test_a_caller_that_is_refused_all_the_time_is_told_of_every_minute(log: Log) -> None:
    """By its count; one that tries now and then is told of once in a while."""
    scene = Scene(log)
    for _ in range(300):
        scene.lines.refused(CALLED, BUSY)
        scene.clock.pass_by(1.0)
    told = [facts.get("more", 0) for event, facts in log.at("info") if event == "peer refused"]
    assert told[0] == 0
    assert len(told) == 6
    assert all(more > 50 for more in told[1:])


def test_a_flood_of_callers_hides_nothing_of_our_own_dials(log: Log) -> None:
    """They have lines of their own."""
    lines = lines_to(log)
    for number in range(1000):
        lines.refused(replace(CALLED, remote_ip=f"{number % 200 + 1}.1.1.1"), BUSY)
    lines.refused(DIALLED, Refusal(RefusalReason.UNREACHABLE))
    assert log.at("info")[-1][0] == "dial failed"


def test_a_flood_from_everywhere_is_bounded(log: Log) -> None:
    """Sixty lines, one for each of them that was folded, and one for the rest."""
    lines = lines_to(log)
    for number in range(20_000):
        facts = replace(CALLED, remote_ip=f"{number % 200 + 1}.{number // 200}.1.1")
        lines.refused(facts, BUSY)
    lines.close()
    assert len(log.at("info")) <= 121


def test_peers_that_come_and_go_without_end_are_folded_too(log: Log) -> None:
    """They keep to the protocol, and may do so a thousand times a second."""
    lines = lines_to(log)
    for _ in range(1000):
        lines.added(PEER)
        lines.stopped(PEER, "y" * 10_000)
    lines.close()
    written = log.at("info")
    assert len(written) == 42
    assert all(len(facts.get("reason", "")) <= 200 for _event, facts in written)


def test_a_name_that_is_not_found_is_told_now_and_then(log: Log) -> None:
    """At warning, however often it is tried."""
    lines = lines_to(log)
    for _ in range(5):
        lines.not_resolved(ANNA, f"{ANNA}@nobody.example:1", OSError("not found"))
    lines.close()
    assert len(log.at("warning")) == 1
    assert len(log.at("debug")) == 4


def test_a_seeds_visits_are_told_at_debug(log: Log) -> None:
    """But for its persistent peers, and for who calls it."""
    scene = Scene(log, seed_mode=True)
    lines, outbound = scene.lines, replace(PEER, is_outbound=True)
    lines.added(outbound)
    lines.refused(DIALLED, BUSY)
    assert len(log.at("debug")) == 2
    lines.added(PEER)
    scene.table.persistent[ANNA] = "somewhere"
    lines.stopped(outbound, "")
    lines.refused(CALLED, BUSY)
    assert [event for event, _facts in log.at("info")] == ["peer added", "peer stopped", "peer refused"]


def test_who_only_looks_at_the_port_is_told_at_debug(log: Log) -> None:
    """A flood of them is told of at the end of its minute."""
    scene = Scene(log)
    for _ in range(25):
        scene.lines.refused(CALLED, Refusal(RefusalReason.AUTH_FAILURE, is_look=True))
    assert (log.at("info"), len(log.at("debug"))) == ([], 25)
    scene.clock.pass_by(61.0)
    (facts,) = (facts for event, facts in log.at("info") if event == "peer refused")
    assert facts["more"] == 25
