"""What each host process of a node does first."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from typing import Any

import pytest

from peerage.actors.runtime import ProcessActor
from peerage.actors.runtime.log import signed
from peerage.config import Config
from peerage.config.node_logging import NODE
from peerage.supervisors.node import host_setup
from peerage.supervisors.node.host_setup import HostSetup, LevelChange, ProgramsSetup, hidden_in

LIMIT_S = 5.0
ANNA = "a" * 40


class Starter(ProcessActor):
    """As a reactor that has a program of its own."""

    def on_receive(self, _message: Any) -> Any:
        with subprocess.Popen(["sleep", "600"]) as program:
            program.terminate()
            try:
                return program.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                program.kill()
                raise


def test_a_host_of_a_node_disregards_sigterm_and_a_program_that_it_starts_dies_of_it() -> None:
    """A program inherits what is ignored."""
    starter = Starter.options(log_setup=HostSetup(Config().log_settings)).start()
    try:
        os.kill(starter.pid(), signal.SIGTERM)
        assert starter.ask("start", timeout=4 * LIMIT_S) == -signal.SIGTERM
    finally:
        starter.stop()


def test_a_configuration_that_is_taken_brings_its_level_and_its_private_peers() -> None:
    """For parts that are started from then on."""
    config = Config(log_level="debug", p2p={"private_peer_ids": (ANNA,), "seeds": f"{ANNA}@10.0.0.1:1"})
    setup = HostSetup(Config().log_settings, "anna", hidden=hidden_in(Config())).taking(config)
    assert setup.settings.level == "debug"
    assert setup.hidden is not None
    assert (setup.hidden.ids, setup.hidden.addresses) == ((ANNA,), (f"{ANNA}@10.0.0.1:1",))


def test_a_setup_that_the_program_has_chosen_is_run_with_private_peers_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In lines with the node's name, and in those without."""
    told: list[object] = []
    monkeypatch.setattr(host_setup, "hide_peers", lambda *hidden: told.append(hidden[0]))
    ProgramsSetup(lambda: told.append("chosen"), "anna", hidden_in(Config()))()
    assert sorted(map(str, told)) == ["", "anna", "chosen"]


@pytest.mark.parametrize(
    ("host", "node", "is_meant"),
    [("switch", "", True), ("peer 1", "anna", True), ("peer 1", "bert", False), ("peer 1", "", False)],
)
def test_a_level_is_changed_in_the_hosts_of_one_node(
    monkeypatch: pytest.MonkeyPatch, host: str, node: str, *, is_meant: bool
) -> None:
    """Those of its parts, and whatever else logs under its name."""
    told: list[object] = []
    monkeypatch.setattr(host_setup, "set_levels", told.append)
    monkeypatch.setattr(host_setup, "current_process", lambda: None)
    setup = HostSetup(Config().log_settings, "anna").at_level("debug")
    assert setup.settings.level == "debug"
    with signed({NODE: node} if node else {}):
        LevelChange("debug", frozenset({"switch"}), setup)(host)
    assert told == [{"*": logging.DEBUG}] * is_meant
