"""peerage stack."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from peerage import ChannelDescriptor, Envelope, Reactor
from peerage.testing import EvilPeer
from tests.chaos.started_node import StartedNode, make_home
from tests.face.command_line import run
from tests.nodes import wait_until

CHANNEL = 0x60


class Sleeper(Reactor):
    """Is busy with the first message for longer than any test."""

    channels = (ChannelDescriptor(id=CHANNEL, send_queue_capacity=10),)

    def receive(self, envelope: Envelope) -> None:
        self._sleep()

    def _sleep(self) -> None:
        time.sleep(1000.0)


def test_an_actor_that_hangs_is_seen_in_its_process(tmp_path: Path) -> None:
    """With its message's age and its place in the code, of a node as it runs; the others are idle."""
    make_home(tmp_path)
    reactor = "tests.face.commands.test_stack:Sleeper"
    with (
        StartedNode(tmp_path, cwd=Path(__file__).parents[3], reactor=reactor) as node,
        EvilPeer(node.address) as peer,
    ):
        peer.send(CHANNEL, b"hello")

        def found() -> list[dict[str, object]]:
            """The actor, once it sleeps."""
            processes = json.loads(run("stack", "--json", "--home", tmp_path).stdout)
            return [
                actor
                for each in processes
                for actor in each["actors"] or ()
                if "Sleeper" in actor["class_path"] and actor["stack"][-1].endswith(" Sleeper._sleep")
            ]

        (actor,) = wait_until(found)
        assert actor["state"] == "running"
        assert actor["message"] == "Frames"
        text = run("stack", "--home", tmp_path)
        assert text.exit_code == 0
        assert "tests.face.commands.test_stack:Sleeper  running; Frames, " in text.stdout
        assert "\nidle: " in text.stdout
        threads = run("stack", "--threads", "--home", tmp_path).stdout
        assert "Current thread" in threads


def test_no_node_runs_there(tmp_path: Path) -> None:
    """One line, exit code 1."""
    make_home(tmp_path)
    result = run("stack", "--home", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert "no node runs in this home" in result.stderr


def test_a_file_that_cannot_be(tmp_path: Path) -> None:
    result = run("stack", "--home", tmp_path, "--output", tmp_path / "none" / "stack.txt")
    assert result.exit_code == 2


@pytest.mark.parametrize("arguments", [("--thread",), ("x",)])
def test_wrong_arguments(arguments: tuple[str, ...]) -> None:
    assert run("stack", *arguments).exit_code == 2
