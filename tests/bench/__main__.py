"""The benchmarks, ours and CometBFT's side by side: `python -m tests.bench [--only NAME] [--rounds N] [--json FILE]`.

Each round measures ours, then CometBFT's, so that a machine whose speed drifts does so for both; a row gives medians over
the rounds, and the ratio's least and largest. Nothing here is a test: figures depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.pair import BULK, BULK_QUEUE, SMALL, SMALL_QUEUE, flood
from tests.interop.gopeer import bench


@dataclass(frozen=True, slots=True)
class Work:
    """One thing measured at both ends of the comparison."""

    name: str
    unit: str
    ours: Callable[[float], float]
    peer: Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Row:
    """What came out. `min` and `max` are of the ratio ours ÷ peer over the rounds."""

    name: str
    unit: str
    ours: float
    peer: float
    ratio: float
    min: float
    max: float


def _cometbft(name: str, figure: str, scale: float = 1.0, **flags: Any) -> Callable[[float], float]:
    return lambda secs: float(bench(name, secs=secs, **flags)[figure]) / scale


WORKS = (
    Work(
        "bulk",
        "MB/s, 1 MiB messages, one connection, reactor to reactor",
        lambda secs: flood(BULK, 1 << 20, secs)[0] / 1e6,
        _cometbft("bulk", "bytes_per_sec", 1e6, layer="reactor", queue=BULK_QUEUE),
    ),
    Work(
        "bulk-mconn",
        "MB/s, 1 MiB messages, one connection, ours reactor to reactor, CometBFT's bare MConnection",
        lambda secs: flood(BULK, 1 << 20, secs)[0] / 1e6,
        _cometbft("bulk", "bytes_per_sec", 1e6, layer="mconn", queue=BULK_QUEUE),
    ),
    Work(
        "small",
        "messages/s of 200 bytes, one connection, reactor to reactor",
        lambda secs: flood(SMALL, 200, secs)[1],
        _cometbft("rate", "messages_per_sec", layer="reactor", queue=SMALL_QUEUE),
    ),
)


def measure(work: Work, rounds: int, secs: float) -> Row:
    """Measure one work, interleaved."""
    pairs = [(work.ours(secs), work.peer(secs)) for _ in range(rounds)]
    ratios = [ours / peer for ours, peer in pairs]
    return Row(
        work.name,
        work.unit,
        statistics.median(ours for ours, _ in pairs),
        statistics.median(peer for _, peer in pairs),
        statistics.median(ratios),
        min(ratios),
        max(ratios),
    )


def main() -> None:
    """Run, print a table, write JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=[work.name for work in WORKS], help="only this; repeatable"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--secs", type=float, default=3.0, help="how long one measurement takes")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    options = parser.parse_args()
    works = [work for work in WORKS if not options.only or work.name in options.only]
    rows = [measure(work, options.rounds, options.secs) for work in works]
    table = Table(
        title=f"peerage and CometBFT on this machine ({platform.machine()}, Python {platform.python_version()})"
    )
    for column in ("work", "unit", "peerage", "CometBFT", "ratio", "min", "max"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row.name,
            row.unit,
            f"{row.ours:,.0f}",
            f"{row.peer:,.0f}",
            f"{row.ratio:.2f}",
            f"{row.min:.2f}",
            f"{row.max:.2f}",
        )
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
