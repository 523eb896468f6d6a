"""README.md and docs/howto/reactor.md: their examples run, their commands exist, and none is left out."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from peerage.cli import COMMANDS, main
from tests.chaos.started_node import StartedNode, make_home, processes_of_session
from tests.interop.conftest import StartGoPeer, go_peer, go_version, pytest_runtestloop

__all__ = ["go_peer", "go_version", "pytest_runtestloop"]

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text()
HOWTO = (CHECKOUT / "docs" / "howto" / "reactor.md").read_text()
GREETING_CHANNEL = 0x60


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for name, block in fenced if name == language]


def block_with(text: str, what: str) -> str:
    """The one Python block that holds this."""
    (found,) = [block for block in blocks(text, "python") if what in block]
    return found


def written_commands(text: str) -> list[list[str]]:
    """The peerage commands in blocks without a language, in words."""
    lines = [line for block in blocks(text, "") for line in block.splitlines()]
    commands = [part.strip() for line in lines for part in line.split("&&")]
    return [command.split() for command in commands if command.startswith("peerage ")]


def help_of(*command: str) -> str:
    """What --help prints."""
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0, result.output
    return result.output


def run_script(path: Path, source: str) -> subprocess.Popen[str]:
    """Save an example and run it as a reader would."""
    path.write_text(source)
    return subprocess.Popen(
        [sys.executable, path.name],
        cwd=path.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_echo_example_of_the_readme_runs(tmp_path: Path, go_peer: StartGoPeer) -> None:
    """It prints its address; what a CometBFT peer sends comes back; Ctrl-C ends it and all of its processes."""
    source = block_with(README, "class Echo(Reactor)")
    assert '"/tmp/echo"' in source
    source = source.replace('"/tmp/echo"', repr(str(tmp_path / "home")))
    source = source.replace(
        "p2p={", 'rpc={"laddr": ""}, p2p={'
    )  # its default port may be another node's here
    process = run_script(tmp_path / "echo.py", source)
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        address = next(line for line in lines if re.match(r"[0-9a-f]{40}@127\.0\.0\.1:\d+$", line)).strip()
        peer = go_peer(channels=[{"id": 0x50, "priority": 5}])
        node_id = peer.dial(address)
        peer.send_numbered(node_id, 0x50, 1, 1000)
        assert peer.expect(node_id, 0x50, 1, 10.0)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        assert "KeyboardInterrupt" in err.splitlines(), err
    finally:
        process.kill()
        process.communicate()
    assert processes_of_session(process.pid) == {}


def test_counter_example_of_the_readme_runs(tmp_path: Path) -> None:
    """The runtime alone: it prints what its comment says."""
    source = block_with(README, "class Counter(ProcessActor)")
    process = run_script(tmp_path / "counter.py", source)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "3\n", "")
    assert re.search(r"print\(counter\.ask\(2\)\)  # 3$", source, re.MULTILINE)


def test_reactor_of_the_howto_runs_as_it_says(tmp_path: Path, go_peer: StartGoPeer) -> None:
    """`peerage start --reactor my_package.greeter:Greeter` greets a CometBFT peer and prints what that says."""
    source = block_with(HOWTO, "class Greeter(Reactor)")
    (reactor,) = [command[command.index("--reactor") + 1] for command in written_commands(HOWTO)]
    module = tmp_path / (reactor.partition(":")[0].replace(".", "/") + ".py")
    module.parent.mkdir()
    module.write_text(source)
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


def test_every_command_is_in_the_readme() -> None:
    """Nothing that --help lists is left out."""
    listed = re.findall(r"^  ([a-z-]+) ", help_of().partition("Commands:\n")[2], re.MULTILINE)
    assert listed == list(COMMANDS)
    missing = [
        name for name in listed if not re.search(rf"^\|.*`(peerage )?{name}\b.*\|$", README, re.MULTILINE)
    ]
    assert missing == []
    for subcommand in ("check", "show"):
        assert re.search(rf"^\| `peerage config.*\b{subcommand}`", README, re.MULTILINE)


@pytest.mark.parametrize("command", written_commands(README) + written_commands(HOWTO), ids=" ".join)
def test_commands_that_are_written_exist(command: list[str]) -> None:
    """With all of their flags."""
    text = help_of(command[1])
    assert [flag for flag in command if flag.startswith("--") and flag not in text] == []


def test_the_two_commands_for_new_users_stand_there() -> None:
    """One to try it, one to run all tests."""
    commands = [block.strip() for block in blocks(README, "")]
    assert "pip install . && peerage demo" in commands
    assert "pip install -e '.[test]' && pytest" in commands
