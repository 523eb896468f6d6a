"""Runs the fuzzer over a target, from its corpus and from what earlier sessions have found worth keeping."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.target import Target

__all__ = ["Result", "fuzz", "write_corpus"]

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60  # for one input, by the clock, of a busy machine too; most take a millisecond
_UNITS = re.compile(r"^stat::number_of_executed_units: (\d+)", re.MULTILINE)
_COVERED = re.compile(r"\bcov: (\d+) ft: (\d+) corp: (\d+)/")
_FINDING = re.compile(r"Test unit written to (\S+)")
_TRACEBACK = re.compile(r"=== Uncaught Python exception: ===\n(.*?)(?:\n==\d+== |\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Result:
    """What a session came to.

    Args:
        inputs: how many were checked.
        branches: of the instrumented modules, covered by them.
        kept: inputs, each of which covers something that no other does.
        finding: the file with the input at which something did not hold.
        report: what went wrong there; empty if nothing did.
    """

    inputs: int
    branches: int
    kept: int
    finding: Path | None
    report: str


def write_corpus(target: Target, directory: Path) -> None:
    """A file for each input of the target's corpus."""
    for data in target.corpus():
        (directory / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def fuzz(
    module: str,
    *,
    kept: Path,
    findings: Path,
    seconds: float = 0.0,
    inputs: int = -1,
    seed: int = 0,
) -> Result:
    """One session.

    Args:
        module: whose `TARGET` is fuzzed.
        kept: where inputs that cover more are, and are written.
        findings: where an input is written at which something did not hold.
        seconds: 0 for no limit.
        inputs: how many; -1 for no limit.
        seed: of the random numbers; 0 for another one each time.
    """
    target = importlib.import_module(module).TARGET
    kept.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peerage-fuzz-corpus-") as corpus:
        write_corpus(target, Path(corpus))
        arguments = [
            *(f"-max_total_time={max(1, round(seconds))}" for _ in range(seconds > 0)),
            f"-runs={inputs}",
            f"-seed={seed}",
            f"-timeout={TIMEOUT_S}",
            "-rss_limit_mb=0",  # it counts what the process had that started the session; `session.py` sets a limit
            f"-artifact_prefix={findings / module.rpartition('.')[2]}-",
            "-print_final_stats=1",
            str(kept),
            corpus,
        ]
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.session", module, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    return _result(done.returncode, done.stdout + done.stderr)


def _result(status: int, output: str) -> Result:
    units, covered, finding = _UNITS.search(output), _COVERED.findall(output), _FINDING.search(output)
    branches, _features, kept = map(int, covered[-1]) if covered else (0, 0, 0)
    report = ""
    if status:
        traceback = _TRACEBACK.search(output)
        report = traceback[1] if traceback else output[-3000:]
    return Result(
        int(units[1]) if units else 0, branches, kept, Path(finding[1]) if finding else None, report
    )
