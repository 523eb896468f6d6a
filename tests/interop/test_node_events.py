"""A node's events and history of peers of the real library: who came, was refused, was banned, went."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from peerage import DialError, Node
from peerage.actors.events.history import Session, read_history
from peerage.actors.runtime import System
from peerage.commands.event_lines import MESSAGE, read_notices
from peerage.commands.running_node import call_node, stream_from_node
from tests.interop.conftest import StartGoPeer
from tests.nodes import EchoReactor, node_config, node_processes, wait_until


@pytest.fixture(scope="module")
def node(node_system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    config = node_config(tmp_path_factory.mktemp("node"), rpc={"laddr": "tcp://127.0.0.1:0"})
    with Node(config, {"ECHO": EchoReactor}) as running:
        yield running


def events(node: Node, peer: str = "", **wanted: object) -> list[Mapping[str, Any]]:
    """What the owner is told now. Args: peer, whom it is about; wanted, of the other keys."""
    with stream_from_node(
        node.config.home, "/events?follow=false" + (f"&peer={peer}" if peer else "")
    ) as lines:
        found = [notice.data for notice in read_notices(lines) if notice.name == MESSAGE]
    return [each for each in found if wanted.items() <= each.items()]


def seen_by_public(node: Node) -> str:
    (address,) = node.rpc_addresses()
    with urllib.request.urlopen(
        f"{address.replace('tcp', 'http')}/events?follow=false", timeout=10
    ) as answer:
        return str(answer.read().decode())


def history(node: Node, peer: str) -> list[Session]:
    return read_history(node.config.home.peer_history, peer=peer, is_running=node.is_running)


def test_who_came_and_went_by_itself(node: Node, go_peer: StartGoPeer) -> None:
    peer = go_peer(moniker="<b>anna</b>")
    peer.dial(node.address)
    (came,) = wait_until(lambda: events(node, peer.id))
    assert (came["kind"], came["direction"], came["moniker"]) == ("connected", "inbound", "<b>anna</b>")
    peer.disconnect(node.node_id)
    (lost,) = wait_until(lambda: events(node, peer.id, kind="lost"))
    assert (lost["reason"], lost["connection"]) == ("closed by remote", came["connection"])
    wait_until(lambda: [each.reason for each in history(node, peer.id)] == ["closed by remote"])
    assert "<b>" not in seen_by_public(node)


def test_who_was_refused(node: Node, go_peer: StartGoPeer) -> None:
    bad = go_peer(mode="raw", network="other")
    with pytest.raises(DialError):
        node.dial(bad.address)
    (refused,) = wait_until(lambda: events(node, bad.id, kind="refused"))
    assert (refused["reason"], refused["direction"]) == ("incompatible", "outbound")
    assert events(node, bad.id)[0]["kind"] == "dialled"
    assert history(node, bad.id) == []


def test_who_was_banned(node: Node, go_peer: StartGoPeer) -> None:
    peer = go_peer()
    node.dial(peer.address)
    call_node(node.config.home, "ban", subject=peer.id, duration="1h", reason="scans us")
    wait_until(lambda: events(node, peer.id, kind="lost"))
    wait_until(lambda: events(node, peer.id, kind="banned"))  # told by the book, in its own time
    kinds = {each["kind"]: each for each in events(node, peer.id)}
    assert kinds["lost"]["reason"] == "banned"
    assert (kinds["banned"]["reason"], kinds["banned"]["detail"]) == ("by order", "scans us")
    call_node(node.config.home, "unban", subject=peer.id)
    wait_until(lambda: events(node, peer.id, kind="unbanned"))
    assert len(events(node, kind="unbanned")) == 1


def test_a_private_peer_is_told_to_the_owner_alone(node: Node, go_peer: StartGoPeer) -> None:
    peer = go_peer()
    node.dial(peer.address)
    wait_until(lambda: peer.id in seen_by_public(node))
    node.add_private_peer_ids([peer.id])
    wait_until(lambda: peer.id not in seen_by_public(node))
    assert events(node, peer.id, kind="connected")


def test_a_restart_of_rpc_forgets_nobody(node: Node, go_peer: StartGoPeer) -> None:
    """Its successor goes on with the history, and tells of the restart."""
    peer = go_peer()
    node.dial(peer.address)
    wait_until(lambda: history(node, peer.id))
    rpc = node.names.of("rpc")
    os.kill(node_processes(node)[rpc], signal.SIGKILL)
    (restarted,) = wait_until(lambda: events(node, part=rpc))
    assert (restarted["kind"], restarted["reason"]) == ("restarted", "killed")
    assert [each.went for each in history(node, peer.id)] == [None]
    node.stop()
    (left,) = history(node, peer.id)
    assert (left.direction, left.reason) == ("outbound", "graceful stop")
