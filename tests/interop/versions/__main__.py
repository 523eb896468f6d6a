"""What nodes of every CometBFT line and ours see of each other: `python -m tests.interop.versions`.

The real nodes are built from their Go modules at first (minutes; into PEERAGE_TEST_CACHE, else the user's cache), then each
scenario runs with each version, two at a time, in a quarter of an hour or less. The exit code is 1 if something that must
hold does not.

    python -m tests.interop.versions --only v0.38.26 --scenario restart
    python -m tests.interop.versions --json seen.json --keep /tmp/homes
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.interop.cometnode import CometNodeError
from tests.interop.gobuild import GoBuildError, GoMissingError, build_cometbft
from tests.interop.versions.scenarios import SCENARIOS
from tests.interop.versions.stage import NotSeenError, Stage, StoppedError

VERSIONS = ("v0.34.24", "v0.37.18", "v0.38.26", "v0.39.4", "v0.40.0", "v1.0.1")


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one scenario with one version."""

    version: str
    scenario: str
    seconds: float
    seen: Sequence[str]
    faults: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults

    def __str__(self) -> str:
        text = "; ".join(self.seen)
        return text if self.holds else f"{'; '.join(self.faults)} (seen: {text or 'nothing'})"


def play(version: str, scenario: str, home: Path, stopping: threading.Event, seed: int) -> Finding:
    """Run one scenario with one version."""
    began = time.monotonic()
    home.mkdir(parents=True)
    with Stage(version, home, stopping, random.Random(f"{seed} {version} {scenario}")) as stage:
        try:
            SCENARIOS[scenario](stage)
        except (NotSeenError, CometNodeError, AssertionError, OSError) as error:
            stage.faults.append(str(error) or type(error).__name__)
            with contextlib.suppress(OSError):
                stage.expect_no_bans()
        return Finding(
            version, scenario, round(time.monotonic() - began, 1), tuple(stage.seen), tuple(stage.faults)
        )


def table_of(findings: Sequence[Finding]) -> Table:
    """Scenarios down, versions across."""
    versions = [version for version in VERSIONS if any(found.version == version for found in findings)]
    table = Table("scenario", *versions)
    for scenario in SCENARIOS:
        row = {found.version: found for found in findings if found.scenario == scenario}
        if row:
            marks = (
                "" if version not in row else "holds" if row[version].holds else "FAILS"
                for version in versions
            )
            table.add_row(scenario, *marks)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, play, print. Returns: the exit code."""
    options = _parser().parse_args(arguments)
    versions, scenarios = options.only or VERSIONS, options.scenario or tuple(SCENARIOS)
    console = Console()
    for version in versions:
        began = time.monotonic()
        try:
            build_cometbft(version)
        except (GoMissingError, GoBuildError) as error:
            print(f"{version}: {error}", file=sys.stderr)
            return 1
        if time.monotonic() - began > 1.0:
            console.print(f"built {version} in {time.monotonic() - began:.0f} s", highlight=False)
    console.print(f"random moments from --seed {options.seed}", highlight=False)
    findings: list[Finding] = []
    stopping = threading.Event()
    with ExitStack() as stack:
        home = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="versions-")))
        pool = stack.enter_context(ThreadPoolExecutor(options.jobs))
        # The long ones first, so that none is left over in the end.
        runs = [(version, scenario) for scenario in reversed(scenarios) for version in versions]
        futures = [
            pool.submit(play, version, scenario, home / version / scenario, stopping, options.seed)
            for version, scenario in runs
        ]
        try:
            for future in as_completed(futures):
                found = future.result()
                findings.append(found)
                mark = "holds" if found.holds else "FAILS"
                line = f"{found.version} {found.scenario} ({found.seconds:.0f} s) {mark}: {found}"
                console.print(line, highlight=False, markup=False, soft_wrap=True)
        except (KeyboardInterrupt, StoppedError):
            stopping.set()
            pool.shutdown(cancel_futures=True)
            return 130
    console.print(table_of(findings))
    if options.json:
        options.json.write_text(json.dumps([asdict(found) for found in findings], indent=2) + "\n")
    failed = sum(not found.holds for found in findings)
    console.print(f"{len(findings) - failed} of {len(findings)} hold", highlight=False)
    return int(failed > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.interop.versions",
        description="Real nodes of every CometBFT line beside nodes of ours.",
    )
    parser.add_argument(
        "--only", action="append", metavar="VERSION", choices=VERSIONS,
        help=f"of {', '.join(VERSIONS)}; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--scenario", action="append", metavar="NAME", choices=tuple(SCENARIOS),
        help=f"of {', '.join(SCENARIOS)}; may be repeated",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2, help="scenarios at a time (default: 2)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="for the random moments")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was seen there")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="leave homes and logs there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
