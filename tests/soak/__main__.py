"""`python -m tests.soak --hours H`: chaos, hostile peers and honest numbered messages together, for hours.

Exit code 0: everything held; 1: it did not, and each violation is named; 2: bad flags. See docs/howto/chaos.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.chaos_node import ChaosNode
from tests.chaos.storm import Storm
from tests.soak.company import Company

__all__ = ["main"]

HOUR_S = 3600.0
EVERY_S = 45.0  # so that a process lives for more than twenty minutes, as a rule
PROBE_TIMEOUT_S = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one soak, print each action and the report. Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=_positive, default=2.0, help="how long (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="of what is done to the node (default: 1)")
    parser.add_argument(
        "--every",
        type=_positive,
        default=EVERY_S,
        help=f"seconds between two actions, in the mean (default: {EVERY_S:g})",
    )
    parser.add_argument(
        "--home", type=Path, help="keep the node's home, its log and the samples here: an empty directory"
    )
    chosen = parser.parse_args(arguments)
    if chosen.home is not None and chosen.home.exists() and any(chosen.home.iterdir()):
        parser.error(f"--home {chosen.home}: an empty directory is expected")
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        home = chosen.home or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)

        def company(node: ChaosNode) -> Company:
            return Company(node, home / "samples")

        storm = Storm(
            chosen.seed, chosen.hours * HOUR_S, chosen.every, home, _say, PROBE_TIMEOUT_S, company=company
        )
        report = storm.run()
    for line in report.lines():
        _say(line)
    return 1 if report.violations else 0


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text}: a number above 0 is expected")
    return number


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
