"""peerage conform: a node of ours passes every case, and what is wrong otherwise is told in one line."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import Result

from peerage.conformance import connections
from peerage.conformance.case import When
from peerage.conformance.suite import chosen
from tests.face.command_line import run
from tests.face.conformance.model import Kind, ModelNode
from tests.nodes import StartNode

NOBODY = "0" * 39 + "1"


def mistake(result: Result) -> str:
    """The one line of it."""
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_node_of_ours_passes_every_case(start_node: StartNode, tmp_path: Path) -> None:
    """With its timeout made short, in JSON and in JUnit's XML."""
    node = start_node({}, p2p={"pex": True, "handshake_timeout": 3.0, "max_num_inbound_peers": 100})
    files = {name: tmp_path / name for name in ("report.json", "junit.xml")}
    result = run(
        "conform",
        node.address,
        "--json",
        "--output",
        files["report.json"],
        "--junit",
        files["junit.xml"],
    )
    found = json.loads(files["report.json"].read_text())
    assert [(case["name"], case["detail"]) for case in found["cases"] if case["result"] == "fail"] == []
    assert result.exit_code == 0, result.output
    assert result.output == ""
    assert {case["detail"] for case in found["cases"] if case["result"] == "left out"} == {
        "the node must dial us: --rpc",
        "it waits for a ping and its pong: --slow",
    }
    assert found["passed"] > 250
    root = ET.parse(files["junit.xml"]).getroot()
    assert root.get("tests") == str(len(found["cases"])) == str(len(chosen()))


def test_the_text_is_a_table_and_a_summary() -> None:
    """And the exit code is 0 when all is well."""
    with ModelNode() as node:
        result = run("conform", node.address, "--only", "pings", "--skip", "a ping")
    assert result.exit_code == 0, result.output
    first, head, *cases = result.stdout.splitlines()
    assert first == f"{node.address}: model, model, 0.38.26"
    assert head.split() == ["GROUP", "CASE", "RESULT", "CAME", "SECONDS", "SECTION", "RULE"]
    assert cases[0].split()[:6] == ["pings", "500", "pings", "at", "once", "pass"]
    assert cases[-1].startswith("5 cases: 4 passed, 0 failed, 1 left out, in ")


def test_junit_on_standard_output_stands_there_alone() -> None:
    """So that a reader of XML takes it."""
    with ModelNode() as node:
        result = run("conform", node.address, "--only", "a ping", "--junit", "-")
    assert ET.fromstring(result.stdout).get("tests") == "1"


def test_a_node_that_fails_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """The case, the rule and the right answer are named."""
    monkeypatch.setattr(connections, "CONTEST_S", 0.2)
    with ModelNode() as node:
        result = run("conform", node.address, "--only", "connections: *while it is connected")
    assert result.exit_code == 1
    assert (
        "FAIL connections: a peer's key once more, while it is connected: both connections of one ID are served"
        in result.stdout.splitlines()
    )
    assert result.stderr == f"Error: {node.address}: 1 of 1 cases failed\n"


def test_a_node_that_turns_us_away_is_exit_code_2() -> None:
    """From the start, with the words of `peerage ping`."""
    with ModelNode(Kind.RUDE) as node:
        text = mistake(run("conform", node.address))
    assert text.startswith(f"Error: {node.address}: refused: the node closed the connection right after")


def test_cases_are_listed_without_a_node() -> None:
    """With what a right answer is, and which flags they need."""
    result = run("conform", "--list", "--only", "pings")
    assert result.exit_code == 0
    head, *_cases, slow, _empty, count = result.stdout.splitlines()
    assert head.split() == ["GROUP", "CASE", "RIGHT", "NEEDS", "SECTION", "RULE"]
    assert "--slow" in slow
    assert count == "6 cases"
    listed = json.loads(run("conform", "--list", "--all", "--json").stdout)
    assert len(listed) == len(chosen(widely=True))
    assert {flag for each in listed for flag in each["needs"]} == {"--slow", "--all", "--rpc"} - {
        When.NEVER.value
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "ID@HOST:PORT: found nothing, expected the address of a node, or --list"),
        (("foo",), "there is no node ID, expected ID@host:port"),
        ((f"{NOBODY}@127.0.0.1:1", "--only", "pongs"), "did you mean 'pings'?"),
        ((f"{NOBODY}@127.0.0.1:1", "--skip", "pings", "--only", "pings"), "--only and --skip leave no case"),
        ((f"{NOBODY}@127.0.0.1:1", "--patience", "soon"), "--patience: found 'soon', allowed: a duration"),
        ((f"{NOBODY}@127.0.0.1:1", "--rpc", "nowhere"), "--rpc: found 'nowhere', allowed: a URL"),
        (
            (f"{NOBODY}@127.0.0.1:1", "--source", "nowhere"),
            "--source: found 'nowhere', allowed: an IP of this machine",
        ),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], told: str) -> None:
    """What was given and what is expected; exit code 2."""
    assert told in mistake(run("conform", *arguments))


def test_nobody_there_is_exit_code_2() -> None:
    """Connection refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert mistake(run("conform", f"{NOBODY}@127.0.0.1:{port}")).endswith("unreachable: Connection refused")


def test_an_rpc_that_does_not_dial_is_told() -> None:
    """The cases that need it fail with its words, and none else."""
    with ModelNode() as node, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        listener.close()
        result = run(
            "conform", node.address, "--rpc", f"http://127.0.0.1:{port}", "--only", "dialled: silence"
        )
    assert result.exit_code == 1
    assert "FAIL dialled: silence: it could not be tried: Connection refused" in result.stdout
