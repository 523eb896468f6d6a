"""`python -m tests.chaos --seed K --secs S`: a node with six peers built from CometBFT, harmed at random for S seconds.

The choices are the seed's alone. Exit code 0: everything held; 1: it did not, and each violation is named; 2: bad flags.
What is done and what must hold: docs/howto/chaos.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.chaos_node import PROBE_TIMEOUT_S
from tests.chaos.storm import Storm


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one storm, print each action and the report. Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the choices (default: 1)")
    parser.add_argument("--secs", type=_positive, default=60.0, help="how long (default: 60)")
    parser.add_argument(
        "--every", type=_positive, default=1.0, help="seconds between two actions, in the mean (default: 1)"
    )
    parser.add_argument(
        "--probe-timeout",
        type=_positive,
        default=PROBE_TIMEOUT_S,
        help="seconds after which the node takes an actor for hung; on a busy machine more (default: 4)",
    )
    parser.add_argument("--home", type=Path, help="keep the node's home and its log here: an empty directory")
    chosen = parser.parse_args(arguments)
    if chosen.home is not None and chosen.home.exists() and any(chosen.home.iterdir()):
        parser.error(f"--home {chosen.home}: an empty directory is expected")
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        home = chosen.home or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        report = Storm(chosen.seed, chosen.secs, chosen.every, home, _say, chosen.probe_timeout).run()
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
