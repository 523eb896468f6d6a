"""How the parts of nodes log in a program that sets no logging up, read from its real output."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from peerage.supervisors.node import log as log_module
from peerage.supervisors.node.log import NodeLog
from tests.nodes import node_config

ROOT = Path(__file__).parents[3]


class Output(NamedTuple):
    """Of the program."""

    out: str
    plain: list[str]
    records: list[dict[str, Any]]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """What logging_program.py writes: an actor first, then the nodes anna (errors, plain) and bert (info, JSON)."""
    done = run_program(
        sys.executable, "-m", "tests.supervisors.logging_program", str(tmp_path_factory.mktemp("homes"))
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    records = [json.loads(line) for line in lines if line.startswith("{")]
    return Output(done.stdout, [line for line in lines if not line.startswith("{")], records)


def run_program(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, cwd=ROOT)


def test_nothing_goes_to_standard_output(output: Output) -> None:
    """It is the program's."""
    assert output.out == "done\n"


def test_each_node_has_its_own_level(output: Output) -> None:
    """Of the one that wants errors there is no line below; the other tells everything from info on."""
    assert output.plain
    assert all("[error" in line for line in output.plain)
    events = {record["event"] for record in output.records}
    assert {
        "host started",
        "actor started",
        "node started",
        "peer added",
        "node stopped",
        "host ended",
    } <= events


def test_each_line_of_a_nodes_parts_has_its_name(output: Output) -> None:
    """Those that its hosts write, its supervisor, and the system about its hosts."""
    assert all("node=anna" in line for line in output.plain)
    assert any("host ended" in line for line in output.plain)
    assert {record["node"] for record in output.records} == {"bert"}
    assert {"peerage.runtime", "peerage.supervisors", "peerage.switch", "peerage.node"} <= {
        record["logger"] for record in output.records
    }


def test_lines_of_the_system_belong_to_the_node_that_they_are_about(output: Output) -> None:
    """What the second node's supervisor starts is told at the second node's level, the first one's is not told."""
    started = [record["host"] for record in output.records if record["event"] == "host started"]
    assert started
    assert not any("anna" in record["node"] for record in output.records)


def test_nodes_of_one_moniker_are_told_apart(tmp_path: Path) -> None:
    """By the name that the program gives them, by their homes, by a number; what has ended leaves its name."""
    logs = [NodeLog(node_config(tmp_path / "home", moniker="m"), name) for name in ("", "second", "", "")]
    try:
        assert [each.open() for each in logs] == [
            "m",
            "second",
            str(tmp_path / "home"),
            f"{tmp_path / 'home'} (2)",
        ]
        logs[0].close()
        assert logs[0].open() == "m"
    finally:
        for each in logs:
            each.close()
    assert not logging.getLogger("peerage").handlers


def test_a_supervisor_of_a_program_that_sets_nothing_up_reports_to_standard_error() -> None:
    """Warnings and worse, as the standard library does for any logger without a handler."""
    done = run_program(
        sys.executable,
        "-c",
        "import time\n"
        "from peerage.actors.runtime import THREAD, ProcessActor\n"
        "from peerage.supervisors import ChildSpec, Start, Supervisor, SupervisorRef\n"
        "class Early(ProcessActor): pass\n"
        "top = Supervisor.options(name='top', place=THREAD).start([ChildSpec('early', Start.of(Early))])\n"
        "child = SupervisorRef(top).which_children()[0].ref\n"
        "child.stop()\n"
        "while not SupervisorRef(top).which_children()[0].restarts: time.sleep(0.01)\n"
        "top.stop()\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "child restarted: supervisor=top child=early" in done.stderr
    assert "actor started" not in done.stderr


def test_a_program_that_has_structlog_set_up_gets_the_lines_of_its_own_process() -> None:
    """And nothing is done to its root logger or to structlog."""
    done = run_program(
        sys.executable,
        "-c",
        "import logging, sys, tempfile, structlog\n"
        "from pathlib import Path\n"
        "structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stdout))\n"
        "from tests.supervisors.logging_program import node\n"
        "before = structlog.get_config()\n"
        "with tempfile.TemporaryDirectory() as home, node(Path(home), 'anna', log_level='error'): pass\n"
        "assert structlog.get_config() == before\n"
        "assert logging.getLogger().handlers == []\n",
    )
    assert done.returncode == 0, done.stderr
    assert "node started" in done.stdout
    assert "node=anna" in done.stdout.replace("\x1b[36m", "").replace("\x1b[0m", "").replace("\x1b[35m", "")
    assert "node started" not in done.stderr


def test_a_level_changes_where_the_node_logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In its own handler; in the whole process, if `peerage start` has set that up; never in a log of the program's."""
    told: list[object] = []
    monkeypatch.setattr(log_module, "set_levels", told.append)
    monkeypatch.setattr(log_module, "is_ours", lambda: False)
    log = NodeLog(node_config(tmp_path, moniker="m"), "")
    log.open()
    try:
        log_module.set_level("m", "debug")
        log_module.set_level("other", "debug")
        assert told == []
        monkeypatch.setattr(log_module, "is_ours", lambda: True)
        log_module.set_level("other", "debug")
        assert told == [{"*": logging.DEBUG}]
    finally:
        log.close()
