"""What nodes of every CometBFT line and ours see of each other: `python -m tests.interop.versions`.

The real nodes are built from their Go modules at first (minutes; into PEERAGE_TEST_CACHE, else the user's cache), then each
scenario runs with each version, three at a time, in a quarter of an hour or less. The exit code is 1 if something that must
hold does not.

    python -m tests.interop.versions --only v0.38.26 --scenario restart
    python -m tests.interop.versions --all --json seen.json --keep homes
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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.interop.cometnode import CometNodeError
from tests.interop.gobuild import GoBuildError, GoMissingError, build_cometbft
from tests.interop.versions.findings import Finding, table_of
from tests.interop.versions.scenarios import SCENARIOS
from tests.interop.versions.stage import NotSeenError, Stage
from tests.interop.versions.strangers import MEETINGS, STRANGERS, Stranger

VERSIONS = ("v0.34.24", "v0.37.18", "v0.38.26", "v0.39.4", "v0.40.0", "v1.0.1")
NODES = (*VERSIONS, *STRANGERS)
INTERRUPTED = 130  # as a shell has it


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario with one kind of node."""

    node: str
    version: str
    scenario: str
    play: Callable[[Stage], None]

    def finding(self, home: Path, stopping: threading.Event, seed: int) -> Finding:
        """Do it, in a directory of its own."""
        began = time.monotonic()
        place = home / self.node / self.scenario
        place.mkdir(parents=True)
        rng = random.Random(f"{seed} {self.node} {self.scenario}")
        with Stage(self.version, place, stopping, rng) as stage:
            try:
                self.play(stage)
            except (NotSeenError, CometNodeError, AssertionError, OSError) as error:
                # (The end of a node's log stands behind; --keep leaves all of it.)
                stage.faults.append(str(error).partition("\n")[0] or type(error).__name__)
                with contextlib.suppress(OSError):
                    stage.expect_no_bans()
            seen, faults = tuple(stage.seen), tuple(stage.faults)
        return Finding(self.node, self.scenario, round(time.monotonic() - began, 1), seen, faults)


def runs_of(nodes: Sequence[str], scenarios: Sequence[str]) -> list[Run]:
    """All there is to do; what takes longest comes first, so that it is not left over in the end."""
    known = [node for node in nodes if node not in STRANGERS]
    strangers = [node for node in nodes if node in STRANGERS]
    return [
        *(
            Run(node, node, scenario, SCENARIOS[scenario])
            for scenario in reversed(tuple(SCENARIOS))
            for node in known
            if scenario in scenarios
        ),
        *(
            Run(node, STRANGERS[node].version, name, _meeting(meet, STRANGERS[node]))
            for node in strangers
            for name, meet in MEETINGS.items()
        ),
    ]


def _meeting(meet: Callable[[Stage, Stranger], None], stranger: Stranger) -> Callable[[Stage], None]:
    return lambda stage: meet(stage, stranger)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, play, print. Returns: the exit code."""
    options = parser().parse_args(arguments)
    nodes = NODES if options.all else options.only or VERSIONS
    runs = runs_of(nodes, options.scenario or tuple(SCENARIOS))
    try:
        for version in dict.fromkeys(run.version for run in runs):
            began = time.monotonic()
            build_cometbft(version)
            if time.monotonic() - began > 1.0:
                print(f"built {version} in {time.monotonic() - began:.0f} s", flush=True)
    except (GoMissingError, GoBuildError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"random moments from --seed {options.seed}", flush=True)
    findings: list[Finding] = []
    stopping = threading.Event()
    with ExitStack() as stack:
        home = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="versions-")))
        pool = stack.enter_context(ThreadPoolExecutor(options.jobs))
        futures = [pool.submit(run.finding, home, stopping, options.seed) for run in runs]
        try:
            for future in as_completed(futures):
                findings.append(future.result())
                print(str(findings[-1]), flush=True)
        except KeyboardInterrupt:
            stopping.set()  # every stage ends its processes
            pool.shutdown(cancel_futures=True)
            return INTERRUPTED
    print(table_of(findings, nodes, (*SCENARIOS, *MEETINGS)), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(found) for found in findings], indent=2) + "\n")
    held = sum(found.holds for found in findings)
    print(f"{held} of {len(findings)} hold", flush=True)
    return int(held < len(findings))


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    made = argparse.ArgumentParser(
        prog="python -m tests.interop.versions",
        description="Real nodes of every CometBFT line beside nodes of ours.",
    )
    made.add_argument(
        "--only", action="append", metavar="NODE", choices=NODES,
        help=f"of {', '.join(NODES)}; may be repeated (default: the first {len(VERSIONS)})",
    )  # fmt: skip
    made.add_argument("--all", action="store_true", help="all of these")
    made.add_argument(
        "--scenario", action="append", metavar="NAME", choices=tuple(SCENARIOS),
        help=f"of {', '.join(SCENARIOS)}; may be repeated",
    )  # fmt: skip
    made.add_argument("--jobs", type=int, default=3, help="scenarios at a time (default: 3)")
    made.add_argument("--seed", type=int, default=random.randrange(10**6), help="for the random moments")
    made.add_argument("--json", type=Path, metavar="FILE", help="write what was seen there")
    made.add_argument("--keep", type=Path, metavar="DIRECTORY", help="leave homes and logs there")
    return made


if __name__ == "__main__":
    sys.exit(main())
