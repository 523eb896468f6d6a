"""Abuse of peer exchange by a peer that is what CometBFT's is, but for its manners: log and metrics say what it did."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.facts import FactKind, FactList
from peerage.supervisors.node.node import Node
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddrs, PexRequest
from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeer, GoPeerError
from tests.nodes import NodeLog, StartNode, wait_until

pytestmark = pytest.mark.interop

PEX = 0x00
CHANNEL: dict[str, Any] = {"id": PEX, "priority": 1, "send_queue_capacity": 10}
REQUEST = PexRequest().encode()
ONE_BUCKET = 64  # addresses


def strict_node(start_node: StartNode, **sections: Any) -> Node:
    """It takes routable addresses only, and dials nobody by itself."""
    return start_node(
        {},
        p2p={"pex": True, "addr_book_strict": True, "max_num_outbound_peers": 0},
        instrumentation={"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"},
        **sections,
    )


def rude_peer(go_peer: StartGoPeer) -> GoPeer:
    return go_peer(mode="raw", channels=[CHANNEL], report_messages=True)


def counts(node: Node, metric: str) -> Mapping[str, float]:
    """A metric by its one label."""
    address = node.metrics_addresses()[0].replace("tcp://", "http://")
    with urllib.request.urlopen(f"{address}/metrics", timeout=5.0) as response:
        text = response.read().decode()
    rows = re.findall(
        rf'^cometbft_{metric}\{{.*?(?:outcome|reason)="([^"]*)".*?\}} (\S+)$', text, re.MULTILINE
    )
    return {label: float(count) for label, count in rows}


@pytest.fixture(scope="module")
def system_log_level() -> str:
    """What the book thinks of addresses is told when debugging."""
    return "pex:debug,*:info"


def test_addresses_that_nobody_wants_are_not_learned(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """Private, local, our own; and of a flood of one group no more than a bucket holds."""
    node, rude = strict_node(start_node), rude_peer(go_peer)
    unwanted = ["10.1.2.3", "192.168.0.1", "169.254.0.1", "127.0.0.1", "fc00::1"]
    own = NetAddress.parse(node.address)
    told = [
        *(NetAddress(f"{number:040x}", f"9.9.{number // 250}.{number % 250}", 1) for number in range(1, 201)),
        *(NetAddress(f"{1000 + number:040x}", ip, 1) for number, ip in enumerate(unwanted)),
        own,
        NetAddress(own.id, "9.9.9.9", 1),
    ]
    node.dial(rude.address)
    rude.wait_for("message", channel=PEX)  # we ask whom we dialled
    rude.send(node.node_id, PEX, PexAddrs.of(told).encode())
    expected = {"added": 200, "displaced": 200 - ONE_BUCKET, "not routable": len(unwanted), "self": 2}
    record = node_log.wait_for("addresses heard", peer=rude.id)
    assert record["found"] == expected
    wait_until(lambda: counts(node, "p2p_heard_addresses_total") == expected)
    assert BookClient(node.names.addrbook).call(AddrBook.statistics).size == ONE_BUCKET


def test_asking_again_while_waiting_is_banned_when_repeated_and_the_ban_tells_nothing_of_us(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """However often it hangs up. It is then refused as soon as its key is known, before our NodeInfo."""
    node, rude = strict_node(start_node), rude_peer(go_peer)
    for _ in range(2):
        rude.dial(node.address)
        rude.send(node.node_id, PEX, REQUEST)
        rude.wait_for("message", channel=PEX)
        rude.disconnect()
        wait_until(lambda: not node.peers())
    reason = "asked for addresses again before it was answered"
    for offence in (1, 2):
        rude.dial(node.address)
        for _ in range(3):  # one of which may be in time, on a slow machine
            rude.send(node.node_id, PEX, REQUEST)
        wait_until(lambda: len(node_log.records("peer stopped", peer=rude.id, reason=reason)) == offence)  # noqa: B023
    record = node_log.wait_for("peer banned", peer=rude.id)
    assert (record["reason"], record["seconds"]) == (reason, 60.0)
    with pytest.raises(GoPeerError, match="node info"):
        rude.dial(node.address)
    refusal = node_log.wait_for("peer refused", reason="banned")
    assert refusal["detail"].endswith(reason)
    wait_until(lambda: counts(node, "p2p_bans_total") == {reason: 1.0})
    wait_until(lambda: counts(node, "p2p_pex_requests_total") == {"answered": 2.0, "early": 2.0, reason: 2.0})
    wait_until(lambda: counts(node, "p2p_refusals_total") == {"banned": 1.0})


def test_at_a_seed_under_load_two_calls_are_free_and_the_third_waits(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """Whoever answers the first: the reactor, or the peer host without asking it. All that are answered are counted."""
    seed = start_node(
        {},
        p2p={"pex": True, "seed_mode": True},
        instrumentation={"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"},
        peerage={"peer_hosts": 1},
    )
    crowd, early, metric = rude_peer(go_peer), rude_peer(go_peer), "p2p_pex_requests_total"
    known = [NetAddress(f"{number}" * 40, "127.0.0.1", 1) for number in (1, 2)]
    BookClient(seed.names.addrbook).call(AddrBook.add_each, known)
    with ThreadPoolExecutor() as pool:
        load = pool.submit(crowd.seed_rounds, seed.address.partition("@")[2], secs=4.0, parallel=8)
        wait_until(lambda: counts(seed, metric).get("answered", 0.0) > 100)
        for _ in range(2):
            early.dial(seed.address)
            early.send(seed.node_id, PEX, REQUEST)
            early.wait_for("peer_removed")
        early.dial(seed.address)
        early.send(seed.node_id, PEX, REQUEST)
        wait_until(lambda: counts(seed, metric).get("early") == 1.0)
        done = load.result()
    assert done["failures"] == {}
    wait_until(lambda: counts(seed, metric)["answered"] >= done["rounds"] + 2)
    assert set(counts(seed, metric)) == {"answered", "early"}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (PexAddrs().encode(), "sent addresses unasked"),
        (PexAddrs([("1" * 40, "localhost", 1)]).encode(), "sent an invalid address"),
    ],
    ids=["unasked", "invalid"],
)
def test_unasked_and_invalid_answers_are_banned_for_a_day(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog, message: bytes, reason: str
) -> None:
    """Whoever it is; not in the book, for its address is not routable."""
    node, rude = strict_node(start_node), rude_peer(go_peer)
    rude.dial(node.address)
    wait_until(lambda: rude.id in {peer.id for peer in node.peers()})
    rude.send(node.node_id, PEX, message)
    record = node_log.wait_for("peer banned", peer=rude.id)
    assert record["reason"].startswith(reason)
    assert record["seconds"] == 24 * 3600.0
    wait_until(lambda: counts(node, "p2p_bans_total") == {reason: 1.0})
    with pytest.raises(GoPeerError, match="node info"):
        rude.dial(node.address)
    node_log.wait_for("peer refused", reason="banned")
    assert not node.peers()


@pytest.mark.parametrize("peer_hosts", [0, 2])
def test_who_is_banned_learns_nothing_of_us_wherever_peers_are_served(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog, peer_hosts: int
) -> None:
    """In hosts, or each in a process of its own; before it has our NodeInfo."""
    node, rude = strict_node(start_node, peerage={"peer_hosts": peer_hosts}), rude_peer(go_peer)
    BookClient(node.names.addrbook).call(BadPeers.ban, rude.id, 3600.0, "by the operator")

    def is_refused() -> bool:
        try:
            rude.dial(node.address)
        except GoPeerError as error:
            return "node info" in str(error)
        return False

    wait_until(is_refused)  # peer hosts hear of a ban a moment after the book has it
    node_log.wait_for("peer refused", reason="banned")


def test_bans_and_requests_are_remembered_over_a_restart(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """A restart is no pardon, nor are two free requests to be had by it."""
    node, rude, greedy = strict_node(start_node), rude_peer(go_peer), rude_peer(go_peer)
    rude.dial(node.address)
    rude.send(node.node_id, PEX, PexAddrs().encode())
    node_log.wait_for("peer banned", peer=rude.id)
    greedy.dial(node.address)
    for _ in range(2):
        greedy.send(node.node_id, PEX, REQUEST)
        greedy.wait_for("message", channel=PEX)
    node.stop()
    again = start_node(
        {},
        home=node.config.home.path,
        p2p={"pex": True, "addr_book_strict": True, "max_num_outbound_peers": 0},
    )
    with pytest.raises(GoPeerError, match="node info"):
        rude.dial(again.address)
    node_log.wait_for("peer refused", reason="banned")
    kept = BookClient(again.names.addrbook).call(FactList.all)
    assert [fact.numbers[0] for fact in kept if (fact.kind, fact.name) == (FactKind.ASKED, greedy.id)] == [2]
