"""peerage crawl: maps a network of CometBFT nodes and ours, and goes on where it was cut short."""

from __future__ import annotations

import csv
import importlib
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import networkx as nx
import pytest

from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.wire.keys import NodeKey
from peerage.wire.net_address import NetAddress
from tests.chaos.started_node import PROGRAM
from tests.face.command_line import run
from tests.interop.conftest import StartGoPeer
from tests.nodes import StartNode, node_system, start_node, system_log_file, wait_until

__all__ = ["node_system", "start_node", "system_log_file"]

pytestmark = pytest.mark.timeout(600)  # the Go peer may have to be built

NOBODY = "0" * 39 + "1"
SEED = f"{'0' * 39}2@127.0.0.1:1"
QUIET = {"pex": True, "max_num_outbound_peers": 0}  # answers, and dials nobody: its book stays as it is
SUMMARY = ["network", "answered", "versions", "edges", "unreachable"]


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def crawl(seed: str, *options: object) -> dict[str, Any]:
    """The map, as JSON."""
    result = run("crawl", "--seeds", seed, "--timeout", "20s", "--json", *options)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def edges_of(found: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(edge["from"], edge["to"], edge["address"]) for edge in found["edges"]}


def edges_to(teller: str, told: list[str]) -> set[tuple[str, str, str]]:
    """The edges on the map when a node's book holds these addresses."""
    return {(teller.partition("@")[0], *address.split("@")) for address in told}  # type: ignore[misc]  # of three


def test_the_map_is_what_the_nodes_books_hold(
    start_node: StartNode, go_peer: StartGoPeer, tmp_path: Path
) -> None:
    """Every edge, of CometBFT nodes and ours, some of them dead, lied about, of another network or silent about others."""
    go = [go_peer(moniker=f"go-{number}", **QUIET) for number in range(5)]
    ours = [start_node(moniker=f"ours-{number}", p2p=QUIET) for number in range(2)]
    elsewhere = go_peer(moniker="elsewhere", network="other", **QUIET)
    without = go_peer(moniker="without", pex=False)
    dead = f"{NOBODY}@127.0.0.1:{closed_port()}"
    lie = f"{'0' * 39}2@{go[3].listen}"
    books = {
        go[0].address: [go[1].address, ours[0].address, dead],
        go[1].address: [go[0].address, go[2].address, lie],
        go[2].address: [ours[1].address, elsewhere.address],
        go[3].address: [without.address, go[0].address],
        ours[0].address: [go[4].address, go[2].address],
        ours[1].address: [go[3].address, dead],
        go[4].address: [],
    }
    for peer in go:
        for address in books[peer.address]:
            peer.call("book_add", address=address)
    for node in ours:
        addresses = [NetAddress.parse(address) for address in books[node.address]]
        BookClient(node.names.addrbook).call(AddrBook.add_all, addresses, addresses[0])

    graphml, table, picture = tmp_path / "net.graphml", tmp_path / "net.csv", tmp_path / "net.svg"
    edges = tmp_path / "edges.csv"
    found = crawl(go[0].address, "--graphml", graphml, "--csv", table, "--edges", edges, "--picture", picture)

    expected = set().union(*(edges_to(teller, told) for teller, told in books.items()))
    assert edges_of(found) == expected
    assert found["networks"] == ["test"]
    nodes = {node["id"]: node for node in found["nodes"]}
    there = [*(peer.id for peer in go), *(node.node_id for node in ours)]
    assert nodes.keys() == {*there, elsewhere.id, without.id, NOBODY, lie.partition("@")[0]}
    for node_id in there:
        node = nodes[node_id]
        assert (node["status"], node["reason"], node["network"]) == ("answered", "", "test")
        assert node["latency_ms"] > 0 < node["handshake_ms"]
    assert (nodes[go[0].id]["moniker"], nodes[go[0].id]["version"]) == ("go-0", go[0].library.lstrip("v"))
    assert nodes[ours[0].node_id]["channels"] == ["0x00", "0x50", "0x51"]
    assert (nodes[go[2].id]["knows"], nodes[go[2].id]["known_by"]) == (2, 2)
    assert nodes[elsewhere.id]["reason"] == "other network: 'other'"
    assert nodes[without.id]["reason"] == "no peer exchange: it has no channel 0x00"
    assert nodes[NOBODY]["reason"] == "Connection refused"
    assert nodes[lie.partition("@")[0]]["reason"] == f"somebody else answers there: {go[3].id}"
    assert [node["id"] for node in found["nodes"] if node["seed"]] == [go[0].id]

    graph = nx.read_graphml(graphml)
    assert {(*edge, data["address"]) for *edge, data in graph.edges(data=True)} == expected
    assert graph.nodes[go[1].id]["moniker"] == "go-1"
    assert graph.nodes[go[1].id]["known_by"] == 1
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["id"] for row in rows] == [node["id"] for node in found["nodes"]]
    assert {tuple(row.values()) for row in csv.DictReader(edges.read_text().splitlines())} == expected
    assert ET.fromstring(picture.read_text()).tag.endswith("svg")
    # nobody has taken the visitor into its book
    for peer in go:
        assert peer.call("book")["size"] == len(books[peer.address])


def test_prints_a_table_and_a_summary(go_peer: StartGoPeer) -> None:
    """The nodes that answered, the best known first; the summary goes to standard error."""
    seed, other = go_peer(moniker="first", **QUIET), go_peer(moniker="second", **QUIET)
    seed.call("book_add", address=other.address)
    seed.call("book_add", address=f"{NOBODY}@127.0.0.1:{closed_port()}")
    result = run("crawl", "--seeds", seed.address)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:3] == ["ADDRESS", "MONIKER", "VERSION"]
    assert [line.split()[:2] for line in lines[1:]] == [[other.address, "second"], [seed.address, "first"]]
    summary = result.stderr.splitlines()
    assert [line.split()[0] for line in summary] == SUMMARY
    assert summary[0].split() == ["network", "test"]
    assert summary[1].startswith("answered     2 nodes in ")
    assert summary[4] == "unreachable  1 node: 1 Connection refused"


def test_a_seed_is_visited_at_the_addresses_of_its_name_until_it_answers(
    go_peer: StartGoPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a node dials it. Nobody is at the first; that is no fault of the seed."""
    peer = go_peer(moniker="gopher", **QUIET)
    module = importlib.import_module("peerage.commands.crawl_run")
    ips = ["127.0.0.2", "127.0.0.1", "127.0.0.3"]
    monkeypatch.setattr(module, "resolved_within", lambda _timeout, _hosts: lambda _host: ips)
    seed = f"{peer.id}@seed.example.org:{peer.listen.rpartition(':')[2]}"
    result = run("crawl", "--seeds", seed, "--timeout", "20s", "--json")
    assert result.exit_code == 0, result.output
    assert "Warning" not in result.stderr
    (node,) = json.loads(result.stdout)["nodes"]
    assert (node["id"], node["moniker"], node["address"]) == (peer.id, "gopher", peer.listen)


def test_any_network_is_asked_on_request(go_peer: StartGoPeer) -> None:
    """Otherwise only the seeds' network is."""
    seed = go_peer(**QUIET)
    abroad = go_peer(network="other", **QUIET)
    beyond = go_peer(network="third", **QUIET)
    seed.call("book_add", address=abroad.address)
    abroad.call("book_add", address=beyond.address)
    assert edges_of(crawl(seed.address)) == edges_to(seed.address, [abroad.address])
    assert edges_of(crawl(seed.address, "--any-network")) == (
        edges_to(seed.address, [abroad.address]) | edges_to(abroad.address, [beyond.address])
    )


def test_uses_the_home_when_told_so(go_peer: StartGoPeer, tmp_path: Path) -> None:
    """Its seeds, its network and, on request, its node key; otherwise every crawl has a new key."""
    seed = go_peer(**QUIET)
    assert run("init", "--home", tmp_path, "--network", "test").exit_code == 0
    config = tmp_path / "config" / "config.toml"
    config.write_text(config.read_text().replace('\nseeds = ""', f'\nseeds = "{seed.address}"'))
    for options in ([], ["--own-key"]):
        result = run("crawl", "--home", tmp_path, *options)
        assert result.exit_code == 0, result.output
    key = NodeKey.from_json((tmp_path / "config" / "node_key.json").read_text())
    dialled = [event["peer"] for event in seed.history("peer_added")]
    assert len(set(dialled)) == 2
    assert dialled[1] == key.node_id


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize(
    ("end", "code"),
    [(signal.SIGINT, 130), (signal.SIGKILL, -9)],
    ids=["Ctrl-C", "killed"],
)
def test_goes_on_where_it_was_cut_short(
    go_peer: StartGoPeer, tmp_path: Path, end: signal.Signals, code: int
) -> None:
    """No node that was asked is dialled again; after Ctrl-C there is a map of what was found so far."""
    seed, other = go_peer(**QUIET), go_peer(**QUIET)
    state, first = tmp_path / "state", tmp_path / "first.json"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for address in (other.address, f"{NOBODY}@127.0.0.1:{silent.getsockname()[1]}"):
            seed.call("book_add", address=address)
        options = [
            "--seeds",
            seed.address,
            "--state",
            str(state),
            "--timeout",
            "60s",
            "--json",
            "--output",
            str(first),
        ]
        command = [sys.executable, "-c", PROGRAM, "crawl", *options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            wait_until(lambda: lines_of(state) == 3, 30.0)  # where it began, and two who answered
            process.send_signal(end)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == code, err
    if end is not signal.SIGKILL:
        assert len(json.loads(first.read_text())["edges"]) == 2
        assert f"waiting      1 addresses: --state {state} goes on" in err
    other_home = tmp_path / "home"  # what its configuration says belongs to another network
    (other_home / "config").mkdir(parents=True)
    (other_home / "config" / "config.toml").write_text(f'[p2p]\nseeds = "{SEED}"\n')
    result = run("crawl", "--state", state, "--json", "--home", other_home)
    assert result.exit_code == 0, result.output
    assert f"{state}: 2 visits are known already" in result.stderr
    nodes = {node["id"]: node["status"] for node in json.loads(result.stdout)["nodes"]}
    assert nodes == {seed.id: "answered", other.id: "answered", NOBODY: "unreachable"}
    for peer in (seed, other):
        assert len(peer.history("peer_added")) == 1


def test_bad_seeds_are_named_and_one_good_one_is_enough(go_peer: StartGoPeer) -> None:
    """Each with its reason."""
    seed = go_peer(**QUIET)
    wrong, dead = f"{NOBODY}@{seed.listen}", f"{'0' * 39}2@127.0.0.1:{closed_port()}"
    unknown = f"{NOBODY}@no.such.invalid:1"
    good = run("crawl", "--seeds", f"{seed.address}, {dead},{unknown}")
    assert good.exit_code == 0
    assert f"Warning: seed {dead}: Connection refused" in good.stderr.splitlines()
    assert f"Warning: seed {unknown}: host 'no.such.invalid' was not found" in good.stderr
    bad = run("crawl", "--seeds", f"{wrong},{dead}")
    assert bad.exit_code == 1
    assert bad.stderr.splitlines() == [
        f"Warning: seed {wrong}: somebody else answers there: {seed.id}",
        f"Warning: seed {dead}: Connection refused",
        "Error: no seed answered",
    ]
    other = run("crawl", "--seeds", seed.address, "--network", "another")
    assert other.exit_code == 1
    assert f"Warning: seed {seed.address}: it is of network 'test'" in other.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "--seeds: none given, and none in the home's configuration"),
        (["--seeds", ","], "--seeds: none given"),
        (["--seeds", "foo"], "--seeds: these seeds are not addresses: foo: 'foo': there is no node ID"),
        (["--seeds", SEED, "--output", "/no/such/dir/x"], "--output: /no/such/dir is no directory"),
        (["--seeds", SEED, "--picture", "x.png"], "--picture: found 'x.png', allowed: a name that ends"),
        (["--seeds", SEED, "--json", "--csv", "-"], "only one file can be standard output"),
        (["--seeds", SEED, "--timeout", "soon"], "--timeout: found 'soon', allowed: a duration above 0"),
        (["--seeds", SEED, "--for", "0s"], "--for: found '0s', allowed: a duration above 0"),
        (["--seeds", SEED, "--rate", "0"], "--rate"),
        (["--seeds", SEED, "--requests", "3"], "--requests"),
        (["--seeds", SEED, "--network", "a", "--any-network"], "exclude each other"),
        (["--seeds", SEED, "--own-key"], "no node key file"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, options: list[str], text: str) -> None:
    """What was found and what is allowed; exit code 2."""
    result = run("crawl", "--home", tmp_path, *options)
    assert result.exit_code == 2
    assert text in result.stderr


def test_a_state_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """It is some other file, or holds a survey of another network."""
    state = tmp_path / "state"
    state.write_text("precious")
    result = run("crawl", "--seeds", SEED, "--state", state)
    assert (result.exit_code, result.stderr) == (
        2,
        f"Error: --state: {state}: it is not the journal of a survey\n",
    )
    assert state.read_text() == "precious"
    state.unlink()
    assert run("crawl", "--seeds", SEED, "--network", "one", "--state", state).exit_code == 1
    result = run("crawl", "--network", "two", "--state", state)
    assert result.exit_code == 2
    assert "holds a survey of one; take another file for another network" in result.stderr
