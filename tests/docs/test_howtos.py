"""docs/howto: every block is run as a reader would, in a fresh folder."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.chaos.started_node import StartedNode, make_home
from tests.docs.pages import CHECKOUT, Block, claim, run, run_program
from tests.face.command_line import run as run_in_process
from tests.face.commands.mmdb_files import ASN, write_mmdb
from tests.face.conformance.model import ModelNode
from tests.interop import __main__ as interop
from tests.interop import balancers, crawled_network, rust_handshakes
from tests.interop.clients import __main__ as clients
from tests.interop.conftest import StartGoPeer, comet_node, go_peer, go_version, pytest_runtestloop
from tests.interop.gobuild import DEFAULT_VERSION, VERSIONS
from tests.interop.versions import __main__ as versions

__all__ = ["comet_node", "go_peer", "go_version", "pytest_runtestloop"]

GREETING_CHANNEL = 0x60
IN_CHECKOUT = {"HOME": str(Path.home())}  # where what was built for tests is kept

# --- conform.md ------------------------------------------------------------------------------------------------------

CONFORM = claim("docs/howto/conform.md", "peerage conform --list")


def test_the_examinations_of_the_page_take_what_it_gives_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a node in this process, with few cases: all of them are done elsewhere."""
    monkeypatch.chdir(tmp_path)
    with ModelNode() as node:
        for line in CONFORM.text.replace("ID@127.0.0.1:26656", node.address).splitlines():
            few = [] if "--list" in line or "--only" in line else ["--only", "pings"]
            result = run_in_process(*shlex.split(line)[1:], *few)
            assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "conform.json").read_text())["failed"] == 0
    assert ET.parse(tmp_path / "conform.xml").getroot().get("failures") == "0"


# --- reactor.md ------------------------------------------------------------------------------------------------------

GREETER = claim("docs/howto/reactor.md", "class Greeter(Reactor)")
START_GREETER = claim("docs/howto/reactor.md", "peerage start")


def test_reactor_of_the_page_runs_as_it_says(tmp_path: Path, go_peer: StartGoPeer) -> None:
    """`peerage start --reactor my_package.greeter:Greeter` greets a CometBFT peer and prints what that says."""
    (command,) = START_GREETER.commands
    reactor = command[command.index("--reactor") + 1]
    module = tmp_path / (reactor.partition(":")[0].replace(".", "/") + ".py")
    module.parent.mkdir()
    module.write_text(GREETER.text)
    make_home(tmp_path / "home")
    with StartedNode(tmp_path / "home", cwd=tmp_path, reactor=reactor) as node:
        peer = go_peer(channels=[{"id": GREETING_CHANNEL, "priority": 3}], report_messages=True)
        peer.dial(node.address)
        assert peer.wait_for("message").data == b"hello"
        peer.send(node.node_id, GREETING_CHANNEL, b"hi there")
        peer.disconnect(flush=True)
        peer.wait_for("peer_removed")
        assert node.stop()[0] == 0
        printed = node.printed()
    assert f"{peer.id} b'hi there'\n{peer.id} left: " in printed


# --- supervise.md ----------------------------------------------------------------------------------------------------

RESTARTED = claim("docs/howto/supervise.md", "class Echo(ProcessActor)")
TEMPLATE = claim("docs/howto/supervise.md", "template = ChildSpec")


def test_the_killed_child_of_the_page_is_restarted_and_answers(tmp_path: Path) -> None:
    """By the same ref; the restart is logged once."""
    printed = run_program(tmp_path, "example.py", RESTARTED)
    assert "the same ref reaches the new process" in printed
    assert printed.count("child restarted") == 1


def test_a_child_made_from_the_template_of_the_page_has_both_arguments(tmp_path: Path) -> None:
    """The template's and its own."""
    assert "('shared argument', 'own argument')\n" in run_program(tmp_path, "example.py", TEMPLATE)


# --- test-a-reactor.md -----------------------------------------------------------------------------------------------

TESTS = [
    claim("docs/howto/test-a-reactor.md", "class Counting(Reactor)"),
    claim("docs/howto/test-a-reactor.md", "class Quiet(Reactor)"),
    claim("docs/howto/test-a-reactor.md", "class Patient(Reactor)"),
    claim("docs/howto/test-a-reactor.md", "class Gossip(Reactor)"),
    claim("docs/howto/test-a-reactor.md", "class Echo(Reactor)"),
    claim("docs/howto/test-a-reactor.md", "class Mirror(Reactor)"),
    claim("docs/howto/test-a-reactor.md", "class Forwarder(ProcessActor)"),
    claim("docs/howto/simulate.md", "from peerage.testing import SimNet"),
]


@pytest.mark.parametrize("block", TESTS, ids=lambda block: f"{block.page}:{block.line}")
def test_a_readers_tests_pass_under_pytest(tmp_path: Path, block: Block) -> None:
    """Each block is a module of tests."""
    (tmp_path / "test_block.py").write_text(block.text)
    expected = block.text.count("def test_")
    assert f"{expected} passed" in run(tmp_path, "pytest -q -p no:cacheprovider")


# --- crawl.md --------------------------------------------------------------------------------------------------------

CRAWL = claim("docs/howto/crawl.md", "--state net.state")
CRAWL_WHERE = claim("docs/howto/crawl.md", "--mmdb")
CRAWLED_NETWORK = claim("docs/howto/crawl.md", "tests.interop.crawled_network")


def test_the_crawl_of_the_page_maps_a_network(tmp_path: Path, go_peer: StartGoPeer) -> None:
    """With a seed that exists; all files are there, and the same command goes on from its state."""
    seed = go_peer(pex=True, moniker="seed")
    command = CRAWL.text.replace("ID@seed.example.org:26656", seed.address)
    run(tmp_path, command)
    assert [node["moniker"] for node in json.loads((tmp_path / "net.json").read_text())["nodes"]] == ["seed"]
    assert (tmp_path / "net.svg").read_text().startswith("<")
    assert (tmp_path / "net.state").exists()
    write_mmdb(tmp_path / "GeoLite2-City.mmdb", {"127.0.0.0/8": {"country": {"iso_code": "SE"}}})
    write_mmdb(tmp_path / "GeoLite2-ASN.mmdb", ASN)
    run(tmp_path, CRAWL_WHERE.text.replace("ID@seed.example.org:26656", seed.address))
    (row,) = csv.DictReader((tmp_path / "net.csv").read_text().splitlines())
    assert (row["moniker"], row["country"], row["asn"]) == ("seed", "SE", "")
    assert "<td>SE</td>" in (tmp_path / "net.html").read_text()


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("go_peer")  # builds it
def test_the_network_of_the_page_is_mapped_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Smaller: 3 CometBFT peers and 2 nodes of ours instead of 24 and 6."""
    arguments = CRAWLED_NETWORK.text.replace("--go 24 --ours 6", "--go 3 --ours 2").split()[3:]
    monkeypatch.chdir(tmp_path)
    code = crawled_network.main(arguments)
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "nodes: 5 of 5 found, 0 others" in printed
    assert any((tmp_path / "map").iterdir())


# --- interop.md ------------------------------------------------------------------------------------------------------

RUN_THEM = claim("docs/howto/interop.md", "pytest tests/interop")
BUILD_THEM = claim("docs/howto/interop.md", "--build-cometbft")
WRITE_ONE = claim("docs/howto/interop.md", "def test_large_message_comes_back")
LOOK = claim("docs/howto/interop.md", "tests.interop.versions")
MEASURE = claim("docs/howto/interop.md", "bench bulk")


def test_the_interop_tests_are_run_for_each_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """This suite runs `pytest tests/interop` itself; the module does that once for each version."""
    plain, module, one_version = RUN_THEM.commands
    assert (plain, one_version[1:]) == (["pytest", "tests/interop"],) * 2
    assert one_version[0].partition("=")[2] in VERSIONS
    started: list[tuple[list[str], str]] = []

    def record(command: list[str], *, env: dict[str, str], check: bool) -> subprocess.CompletedProcess[str]:
        started.append((command[3:], env["PEERAGE_TEST_COMETBFT"]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", record)
    monkeypatch.setattr("sys.argv", module[2:])
    assert interop.main() == 0
    assert started == [([str(CHECKOUT / "tests" / "interop")], version) for version in VERSIONS]
    assert capsys.readouterr().out.count(": passed") == len(VERSIONS)


def test_commands_that_look_at_others_take_what_the_page_gives_them() -> None:
    """They run for a quarter of an hour and need what a registry has: here it is their arguments that are read."""
    for python, m, module, *arguments in LOOK.commands:
        assert (python, m) == ("python", "-m")
        parse = {
            "tests.interop.balancers": balancers.parser,
            "tests.interop.versions": versions.parser,
            "tests.interop.rust_handshakes": rust_handshakes.parser,
            "tests.interop.clients": clients.parser,
        }[module]
        parse().parse_args(arguments)


@pytest.mark.interop
@pytest.mark.usefixtures("comet_node", "go_peer")  # build them
def test_the_peers_are_built_and_measured_as_the_page_says() -> None:
    """With the version that is built anyway, and for a tenth of the time."""
    built = run(CHECKOUT, BUILD_THEM.text.replace("v1.0.1", DEFAULT_VERSION), environment=IN_CHECKOUT)
    assert all(Path(line).is_file() for line in built.splitlines())
    measured = run(CHECKOUT, MEASURE.text.replace("--secs 3", "--secs 0.3"), environment=IN_CHECKOUT)
    assert json.loads(measured)["messages_per_sec"] > 0


@pytest.mark.interop
@pytest.mark.usefixtures("go_peer")  # builds it
def test_the_interop_test_of_the_page_passes(tmp_path: Path) -> None:
    """Saved among the others."""
    shutil.copytree(CHECKOUT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    (tmp_path / "tests" / "interop" / "test_mine.py").write_text(WRITE_ONE.text)
    printed = run(tmp_path, "python -m pytest -q tests/interop/test_mine.py", environment=IN_CHECKOUT)
    assert "1 passed" in printed
