"""peerage bans: who is kept out, until when and why."""

from __future__ import annotations

import json
import random
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.opening import open_book
from peerage.config.home import Home
from peerage.supervisors.node.node import DialError, Node
from tests.actors.discovery.nodes import address, node_id
from tests.face.command_line import run
from tests.face.commands.test_addrbook import book_of
from tests.nodes import NodeLog, StartNode, wait_until


def listed(home: Path, *options: str) -> list[dict[str, Any]]:
    """All bans as JSON."""
    bans: list[dict[str, Any]] = json.loads(run("bans", "list", "--home", home, "--json", *options).stdout)
    return bans


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (node_id(7), node_id(7)),
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9/24", "203.0.113.0/24"),
        ("2600:1::/32", "2600:1::/32"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        (node_id(0xABCDEF).upper(), node_id(0xABCDEF)),
    ],
)
def test_bans_are_kept_and_listed_and_removed(tmp_path: Path, subject: str, shown: str) -> None:
    """An ID, IP or network, with reason and end, is banned for the next process as well, until it is removed."""
    result = run("bans", "add", subject, "--home", tmp_path, "--for", "1h30m", "--reason", "scans us")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{shown} is banned until 20")
    (ban,) = listed(tmp_path)
    assert (ban["subject"], ban["reason"], ban["active"]) == (shown, "scans us", True)
    assert run("bans", "remove", subject, "--home", tmp_path).exit_code == 0
    assert listed(tmp_path) == []


def test_lists_a_table(tmp_path: Path) -> None:
    """Who, until when, how often and why; the ban that ends first comes first."""
    run("bans", "add", "203.0.113.9", "--home", tmp_path)
    run("bans", "add", node_id(7), "--home", tmp_path, "--for", "1m", "--reason", "two\nlines")
    lines = run("bans", "list", "--home", tmp_path).stdout.splitlines()
    assert lines[0].split() == ["WHO", "UNTIL", "TIMES", "SCORE", "REASON"]
    assert lines[1].split()[0] == node_id(7)
    assert lines[1].endswith("1      0      two lines")
    assert lines[2].endswith("by the operator")


def test_a_banned_id_leaves_the_book_and_comes_back(tmp_path: Path) -> None:
    """Its history is kept with the ban."""
    with book_of(tmp_path) as book:
        book.add(address(7), address(7))
    run("bans", "add", node_id(7), "--home", tmp_path)
    assert json.loads(run("addrbook", "list", "--json", "--home", tmp_path).stdout) == []
    run("bans", "remove", node_id(7), "--home", tmp_path)
    assert json.loads(run("addrbook", "list", "--json", "--home", tmp_path).stdout)[0]["id"] == node_id(7)


def test_bans_that_are_over_are_shown_on_request(tmp_path: Path) -> None:
    """They keep nobody out any more and are not active."""
    run("bans", "add", "203.0.113.9", "--home", tmp_path, "--for", "1ns")
    time.sleep(0.001)
    assert listed(tmp_path) == []
    assert [ban["active"] for ban in listed(tmp_path, "--all")] == [False]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["add", "nobody"], 2, "'nobody' is neither a node ID"),
        (["remove", "10.0.0.0/99"], 2, "is neither a node ID"),
        (["add", "10.0.0.1", "--for", "1 day"], 2, "--for: found '1 day', allowed: a duration above 0"),
        (["add", "10.0.0.1", "--for", "-1s"], 2, "--for: found '-1s'"),
        (["add", "10.0.0.1", "--for", "9999999h"], 2, "above 0 and up to 292 years"),
        (["add", "fe80::1%eth0"], 2, "is neither a node ID"),
        (["add", "10.0.0.1", "--reason", "x" * 201], 2, "--reason: found 201 characters"),
        (["remove", "10.0.0.1"], 1, "10.0.0.1 is not banned"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, arguments: list[str], code: int, text: str) -> None:
    """What was found and what is allowed."""
    result = run("bans", *arguments, "--home", tmp_path)
    assert result.exit_code == code
    assert text in result.stderr


def test_lists_what_counts_against_whom(tmp_path: Path) -> None:
    """The most first; removing a ban forgets it, and a subject without a ban can be forgiven too."""
    opened = open_book(Home(tmp_path).addrbook_store, clock=time.time, rng=random.Random(1))
    for _ in range(2):
        opened.book.misbehaviour.charge(Offence.PACKET_FLOOD, node_id(7), ip_address("203.0.114.9"))
    opened.store.apply(opened.book.drain())
    opened.store.close()
    lines = run("bans", "scores", "--home", tmp_path).stdout.splitlines()
    assert lines[0].split() == ["WHO", "SCORE", "OFFENCES", "LAST", "OFFENCE"]
    assert [line.split()[0] for line in lines[1:]] == [
        node_id(7), "203.0.114.9", "203.0.114.0/24", "203.0.0.0/16"
    ]  # fmt: skip
    (ban,) = listed(tmp_path)
    assert (ban["reason"], round(ban["score"])) == ("flood of packets", 120)
    for subject in (node_id(7), "203.0.114.9"):
        assert run("bans", "remove", subject, "--home", tmp_path).exit_code == 0
    scores = json.loads(run("bans", "scores", "--json", "--home", tmp_path).stdout)
    assert [(each["subject"], each["offences"], each["last_offence"]) for each in scores] == [
        ("203.0.114.0/24", 2, "flood of packets"),
        ("203.0.0.0/16", 2, "flood of packets"),
    ]


def test_a_running_node_is_told_and_connections_of_the_banned_end(
    start_node: StartNode, node_log: NodeLog
) -> None:
    """At once, and nobody of that ID comes in until it is forgiven. What it cannot do it says."""
    rpc = {"laddr": "tcp://127.0.0.1:0"}
    node, other = start_node(rpc=rpc, p2p={"pex": True}), start_node()
    home = node.config.home
    other.dial(node.address)
    wait_until(lambda: [peer.id for peer in node.peers()] == [other.node_id])
    result = run("bans", "add", other.node_id, "--home", home, "--for", "1h", "--reason", "scans us")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert result.stdout.startswith(f"{other.node_id} is banned until 20")
    wait_until(lambda: not node.peers())
    assert node_log.wait_for("peer stopped", peer=other.node_id)["reason"].endswith("scans us")
    with pytest.raises(DialError):
        other.dial(node.address)
    (ban,) = listed(home.path)
    assert (ban["subject"], ban["reason"]) == (other.node_id, "scans us")
    assert run("bans", "remove", other.node_id, "--home", home).exit_code == 0
    assert wait_until(lambda: dialled(other, node))
    again = run("bans", "remove", other.node_id, "--home", home)
    assert (again.exit_code, again.stderr) == (1, f"Error: {other.node_id} is not banned\n")
    node.stop()
    assert not home.node_socket.exists()


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("0.0.0.0/0", "0.0.0.0/0 would ban everybody with an IPv4 address"),
        ("::/0", "::/0 would ban everybody with an IPv6 address"),
        ("::ffff:0.0.0.0/96", "0.0.0.0/0 would ban everybody with an IPv4 address"),
        (
            "203.0.113.0/24",
            f"203.0.113.0/24 would ban the persistent or unconditional peer {node_id(7)}@203.0.113.9:1",
        ),
        (node_id(8), f"{node_id(8)} would ban the persistent or unconditional peer {node_id(8)}"),
    ],
)
def test_a_ban_that_can_hardly_be_meant_is_made_with_force_alone(
    tmp_path: Path, subject: str, told: str
) -> None:
    """It would cut the node off from everybody, or from those that its configuration wants to keep."""
    run("init", "--home", tmp_path, "--network", "test")
    run("config", "set", "p2p.persistent_peers", f"{node_id(7)}@203.0.113.9:1", "--home", tmp_path)
    run("config", "set", "p2p.unconditional_peer_ids", node_id(8), "--home", tmp_path)
    result = run("bans", "add", subject, "--home", tmp_path)
    assert (result.exit_code, result.stderr) == (2, f"Error: {told}; --force does it all the same\n")
    assert listed(tmp_path) == []
    assert run("bans", "add", subject, "--force", "--home", tmp_path).exit_code == 0
    assert len(listed(tmp_path)) == 1


def test_a_running_node_knows_whom_it_keeps(start_node: StartNode) -> None:
    """Also those that were added later, and where those are whose address is a name."""
    node, other = start_node(rpc={"laddr": "tcp://127.0.0.1:0"}), start_node()
    port = other.address.rpartition(":")[2]
    node.dial(f"{other.node_id}@localhost:{port}", persistent=True)
    result = run("bans", "add", "127.0.0.0/8", "--home", node.config.home)
    assert result.exit_code == 2
    assert f"{other.node_id}@127.0.0.1:{port}" in result.stderr
    assert [peer.id for peer in node.peers()] == [other.node_id]


def dialled(other: Node, node: Node) -> bool:
    try:
        return other.dial(node.address) is not None
    except DialError:  # the peer hosts hear a moment later
        return False


def test_programs_are_told_when_a_ban_ends(tmp_path: Path) -> None:
    """The later of two ends."""
    run("bans", "add", "203.0.113.9", "--for", "7d", "--home", tmp_path)
    result = run("bans", "add", "203.0.113.9", "--for", "1h", "--json", "--home", tmp_path)
    (ban,) = listed(tmp_path)
    assert json.loads(result.stdout) == {"subject": "203.0.113.9", "until": ban["until"]}
