"""Both sides dial each other in the same moment, again and again: one connection stays, and no dial hangs.

PEERAGE_TEST_ROUNDS says how often (by default 60 times with CometBFT, 12 among ourselves).
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from peerage import DialError, Node
from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeer, GoPeerError
from tests.nodes import HIGH, Flood, Seen, SinkReactor, SpyReactor, StartNode, check_grammar, wait_until

ROUNDS = int(os.environ.get("PEERAGE_TEST_ROUNDS", "60"))
ROUNDS_OF_OURS = int(os.environ.get("PEERAGE_TEST_ROUNDS", "12"))  # a tie of two of ours takes a second
DIAL_LIMIT_S = 10.0


def dial(node: Node, address: str, start: threading.Barrier | None = None) -> str:
    """Dial; the only refusal that may come is that the other side's dial has won."""
    if start is not None:
        start.wait()
    try:
        node.dial(address, timeout=DIAL_LIMIT_S)
    except DialError as error:
        return str(error.refusal.reason)
    return "connected"


def agreed(a: Node, b: Node) -> bool:
    """Whether each has the other once, as the two ends of one connection: either dialled by a or by b."""
    ends = [(peer.id, peer.is_outbound) for node in (a, b) for peer in node.peers()]
    return ends in ([(b.node_id, True), (a.node_id, False)], [(b.node_id, False), (a.node_id, True)])


def agreed_with(node: Node, peer: GoPeer) -> bool:
    """The same for a CometBFT peer; it had only one connection with us at any time, the last that it told of."""
    ends = [(each.id, each.is_outbound) for each in node.peers()]
    there = peer.peers()
    return there == [node.node_id] and ends == [(peer.id, not peer.history("peer_added")[-1]["outbound"])]


@pytest.mark.slow
@pytest.mark.timeout(60 + ROUNDS)
def test_node_and_cometbft_dial_each_other(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """After each round both have one peer, and it is the same connection: a message goes each way on it."""
    node, peer = start_node({"SINK": SinkReactor}), go_peer()
    sink = node.reactor("SINK")
    outcomes: set[tuple[str, str]] = set()

    def arrived(number: int) -> bool:
        found: Seen = sink.ask((peer.id, HIGH))
        return found.count == number

    with ThreadPoolExecutor(1) as pool:
        for number in range(1, ROUNDS + 1):
            ours = pool.submit(dial, node, peer.address)
            theirs = "connected"
            try:
                peer.dial(node.address, DIAL_LIMIT_S)
            except GoPeerError as error:
                theirs = error.kind
            outcome = (ours.result(DIAL_LIMIT_S), theirs)
            outcomes.add(outcome)
            wait_until(lambda: agreed_with(node, peer), what=f"one connection, round {number}, {outcome}")
            connection = node.peers()[0].info.connection
            peer.send_numbered(node.node_id, HIGH, number, 100)
            wait_until(partial(arrived, number), what=f"message {number}, {outcome}")
            assert sink.ask(Flood(peer.id, HIGH, 1, 100)) == 1
            assert peer.expect(node.node_id, HIGH, number)
            assert [each.info.connection for each in node.peers()] == [connection]
            peer.disconnect()
            wait_until(lambda: not node.peers() and not peer.peers())
    allowed = {"connected", "duplicate id", "duplicate connection", "auth failure"}
    assert {ours for ours, _ in outcomes} <= allowed


@pytest.mark.slow
@pytest.mark.timeout(60 + ROUNDS)
def test_two_nodes_dial_each_other(start_node: StartNode) -> None:
    """As above, both ends being ours; reactors on both sides see the grammar kept throughout."""
    a, b = (start_node({"SPY": SpyReactor}) for _ in range(2))
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        for number in range(1, ROUNDS_OF_OURS + 1):
            dials = [pool.submit(dial, a, b.address, barrier), pool.submit(dial, b, a.address, barrier)]
            outcome = (dials[0].result(DIAL_LIMIT_S * 2), dials[1].result(DIAL_LIMIT_S * 2))
            wait_until(lambda: agreed(a, b), what=f"one connection, round {number}, {outcome}")
            a.peers()[0].stop()
            wait_until(lambda: not a.peers() and not b.peers())
    for node in (a, b):
        states = check_grammar(node.reactor("SPY").ask("calls"))
        assert set(states.values()) == {"removed"}
