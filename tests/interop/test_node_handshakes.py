"""Handshakes that are slow, silent or half gone, and whoever is at the other end of them."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from peerage import DialError, Node
from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeer
from tests.nodes import NodeLog, StartNode, node_processes, wait_until

SLOW = {"delay_key_ms": 1700, "delay_auth_ms": 1700, "delay_info_ms": 1700}  # CometBFT gives up after 3 s
STAGES = ("key", "auth", "info")


@pytest.fixture(scope="module")
def system_log_level() -> str:
    """Each refusal counts here."""
    return "switch:debug,*:info"


def open_sockets(node: Node) -> dict[str, int]:
    """How many descriptors of TCP sockets each peer host has open, in whatever state (mailboxes are unix sockets)."""
    unix = unix_sockets()
    found = {}
    for name, pid in node_processes(node, "peers-").items():
        inodes = set()
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                kind, _, inode = str(fd.readlink()).partition(":")
                inodes |= {inode.strip("[]")} if kind == "socket" else set()
        found[name] = inodes
    unix |= unix_sockets()  # looked at before and after: mailboxes come and go
    return {name: len(inodes - unix) for name, inodes in found.items()}


def unix_sockets() -> set[str]:
    """Inodes of all unix sockets of this machine."""
    return {line.split()[6] for line in Path("/proc/net/unix").read_text().splitlines()}


def connections(node: Node) -> list[str]:
    """The states of the TCP connections that the peer hosts hold on the node's port, listening apart."""
    port = int(node.address.rpartition(":")[2])
    return [
        found.status
        for pid in node_processes(node, "peers-").values()
        for found in psutil.Process(pid).net_connections("tcp")
        if found.laddr and found.laddr[1] == port and found.status != psutil.CONN_LISTEN
    ]


@pytest.mark.slow
def test_handshakes_of_five_seconds_succeed(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """Whoever dials: handshake_timeout is 20 s, and CometBFT's 3 s are not ours. Others connect in the meantime."""
    node = start_node()
    dialled, dialling = (go_peer(mode="raw", handshake_timeout_ms=20_000, **SLOW) for _ in range(2))
    node.dial(dialled.address, wait=False)
    dialling.post("dial", address=node.address)
    quick = go_peer()
    quick.dial(node.address)
    assert not {dialled.id, dialling.id} & {peer.id for peer in node.peers()}
    for slow in (dialled, dialling):
        assert slow.wait_for("peer_added", 20.0)["handshake_secs"] >= 5.0
    wait_until(lambda: {peer.id for peer in node.peers()} == {dialled.id, dialling.id, quick.id})
    for slow in (dialled, dialling):
        slow.send_numbered(node.node_id, 0x50, 0, 1000)
        assert slow.expect(node.node_id, 0x50, 1)


def test_silent_peers_that_dialled_are_closed_on_time(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """With a handshake_timeout of 1 s they are gone after 1 s, whatever they had said before, and leave nothing."""
    node = start_node(p2p={"handshake_timeout": 1.0})
    before = open_sockets(node)
    silent = [go_peer(mode="raw", silent_before=stage) for stage in STAGES]
    for peer in silent:
        peer.post("dial", address=node.address)
    for peer in silent:
        assert peer.wait_for("handshake_ended")["secs"] >= 0.9
    records = wait_until(lambda: (found := node_log.records("peer refused", dialled=None))[2:] and found)
    assert {record["reason"] for record in records} == {"auth failure"}
    missing = ("NodeInfo", "key exchange", "key exchange")  # the last of the stages, the two before it
    assert sorted(record["detail"] for record in records) == [
        f"handshake timeout: no {each} within 1 s" for each in missing
    ]
    wait_until(lambda: open_sockets(node) == before)
    assert node.peers() == []


def test_silent_peers_that_were_dialled_are_given_up_on_time(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """The dial raises after 1 s with an auth failure, and the ID may be dialled again."""
    node = start_node(p2p={"handshake_timeout": 1.0})
    silent = [go_peer(mode="raw", silent_before=stage) for stage in STAGES]

    def dial(peer: GoPeer) -> None:
        began = time.monotonic()
        with pytest.raises(DialError, match="auth failure: handshake timeout"):
            node.dial(peer.address)
        assert time.monotonic() - began >= 0.9

    with ThreadPoolExecutor(len(silent)) as pool:
        for _ in range(2):
            list(pool.map(dial, silent))


def test_peers_that_half_close_at_the_inbound_limit_leave_nothing(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """Half closed in every stage, more of them than the limit, while it is reached: no descriptor, no entry stays."""
    node = start_node(p2p={"max_num_inbound_peers": 3, "handshake_timeout": 20.0})
    before = open_sockets(node)
    holders = [go_peer() for _ in range(3)]
    for holder in holders:
        holder.dial(node.address)
    wait_until(lambda: len(node.peers()) == 3)
    full = sum(open_sockets(node).values())
    rude = [go_peer(mode="raw", half_close_before=stage) for stage in (*STAGES, "packets")]
    for _ in range(5):
        for peer in rude:
            peer.post("dial", address=node.address)
    wait_until(lambda: len(node_log.records("peer refused")) >= 20)
    wait_until(
        lambda: connections(node) == [psutil.CONN_ESTABLISHED] * 3, what="only the holders' connections"
    )
    wait_until(lambda: sum(open_sockets(node).values()) == full)
    for holder in holders:
        holder.disconnect()
    wait_until(lambda: not node.peers())
    # With room again, they get as far as they can before their end is noticed.
    for _ in range(5):
        for peer in rude:
            peer.post("dial", address=node.address)
    wait_until(lambda: len(node_log.records("peer refused")) + len(node_log.records("peer stopped")) >= 43)
    wait_until(lambda: connections(node) == [], what="no connection left")
    wait_until(lambda: open_sockets(node) == before)
    for holder in holders:  # all places are free: the switch's table holds none of them either
        holder.dial(node.address)
    wait_until(lambda: len(node.peers()) == 3)


def test_silent_half_closed_handshakes_do_not_hold_the_limit(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """They hold their places no longer than until their end is seen: a good peer connects at once."""
    node = start_node(p2p={"max_num_inbound_peers": 2})
    rude = go_peer(mode="raw", half_close_before="key", silent_before="key")
    for _ in range(10):
        rude.post("dial", address=node.address)
    for _ in range(10):
        rude.wait_for("handshake_ended")
    good = go_peer()
    good.dial(node.address)
    wait_until(lambda: [peer.id for peer in node.peers()] == [good.id])
