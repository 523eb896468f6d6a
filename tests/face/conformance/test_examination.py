"""Many cases done to one node, which may turn us away."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from peerage.conformance import (
    connections,
    dialled,
    examination,
    key_exchange,
    liveness,
    packets,
    pex_answers,
)
from peerage.conformance.case import Case, Outcome, When
from peerage.conformance.examination import Bounds, Examination, Status, loopback_sources
from peerage.conformance.suite import Chosen
from peerage.conformance.visitor import Visitor
from tests.face.conformance.model import Kind, ModelNode, case_of

BOUNDS = Bounds(at_once=4, patience=10.0)
PING = (liveness.GROUP, case_of(liveness.GROUP, "a ping"))
POINT = (key_exchange.GROUP, case_of(key_exchange.GROUP, "the point 0"))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "PAUSE_S", 0.01)


def of(node: ModelNode, *, bounds: Bounds = BOUNDS, source: str = "") -> Examination:
    """An examination of that node."""
    return Examination("127.0.0.1", node.port, node.claims, bounds, source=source)


def statuses(found: Examination, *cases: tuple[object, Case]) -> list[str]:
    """How they come out."""
    return [each.status.value for each in found.run(cases)]  # type: ignore[arg-type]  # a group and a case


def case(name: str, act: object, *must: Outcome) -> tuple[object, Case]:
    """A case of this test."""
    return liveness.GROUP, Case(name, act, frozenset(must))  # type: ignore[arg-type]  # an act


def test_results_are_in_the_order_of_the_cases_and_all_is_counted() -> None:
    """Connections and bytes; each result is told as it is known."""
    told: list[str] = []
    with ModelNode() as node:
        found = of(node)
        results = found.run([PING, POINT, PING], lambda result: told.append(result.case.name))
        assert [each.case.name for each in results] == ["a ping", "the point 0", "a ping"]
        assert {each.status for each in results} == {Status.PASSED}
        assert sorted(told) == ["a ping", "a ping", "the point 0"]
        assert found.connections == node.served == 3
        assert found.sent > 3 * 35
        assert not found.barred


def test_a_node_that_breaks_a_rule_fails() -> None:
    """It goes on all the same: an honest peer is served."""
    with ModelNode(Kind.FORGIVING) as node:
        found = of(node, bounds=replace(BOUNDS, patience=0.05))
        assert statuses(found, POINT, PING) == ["FAIL", "pass"]
        assert not found.barred


def test_a_node_that_bars_us_has_not_failed() -> None:
    """The rest is left out, and said to be: an end without a word is no answer to a case."""
    with ModelNode() as node:
        node.barred = {"127.0.0.1"}
        found = of(node, source="127.0.0.1")
        results = found.run([POINT, PING])
        assert {each.status for each in results} == {Status.LEFT_OUT}
        assert found.barred == results[1].detail
        assert found.barred.startswith("the node turns an honest peer away: ")


def test_a_node_that_dies_of_a_case_fails_it() -> None:
    """Nobody listens there any more."""
    with ModelNode() as node:

        def kill(visitor: Visitor) -> None:
            visitor.join()
            node.__exit__()
            visitor.sock.close()

        found = of(node, bounds=replace(BOUNDS, at_once=1))
        results = found.run([case("death", kill, Outcome.LEFT), PING])  # type: ignore[list-item]  # a group and a case
        assert [each.status for each in results] == [Status.FAILED, Status.LEFT_OUT]
        assert results[0].detail == "the node does not listen any more"
        node._thread.join()


@pytest.mark.parametrize(
    ("kind", "result", "why"),
    [
        (Kind.SEED, ["pass", "left out"], "whoever calls a seed is not its peer"),
        (
            Kind.MUTE,
            ["left out", "left out"],
            "the node hangs up on a request for addresses, as a seed does that knows nobody",
        ),
    ],
)
def test_a_seed_is_known_by_what_it_does_on_a_request(kind: Kind, result: list[str], why: str) -> None:
    """It has callers and no peers, and hangs up when it has answered, or has nothing to answer."""
    asks = (pex_answers.GROUP, case_of(pex_answers.GROUP, "a request"))
    twice = (connections.GROUP, case_of(connections.GROUP, "a peer's key once more, while it is connected"))
    with ModelNode(kind) as node:
        results = of(node).run([asks, twice])
    assert [each.status.value for each in results] == result
    assert why in {each.detail for each in results}


def test_what_a_node_cannot_show_is_left_out_with_the_reason() -> None:
    """Peer exchange, dialling, patience, time."""
    packet = (packets.GROUP, case_of(packets.GROUP, "a packet of no bytes"))
    slow = (liveness.GROUP, case_of(liveness.GROUP, "no pong, for ever"))
    assert slow[1].when is When.PATIENTLY
    dials = (dialled.GROUP, case_of(dialled.GROUP, "silence"))
    with ModelNode(channels=b"\x40") as node:
        results = of(node).run([packet, slow, dials])
        assert [each.detail for each in results] == [
            "the node exchanges no addresses",
            "it waits for a ping and its pong: --slow",
            "the node must dial us: --rpc",
        ]
        (late,) = of(node, bounds=replace(BOUNDS, longest=0.0)).run([PING])
        assert late.detail == "the time was over: --max-time"


def test_a_node_that_dials_is_examined_too() -> None:
    """It is told an address of ours."""
    cases: Chosen = [(dialled.GROUP, case_of(dialled.GROUP, "the signature of another key"))]
    with ModelNode() as node:
        found = Examination("127.0.0.1", node.port, node.claims, BOUNDS, dial=node.dial)
        assert [each.status for each in found.run(cases)] == [Status.PASSED]


def test_a_node_that_takes_one_connection_of_an_ip_is_asked_one_after_the_other() -> None:
    """It is found out first; cases that make two connections are left out."""
    two = (key_exchange.GROUP, replace(POINT[1], takes_two=True))
    with ModelNode(one_at_a_time=True) as node:
        found = of(node, source="127.0.0.1")
        results = found.run([PING, POINT, PING, two])
        assert found.one_at_a_time
        assert [each.status.value for each in results] == ["pass", "pass", "pass", "left out"]
        assert results[3].detail == "the node takes one connection of an IP"


def test_many_addresses_of_the_loopback_are_in_different_networks() -> None:
    """For the first 230, and none comes twice soon."""
    addresses = [loopback_sources(number) for number in range(1000)]
    assert len(set(addresses)) == 1000
    assert len({address.split(".")[1] for address in addresses[:230]}) == 230


def test_an_interrupt_ends_what_waits() -> None:
    """Also a case that would wait for a node for ever."""

    def wait(visitor: Visitor) -> None:
        visitor.join()
        waits.set()
        visitor.wait_for_the_end(60.0)

    def interrupt(_result: object) -> None:
        assert waits.wait(10.0)
        raise KeyboardInterrupt

    waits = threading.Event()
    began = time.monotonic()
    with ModelNode() as node, pytest.raises(KeyboardInterrupt):
        of(node).run([PING, case("waits", wait, Outcome.HELD)], interrupt)  # type: ignore[list-item]  # a group and a case
    assert time.monotonic() - began < 30.0  # not the minute that the case would take


def test_offences_come_last_and_what_waits_comes_first() -> None:
    """So that the waits are side by side, and what we may be barred for spoils little."""
    order: list[str] = []

    def note(name: str) -> object:
        return lambda _visitor: order.append(name)

    offence, plain, waits = (
        case(name, note(name), Outcome.HELD, Outcome.ENDED) for name in ("offence", "plain", "waits")
    )
    with ModelNode() as node:
        found = of(node, bounds=replace(BOUNDS, at_once=1, waits_for_pings=0.1))
        found.run(
            [
                (liveness.GROUP, replace(offence[1], is_offence=True)),
                (liveness.GROUP, plain[1]),
                (liveness.GROUP, replace(waits[1], when=When.PATIENTLY)),
            ]
        )
    assert order == ["waits", "plain", "offence"]
