"""Limits, descriptors running out, persistent peers, and what a reactor sees of connections that come and go."""

from __future__ import annotations

import os
import resource
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from peerage import DialError, Node
from peerage.actors.runtime import ActorDeadError, Timeout
from peerage.wire.errors import HandshakeError
from tests.bench.blocking_peer import BlockingPeer
from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeerError
from tests.nodes import HIGH, Call, NodeLog, SpyReactor, StartNode, check_grammar, node_processes, wait_until

PATIENCE_S = 10.0


def ids(node: Node) -> set[str]:
    """Who is connected."""
    return {peer.id for peer in node.peers()}


def prefixes(node: Node) -> Counter[str]:
    """How many are connected from each 127.x; nobody while there is no switch."""
    with suppress(ActorDeadError, Timeout):
        return Counter(peer.info.remote_ip[:5] for peer in node.peers())
    return Counter()


def calls(node: Node) -> list[Call]:
    """What the SpyReactor saw."""
    found: list[Call] = node.reactor("SPY").ask("calls")
    return found


# --- limits ------------------------------------------------------------------------------------------------------------


def test_inbound_limit_holds_and_unconditional_ids_are_beyond_it(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """Two places: a third is refused, an unconditional ID comes in all the same, outbound ones do not count."""
    friend = go_peer()
    node = start_node(p2p={"max_num_inbound_peers": 2, "unconditional_peer_ids": [friend.id]})
    first, second, third, dialled = (go_peer() for _ in range(4))
    for peer in (first, second):
        peer.dial(node.address)
    wait_until(lambda: ids(node) == {first.id, second.id})
    with pytest.raises(GoPeerError):  # before it has heard who we are: so it waits before it tries again
        third.dial(node.address)
    record = node_log.wait_for("peer refused")
    assert (record["reason"], record["detail"]) == ("inbound limit", "2 inbound peers of at most 2")
    friend.dial(node.address)
    node.dial(dialled.address)
    wait_until(lambda: ids(node) == {first.id, second.id, friend.id, dialled.id})
    first.disconnect()
    wait_until(lambda: first.id not in ids(node))
    third.dial(node.address)
    wait_until(lambda: third.id in ids(node))
    added = go_peer()  # at run time, too
    node.add_unconditional_peer_ids([added.id])
    added.dial(node.address)
    wait_until(lambda: added.id in ids(node))


def test_silent_handshakes_keep_nobody_out(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """They have places of their own, and end with their time."""
    node = start_node(p2p={"max_num_inbound_peers": 2, "handshake_timeout": 3.0})
    silent, good = go_peer(mode="raw", silent_before="key"), go_peer()
    for _ in range(6):
        silent.post("dial", address=node.address)
    for _ in range(6):
        silent.wait_for("silent")
    good.dial(node.address)
    wait_until(lambda: ids(node) == {good.id})
    for _ in range(6):
        silent.wait_for("handshake_ended")


def test_a_newcomer_from_another_network_gets_the_place_of_a_peer_that_does_nothing(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """All places are taken. The one that goes sees its connection close, as when its node is stopped."""
    node = start_node(p2p={"max_num_inbound_peers": 2})
    first, second = go_peer(), go_peer()
    for peer in (first, second):
        peer.dial(node.address)
    wait_until(lambda: ids(node) == {first.id, second.id})
    with BlockingPeer(node.address, PATIENCE_S, source="127.2.0.1") as newcomer:
        wait_until(lambda: newcomer.id in ids(node))
        wait_until(lambda: len(node.peers()) == 2)
        record = node_log.wait_for("peer stopped", reason="evicted: a newcomer has its place")
        gone = first if record["peer"] == first.id else second
        gone.wait_for("peer_removed", peer=node.node_id)


def test_where_each_peer_has_a_process_of_its_own_nobody_is_evicted(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """The same newcomer is refused, and the peers stay."""
    node = start_node(p2p={"max_num_inbound_peers": 2}, peerage={"peer_hosts": 0})
    first, second = go_peer(), go_peer()
    for peer in (first, second):
        peer.dial(node.address)
    wait_until(lambda: ids(node) == {first.id, second.id})
    with suppress(OSError, HandshakeError), BlockingPeer(node.address, PATIENCE_S, source="127.2.0.1"):
        pass  # it may have been let in as far as to read why not
    record = node_log.wait_for("peer refused")
    assert record["reason"] == "inbound limit"
    assert ids(node) == {first.id, second.id}


def test_second_connection_from_one_ip_is_refused_unless_allowed(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """With allow_duplicate_ip off, accepting and dialling; the reason is *duplicate ip*."""
    node = start_node(p2p={"allow_duplicate_ip": False})
    first, second = go_peer(), go_peer()
    first.dial(node.address)
    wait_until(lambda: ids(node) == {first.id})
    with pytest.raises(GoPeerError):
        second.dial(node.address)
    assert node_log.wait_for("peer refused", dialled=None)["reason"] == "duplicate ip"
    with pytest.raises(DialError, match=r"duplicate ip: 127\.0\.0\.1 is connected already"):
        node.dial(second.address)
    first.disconnect()
    wait_until(lambda: not node.peers())
    node.dial(second.address)
    assert ids(node) == {second.id}


@pytest.mark.parametrize("hosts", [0, 2])
def test_an_ip_has_as_many_connections_as_the_operator_allows(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog, hosts: int
) -> None:
    """Accepting and dialling; a place that is left is free. Where peers have processes of their own, too."""
    node = start_node(p2p={"allow_duplicate_ip": False}, peerage={"peers_per_ip": 2, "peer_hosts": hosts})
    first, second, third = go_peer(), go_peer(), go_peer()
    first.dial(node.address)
    node.dial(second.address)
    wait_until(lambda: ids(node) == {first.id, second.id})
    with suppress(GoPeerError):  # a process of its own may come as far as its NodeInfo
        third.dial(node.address)
    record = node_log.wait_for("peer refused", dialled=None)
    assert (record["reason"], record["detail"]) == (
        "duplicate ip",
        "2 connections from 127.0.0.1 already, of at most 2",
    )
    with pytest.raises(DialError, match="duplicate ip: 2 connections"):
        node.dial(third.address)
    first.disconnect()
    wait_until(lambda: ids(node) == {second.id})
    third.dial(node.address)
    wait_until(lambda: ids(node) == {second.id, third.id})


def test_a_prefix_is_never_over_its_limit_while_the_switch_is_away(
    start_node: StartNode,
) -> None:
    """Twelve of one /24 come at once, to both hosts; those of an exempt network are let in beside them."""
    limits = {"peers_per_ip": 2, "peers_per_prefix": 5, "peers_per_ip_exempt": ["127.3.0.0/16"]}
    node = start_node(p2p={"allow_duplicate_ip": False}, peerage=limits)
    with ExitStack() as inside:

        def come(source: str) -> None:
            with suppress(OSError, HandshakeError):
                inside.enter_context(BlockingPeer(node.address, PATIENCE_S, source=source))

        come("127.3.0.1")
        wait_until(lambda: len(node.peers()) == 1)  # bans and notes are known to the hosts
        os.kill(node_processes(node, "switch")[node.names.of("switch")], signal.SIGKILL)
        crowd = [f"127.2.0.{number // 2}" for number in range(2, 14)]
        with ThreadPoolExecutor(14) as pool:
            list(pool.map(come, [*crowd, "127.3.0.1", "127.3.0.1"]))
        wait_until(lambda: prefixes(node) == {"127.2": 5, "127.3": 3})


# --- descriptors -------------------------------------------------------------------------------------------------------


def test_accepting_pauses_while_descriptors_are_out_and_goes_on_afterwards(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """Every peer host is at its limit: nobody gets in, the connected keep pinging. Then accepting resumes."""
    node = start_node(peerage={"ping_interval": 1.0, "pong_timeout": 0.99})
    held, late = go_peer(ping_interval_ms=1000, pong_timeout_ms=990), go_peer()
    held.dial(node.address)
    connection = wait_until(node.peers)[0].info.connection
    hosts = node_processes(node, "peers-").values()
    before = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in hosts}
    try:
        for pid, (_soft, hard) in before.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))  # below what is open: no new one fits
        late.post("dial", address=node.address)
        assert "RLIMIT_NOFILE" in node_log.wait_for("accepting paused")["cause"]
        pings = held.stats()
        wait_until(lambda: held.stats().pongs_received >= pings.pongs_received + 2)
        wait_until(lambda: held.stats().pings_received >= pings.pings_received + 2)
        assert ids(node) == {held.id}
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    again = go_peer(mode="raw")
    again.dial(node.address)
    wait_until(lambda: again.id in ids(node))
    assert connection in {peer.info.connection for peer in node.peers()}
    node_log.wait_for("accepting again")


# --- persistent peers --------------------------------------------------------------------------------------------------


def test_restarted_persistent_peer_is_connected_again(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """Killed, and started again with the same key on the same port; those that are not persistent stay away."""
    peer, other = go_peer(key_seed="persistent"), go_peer()
    node = start_node(p2p={"persistent_peers": [peer.address], "persistent_peers_max_dial_period": 1.0})
    node.dial(other.address)
    wait_until(lambda: ids(node) == {peer.id, other.id})
    assert {each.id: each.is_persistent for each in node.peers()} == {peer.id: True, other.id: False}
    for each in (peer, other):
        each.kill()
    wait_until(lambda: not node.peers())
    node_log.wait_for("dial failed", dialled=peer.id)  # the first try is at once
    again = go_peer(key_seed="persistent", listen=peer.listen)
    assert again.id == peer.id
    wait_until(lambda: ids(node) == {peer.id}, 15.0)
    assert not node_log.records("dial failed", dialled=other.id)


def test_inbound_persistent_peer_is_dialled_again_where_it_says_it_listens(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """It had dialled us; when it is lost we dial it."""
    node, peer = start_node(p2p={"persistent_peers_max_dial_period": 1.0}), go_peer(key_seed="inbound")
    node.add_persistent_peers([f"{peer.id}@127.0.0.1:1"])  # nobody listens there
    peer.dial(node.address)
    wait_until(lambda: [each.is_outbound for each in node.peers()] == [False])
    listen = peer.listen
    peer.kill()
    wait_until(lambda: not node.peers())
    go_peer(key_seed="inbound", listen=listen)
    wait_until(lambda: [each.is_outbound for each in node.peers()] == [True], 20.0)


def test_peer_that_was_stopped_gracefully_is_not_dialled_again(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """Only an error starts the reconnect of a persistent peer."""
    peer = go_peer()
    node = start_node(p2p={"persistent_peers": [peer.address]})
    found = wait_until(node.peers)[0]
    found.stop()
    node_log.wait_for("peer stopped", reason="graceful stop")
    peer.wait_for("peer_removed", peer=node.node_id)
    assert node.dial(peer.address) is not None  # nobody else is dialling it
    wait_until(lambda: len(node_log.records("peer added", peer=peer.id)) == 2)


# --- what a reactor sees -----------------------------------------------------------------------------------------------


def test_reactor_sees_the_grammar_whatever_connections_do(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """Rounds of connecting, messages and hanging up in every way: init, add, receives, remove, once each."""
    node = start_node({"SPY": SpyReactor})
    peers = [go_peer() for _ in range(4)]
    rounds = 6
    for number in range(rounds):
        numbers = [peer.post("dial", address=node.address) for peer in peers[:2]]
        for peer in peers[2:]:
            node.dial(peer.address)
        for peer, reply in zip(peers, numbers, strict=False):
            peer.reply(reply)
        wait_until(lambda: ids(node) == {peer.id for peer in peers})
        for peer in peers:
            peer.flood(node.node_id, HIGH, count=10, size=100).wait()
        if number % 3 == 0:  # the remote ends it, with messages under way
            for peer in peers:
                peer.disconnect(flush=True)
        elif number % 3 == 1:  # we do
            for found in node.peers():
                found.stop("test" if number % 2 else "")
        else:  # the remote does, without a word
            for peer in peers:
                peer.disconnect()
        wait_until(lambda: not node.peers())
        for peer in peers:
            wait_until(lambda: not peer.peers())  # noqa: B023 - asked for within the turn
    wait_until(lambda: Counter(call.hook for call in calls(node))["remove_peer"] == rounds * len(peers))
    record = calls(node)
    states = check_grammar(record)
    hooks = Counter(call.hook for call in record)
    assert len(states) == rounds * len(peers)
    assert hooks["init_peer"] == hooks["add_peer"] == hooks["remove_peer"] == rounds * len(peers)
    assert hooks["receive"] > 0


def test_check_of_the_grammar_finds_what_is_out_of_place() -> None:
    """The check itself: each record that breaks the grammar is found."""
    start, init = Call("on_start"), Call("init_peer", "c1", "p")
    add, receive, remove = (Call(hook, "c1", "p") for hook in ("add_peer", "receive", "remove_peer"))
    assert check_grammar([start, init, receive, add, receive, remove]) == {"c1": "removed"}
    for wrong in ([init], [start, add], [start, init, init], [start, init, remove, receive]):
        with pytest.raises(AssertionError):
            check_grammar(wrong)
    with pytest.raises(AssertionError):  # the same ID again before its removal
        check_grammar([start, init, add, Call("init_peer", "c2", "p")])
