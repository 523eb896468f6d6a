"""What is logged of connections, and how much of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from peerage.actors.messages import ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef
from peerage.actors.switch.connection_log import ConnectionLog
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo

ANNA = NodeID("a" * 40)
CALLED = ConnectionFacts("c", "h", "203.0.113.7", 1, is_outbound=False)
DIALLED = ConnectionFacts("d", "h", "198.51.100.7", 26656, is_outbound=True, dialled_id=ANNA)
BUSY = Refusal(RefusalReason.DUPLICATE_CONNECTION, "currently dialling or existing")
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


def lines_to(log: Log, *, seed_mode: bool = False) -> ConnectionLog:
    return ConnectionLog(log, lambda _seconds, _function: None, seed_mode=seed_mode)


def test_a_line_of_a_refusal_says_who_and_why(log: Log) -> None:
    """With the keys it always had."""
    lines_to(log).refused(DIALLED, BUSY, is_persistent=False)
    facts = {
        "reason": "duplicate connection",
        "detail": BUSY.detail,
        "remote": "198.51.100.7:26656",
        "dialled": ANNA,
    }
    assert log.at("info") == [("peer refused", facts)]


def test_a_remote_with_an_ipv6_address_is_logged_as_parsers_take_it(log: Log) -> None:
    lines_to(log).refused(replace(CALLED, remote_ip="2001:db8::7"), BUSY, is_persistent=False)
    assert log.at("info")[0][1]["remote"] == "[2001:db8::7]:1"


@pytest.mark.parametrize("reason", [RefusalReason.DUPLICATE_CONNECTION, RefusalReason.UNREACHABLE])
def test_what_becomes_of_dialling_one_address_is_told_once_a_minute(log: Log, reason: RefusalReason) -> None:
    """And then how often."""
    lines = lines_to(log)
    for _ in range(14):
        lines.refused(DIALLED, Refusal(reason), is_persistent=True)
    lines.close()
    first, folded = log.at("info")
    assert first[0] == folded[0] == ("dial failed" if reason is RefusalReason.UNREACHABLE else "peer refused")
    assert folded[1] == {"reason": str(reason), "prefix": "198.51.0.0/16", "more": 13, "detail": "… 13 more"}
    assert len(log.at("debug")) == 13  # nothing is lost to who wants to see all


def test_another_outcome_of_the_same_dial_is_news(log: Log) -> None:
    """So that an operator who mends a configuration sees what comes of it."""
    lines = lines_to(log)
    for network in ("one", "two", "two"):
        refusal = Refusal(RefusalReason.INCOMPATIBLE, f"the peer is on network {network!r}")
        lines.refused(DIALLED, refusal, is_persistent=True)
    assert [facts["detail"][-5:] for _event, facts in log.at("info")] == ["'one'", "'two'"]


def test_what_is_known_already_is_told_at_debug(log: Log) -> None:
    """A persistent peer of another network, tried again."""
    lines_to(log).refused(DIALLED, BUSY, is_persistent=True, is_known=True)
    assert [level for level, *_ in log.lines] == ["debug"]


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_flood_of_refusals_from_one_prefix_costs_some_lines(log: Log, reason: RefusalReason) -> None:
    """Whatever they are refused for, and however short each line is."""
    lines = lines_to(log)
    for number in range(1000):
        facts = replace(CALLED, remote_ip=f"203.0.{number % 256}.{number // 256}", remote_port=number)
        lines.refused(facts, Refusal(reason, "x" * 10_000), is_persistent=False)
    lines.close()
    written = log.at("info")
    assert len(written) == 21
    assert sum(len(str(line)) for line in written) < 10_000


def test_a_flood_of_callers_hides_nothing_of_our_own_dials(log: Log) -> None:
    """They have lines of their own."""
    lines = lines_to(log)
    for number in range(1000):
        lines.refused(replace(CALLED, remote_ip=f"{number % 200 + 1}.1.1.1"), BUSY, is_persistent=False)
    lines.refused(DIALLED, Refusal(RefusalReason.UNREACHABLE), is_persistent=True)
    assert log.at("info")[-1][0] == "dial failed"


def test_a_flood_from_everywhere_is_bounded(log: Log) -> None:
    """Sixty lines, one for each of them that was folded, and one for the rest."""
    lines = lines_to(log)
    for number in range(20_000):
        facts = replace(CALLED, remote_ip=f"{number % 200 + 1}.{number // 200}.1.1")
        lines.refused(facts, BUSY, is_persistent=False)
    lines.close()
    assert len(log.at("info")) <= 121


def test_peers_that_come_and_go_without_end_are_folded_too(log: Log) -> None:
    """They keep to the protocol, and may do so a thousand times a second."""
    lines = lines_to(log)
    for _ in range(1000):
        lines.added(PEER, is_persistent=False)
        lines.stopped(PEER, "y" * 10_000, is_persistent=False)
    lines.close()
    written = log.at("info")
    assert len(written) == 42
    assert all(len(facts.get("reason", "")) <= 200 for _event, facts in written)


def test_a_name_that_is_not_found_is_told_once_a_minute(log: Log) -> None:
    """At warning, however often it is tried."""
    lines = lines_to(log)
    for _ in range(5):
        lines.not_resolved(ANNA, f"{ANNA}@nobody.example:1", OSError("not found"))
    lines.close()
    assert [facts.get("more") for _event, facts in log.at("warning")] == [None, 4]


def test_a_seeds_visits_are_told_at_debug(log: Log) -> None:
    """But for its persistent peers, and for who calls it."""
    lines = lines_to(log, seed_mode=True)
    outbound = replace(PEER, is_outbound=True)
    lines.added(outbound, is_persistent=False)
    lines.refused(DIALLED, BUSY, is_persistent=False)
    assert len(log.at("debug")) == 2
    lines.added(PEER, is_persistent=False)
    lines.stopped(outbound, "", is_persistent=True)
    lines.refused(CALLED, BUSY, is_persistent=False)
    assert [event for event, _facts in log.at("info")] == ["peer added", "peer stopped", "peer refused"]
