"""What each host process of a node does first."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

from peerage.actors.runtime import ProcessActor
from peerage.config import Config
from peerage.supervisors.node.host_setup import HostSetup

LIMIT_S = 5.0


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
