"""peerage peers: who is connected to a running node, and who is to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.rpc.results import net_info
from peerage.commands import peers as module
from peerage.config import Config
from peerage.config.home import Home
from peerage.supervisors.node.node import Node
from tests.actors.rpc.rpc_snapshots import RECORDED_NET_INFO
from tests.face.command_line import run
from tests.nodes import EchoReactor, NodeLog, StartNode, wait_until

ANNA, BERT = "a" * 40, "b" * 40


class FakeNode:
    """Answers in the place of a running node. Attribute: asked, what it was asked."""

    def __init__(self, **answers: Any) -> None:
        lists: dict[str, list[str]] = {"persistent": [], "added": [], "unconditional": [], "private": []}
        self.answers = {
            "net_info": net_info(RECORDED_NET_INFO, hide_private=False),
            "peer_lists": lists,
            "peers": {"peers": []},
            **answers,
        }
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, _home: Home, method: str, **params: Any) -> Any:
        self.asked.append((method, params))
        return self.answers.get(method)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    node = FakeNode()
    monkeypatch.setattr(module, "node_of", node)
    return node


def test_lists_a_table_with_what_the_operator_has_said_of_each(fake: FakeNode, tmp_path: Path) -> None:
    """One line for each peer; the counts are apart, on standard error."""
    peer = fake.answers["net_info"]["peers"][0]
    peer_id = peer["node_info"]["id"]
    fake.answers["peer_lists"] |= {"persistent": [f"{peer_id}@10.0.0.1:1"], "private": [peer_id]}
    peer["node_info"]["moniker"] = "red \x1b[31m"
    result = run("peers", "list", "--home", tmp_path)
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert tuple(head.split()) == module.HEAD
    (row,) = [row for row in rows if row.startswith(peer_id)]
    assert row.split()[1:4] == ["out" if peer["is_outbound"] else "in", "PH", peer["remote_ip"]]
    assert "\x1b" not in result.output
    assert f"{len(rows)} peer" in result.stderr


def test_port_and_round_trip_are_what_the_peers_host_tells(fake: FakeNode, tmp_path: Path) -> None:
    """A peer that has just come has neither yet: its IP address is shown alone, and it is the last by ping."""
    first, *others = (peer["node_info"]["id"] for peer in fake.answers["net_info"]["peers"])
    row = {"id": first, "address": "10.0.0.7:4711", "round_trip": 0.01234}
    fake.answers["peers"] = {"peers": [row]}
    lines = run("peers", "list", "--sort", "ping", "--home", tmp_path).stdout.splitlines()[1:]
    assert lines[0].split()[0] == first
    assert "10.0.0.7:4711" in lines[0]
    assert " 12.3 " in lines[0]
    assert len(lines) == 1 + len(others)


def test_json_goes_to_a_file_on_request(fake: FakeNode, tmp_path: Path) -> None:
    file = tmp_path / "peers.json"
    result = run("peers", "list", "--json", "--output", file, "--sort", "received", "-r", "--home", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    found = json.loads(file.read_text())
    assert len(found) == len(fake.answers["net_info"]["peers"])
    assert {"id", "direction", "persistent", "ip", "moniker", "age_s", "send_rate", "queued"} <= found[
        0
    ].keys()


@pytest.mark.parametrize("way", ["in", "out"])
def test_one_direction_alone(fake: FakeNode, tmp_path: Path, way: str) -> None:
    peers = fake.answers["net_info"]["peers"]
    found = json.loads(run("peers", "list", f"--{way}", "--json", "--home", tmp_path).stdout)
    assert len(found) == sum(peer["is_outbound"] is (way == "out") for peer in peers)


@pytest.mark.parametrize("key", module.SORT_KEYS)
def test_every_order_works(fake: FakeNode, tmp_path: Path, key: str) -> None:
    assert run("peers", "list", "--sort", key, "--home", tmp_path).exit_code == 0
    assert fake.asked


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["add", "nobody"], "no node ID, expected ID@host:port\n"),
        (["add", f"{ANNA}@:1"], "ID@host:port is expected"),
        (["remove", "nobody"], "found 'nobody', allowed: a node ID"),
        (["close", "nobody"], "found 'nobody', allowed: a node ID or an IP address"),
        (["close", "10.0.0.1:x"], "allowed: a node ID or an IP address"),
        (["list", "--output", "/no/such/place"], "no directory"),
        (["list", "--sort", "beauty"], "'beauty' is not one of"),
        (["add"], "Missing argument"),
        (["lsit"], "Did you mean 'list'?"),
    ],
)
def test_mistakes_are_named(fake: FakeNode, tmp_path: Path, arguments: list[str], text: str) -> None:
    """Before the node is asked to do anything; exit code 2."""
    result = run("peers", *arguments, "--home", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr
    assert {method for method, _ in fake.asked} <= {"net_info", "peer_lists", "peers"}


@pytest.mark.parametrize("whom", ["10.0.0.1", "10.0.0.1:7", "::1", "[::1]:7", ANNA])
def test_every_way_to_name_a_connection_is_taken(fake: FakeNode, tmp_path: Path, whom: str) -> None:
    fake.answers["close_peer"] = {"closed": [{"id": ANNA, "address": "10.0.0.1:7", "persistent": False}]}
    result = run("peers", "close", whom, "--home", tmp_path)
    assert result.stdout == f"{ANNA} at 10.0.0.1:7 is disconnected\n"


def test_without_a_node_it_says_so_in_one_line(tmp_path: Path) -> None:
    """Exit code 1, and nothing is made in the home."""
    result = run("peers", "list", "--home", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        result.stderr == f"Error: no node runs in {tmp_path}; `peerage start --home {tmp_path}` starts one\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_running_node_is_steered(start_node: StartNode, node_log: NodeLog, tmp_path: Path) -> None:
    """One that was started by its file: peers come and go, log level and configuration change, addresses are imported."""
    home = tmp_path / "steered"
    assert run("init", "--home", home, "--network", "test").exit_code == 0
    flags = {
        "p2p.laddr": "tcp://127.0.0.1:0",
        "rpc.laddr": "tcp://127.0.0.1:0",
        "p2p.addr_book_strict": "false",
        "p2p.allow_duplicate_ip": "true",
        "peerage.peer_hosts": "1",
        "peerage.private_memory": "false",
    }
    other = start_node()
    with Node(Config.load(home, flags, {}), {"ECHO": EchoReactor}, name="steered/") as node:
        assert "dialling" in ok("peers", "add", "--persistent", other.address, "--home", home)
        wait_until(lambda: [peer.id for peer in node.peers()] == [other.node_id])
        (row,) = json.loads(ok("peers", "list", "--json", "--home", home))
        assert (row["id"], row["direction"], row["persistent"]) == (other.node_id, "out", True)
        assert "will be dialled again" in ok("peers", "close", other.node_id, "--home", home)
        told = ok("peers", "remove", other.node_id, "--close", "--home", home)
        assert told.startswith(f"{other.node_id} is not persistent any more")
        again = run("peers", "remove", other.node_id, "--home", home)
        assert (again.exit_code, again.stdout) == (1, "")
        assert again.stderr == f"Error: not persistent: {other.node_id}\n"

        assert "is banned" in ok("bans", "add", "10.0.0.9", "--home", home)
        assert "any more" in ok("bans", "remove", "10.0.0.9", "--home", home)
        again = run("bans", "remove", "10.0.0.9", "--home", home)
        assert (again.exit_code, again.stderr) == (1, "Error: 10.0.0.9 is not banned\n")

        assert ok("log-level", "--home", home) == "info\n"
        assert ok("log-level", "debug", "--home", home) == "debug\n"
        ok("peers", "add", other.address, "--home", home)
        node_log.wait_for("actor started", level="debug")  # of a peer: each process has heard it
        assert ok("log-level", "info", "--home", home) == "info\n"

        file = home / "config" / "config.toml"
        text = file.read_text()
        file.write_text(
            text.replace("max_num_outbound_peers = 10", "max_num_outbound_peers = 3").replace(
                'genesis_file = "', 'genesis_file = "x/'
            )
        )
        assert ok("reload", "--home", home).splitlines() == [
            "p2p.max_num_outbound_peers: 10 -> 3",
            'genesis_file: stays "config/genesis.json"; "x/config/genesis.json" needs a restart of the node',
        ]
        file.write_text(text.replace("max_num_outbound_peers = 10", "max_num_outbound_peers = -3"))
        wrong = run("reload", "--home", home)
        assert (wrong.exit_code, wrong.stdout) == (2, "")
        assert "p2p.max_num_outbound_peers: found -3" in wrong.stderr
        file.write_text(text)

        book = tmp_path / "addrbook.json"
        entry = {"addr": {"id": ANNA, "ip": "10.0.0.1", "port": 1}, "bucket_type": 1}
        book.write_text(json.dumps({"key": "", "addrs": [entry]}))
        assert ok("addrbook", "import", book, "--home", home).startswith("1 addresses imported, 0 known")
        assert ok("addrbook", "import", book, "--home", home).startswith("0 addresses imported, 1 known")
        assert "1 known already" in ok("addrbook", "merge", book, "--home", home)
        assert ok("addrbook", "add", f"{BERT}@10.0.0.2:1", "--home", home).startswith("1 addresses added")
        cleaned = json.loads(ok("addrbook", "clean", "--in", "10.0.0.2", "--json", "--home", home))
        assert [each["id"] for each in cleaned] == [BERT]
        assert ok("addrbook", "remove", ANNA, "--home", home) == "1 addresses removed\n"
        assert run("addrbook", "remove", ANNA, "--home", home).exit_code == 1
        assert ok("addrbook", "import", book, "--home", home).startswith("1 addresses imported, 0 known")

        found = json.loads(ok("status", "--json", "--home", home))
        assert (found["running"], found["id"], found["peers"]["max_outbound"]) == (True, node.node_id, 3)
        assert [change["setting"] for change in found["pending"]] == ["genesis_file"]
        assert found["addresses"]["size"] >= 1
    assert node_log.faults() == []
    assert len(node_log.records("unban")) == 1  # of the two: the other has changed nothing


def ok(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("words", [(), ("--sort", "moniker"), ("--json",)])
def test_without_a_command_they_are_listed(fake: FakeNode, words: tuple[str, ...], tmp_path: Path) -> None:
    """With the options of the list."""
    same = run("peers", "list", *words, "--home", tmp_path)
    assert run("peers", *words, "--home", tmp_path).output == same.output
    assert same.exit_code == 0
    assert len(fake.asked) == 6


def test_help_is_the_groups_or_the_lists() -> None:
    assert "history" in run("peers", "--help").stdout
    assert "--reverse" in run("peers", "--in", "--help").stdout


def test_a_mistyped_command_is_guessed() -> None:
    result = run("peers", "histroy")
    assert result.exit_code == 2
    assert "Did you mean 'history'?" in result.stderr


def test_programs_are_told_whose_connection_ended(fake: FakeNode, tmp_path: Path) -> None:
    closed = [{"id": ANNA, "address": "10.0.0.1:7", "persistent": False}]
    fake.answers["close_peer"] = {"closed": closed}
    assert json.loads(run("peers", "close", ANNA, "--json", "--home", tmp_path).stdout) == {"closed": closed}
    fake.answers["remove_peers"] = {"removed": [ANNA], "closed": closed}
    result = run("peers", "remove", ANNA, "--close", "--json", "--home", tmp_path)
    assert json.loads(result.stdout) == {"removed": [ANNA], "closed": closed}
