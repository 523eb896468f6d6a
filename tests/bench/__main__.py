"""The benchmarks, ours and CometBFT's side by side: `python -m tests.bench [--only NAME] [--rounds N] [--json FILE]`.

With --profile DIRECTORY nothing is measured: each work of ours runs once, and every process of it leaves a flame graph.

Each round measures ours, then CometBFT's, so that a machine whose speed drifts does so for both; a row gives medians over
the rounds, and the ratio's least and largest. Nothing here is a test: figures depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.profiles import record
from tests.bench.report import update_table
from tests.bench.works import WORKS, Row, measure

REPORT_WIDTH = 130  # in a file
PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"


def show(rows: list[Row]) -> Table:
    """The rows for a terminal."""
    table = Table(title="peerage and CometBFT on this machine: ratio is ours ÷ the other's")
    for column in ("work", "unit", "peerage", "beside", "it does", "ratio", "min", "max"):
        table.add_column(column)
    for row in rows:
        table.add_row(*row.cells())
    return table


def main() -> int:
    """Run, print a table, write JSON and the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = [work.name for work in WORKS]
    parser.add_argument("--only", action="append", choices=names, help="only this; repeatable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--secs", type=float, default=3.0, help="how long one measurement takes")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--write", action="store_true", help="replace the table in docs/performance.md")
    parser.add_argument(
        "--profile", type=Path, metavar="DIRECTORY", help="record where the time goes instead (py-spy)"
    )
    options = parser.parse_args()
    if options.rounds < 1 or options.secs <= 0:
        parser.error("--rounds and --secs must be positive")
    if options.json and not options.json.parent.is_dir():
        parser.error(f"--json: no such directory: {options.json.parent}")
    works = [work for work in WORKS if not options.only or work.name in options.only]
    if options.profile:
        try:
            for work in works:
                print(*record(work, options.secs, options.profile), sep="\n")
        except OSError as error:
            parser.error(f"--profile: {error}")
        return 0
    rows: list[Row] = []
    for work in works:
        print(f"{work.name}: {work.what}", file=sys.stderr, flush=True)
        rows += measure(work, options.rounds, options.secs)
    Console(width=None if sys.stdout.isatty() else REPORT_WIDTH).print(show(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    if options.write:
        update_table(PERFORMANCE, rows, f"--rounds {options.rounds} --secs {options.secs:g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
