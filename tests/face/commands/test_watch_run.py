"""A watch is checked before it begins; tests/interop/test_watch.py watches a network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil
import pytest
from pyarrow import parquet

from tests.face.command_line import run

PATIENCE_S = 30.0
NOBODY = f"{'00' * 20}@127.0.0.1:1"


@pytest.fixture(autouse=True)
def _logging_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command sets it up for its process, which is that of the other tests here."""
    monkeypatch.setattr("peerage.commands.watch_run.set_up_logging", lambda _settings: None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--network: none given"),
        (("--network", "test", "--peers", "nonsense"), "nonsense"),
        (("--network", "test", "--peers", NOBODY, "--laddr", "here"), "here"),
        (("--network", "test", "--peers", NOBODY, "--output", "no/such/file"), "--output"),
        (("--network", "test", "--peers", NOBODY, "--own-key"), "node_key.json"),
    ],
)
def test_mistakes_end_it_before_anybody_is_dialled(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """With one line."""
    result = run("watch", "--home", tmp_path, "--for", "1s", *arguments)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    """A command is deaf to them at its end, for its process ends with it; ours does not."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.slow
@pytest.mark.usefixtures("signals_as_before")
def test_it_ends_well_after_its_time_and_leaves_nothing(tmp_path: Path) -> None:
    """With nobody to dial, too: it says so, and where it listens."""
    output = tmp_path / "seen.jsonl"
    result = run("watch", "--network", "test", "--peers", "", "--for", "100ms", "--output", output)
    assert result.exit_code == 0, result.output
    assert "nobody to dial is given" in result.stderr
    assert " listens\n" in result.stderr
    assert output.read_text() == ""


@contextmanager
def watching(*arguments: str, **options: Any) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A running watch of nobody, that listens. Gives: it and what it says further; at the end it is killed."""
    command = [sys.executable, "-m", "peerage", "watch", "--network", "test", "--peers", "", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options
    ) as process:
        killer = threading.Timer(PATIENCE_S, process.kill)
        killer.start()
        try:
            assert process.stderr is not None
            while " listens" not in process.stderr.readline():
                assert process.poll() is None
            yield process, process.stderr
        finally:
            killer.cancel()
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_it_well(tmp_path: Path, number: signal.Signals) -> None:
    """Its file is whole; no process and no directory of it is left. (SIGTERM: tests/interop/test_watch.py.)"""
    output = tmp_path / "seen.parquet"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with watching("--output", str(output), env=environment, start_new_session=True) as (process, says):
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        assert says.read() == ""
        assert process.wait(PATIENCE_S) == 0
    assert parquet.read_table(output).num_rows == 0
    assert psutil.wait_procs(children, PATIENCE_S)[1] == []
    assert list(tmp_path.glob("peerage-watch-*")) == []


@pytest.mark.slow
def test_whoever_stops_reading_ends_it() -> None:
    """Though there is nothing to be written."""
    with watching("--json", stdout=subprocess.PIPE) as (process, says):
        assert process.stdout is not None
        process.stdout.close()
        assert says.read() == ""
        assert process.wait(PATIENCE_S) == 1
