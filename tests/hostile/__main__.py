"""`python -m tests.hostile`: a node of ours among hostile peers, and what became of it.

With --against VERSION the same is done to a switch built from CometBFT, and ours must be as strict.
Exit code 0: everything is as it must be; 1: it is not, and each case is named; 2: bad flags.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.hostile.results import Results, less_strict, put_through
from tests.hostile.suite import GROUPS
from tests.hostile.table import page
from tests.hostile.targets import CometSwitch, OurNode, Target
from tests.hostile.visitor import FLOOD_S

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do all of it, print what is wrong. Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="VERSION",
        help="of CometBFT, like v0.38.26; repeatable",
    )
    parser.add_argument(
        "--flood", type=float, default=FLOOD_S, help=f"seconds of each flood (default: {FLOOD_S:g})"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="the page of all cases")
    chosen = parser.parse_args(arguments)
    targets: list[Target] = [OurNode(), *map(CometSwitch, chosen.against)]
    ours, *theirs = (_put_through(each, chosen.flood) for each in targets)
    if chosen.write is not None:
        chosen.write.write_text(page(GROUPS, ours, theirs))
    wrong = ours.wrong
    wrong += [
        f"less strict, and no reason is given: {each}"
        for each in less_strict(ours, theirs)
        if not each.case.reason
    ]
    for line in wrong:
        _say(f"WRONG: {line}")
    _say(f"{len(ours.findings)} cases: " + (f"{len(wrong)} are wrong" if wrong else "all as they must be"))
    return 1 if wrong else 0


def _put_through(target: Target, flood_s: float) -> Results:
    with target:
        results = put_through(target, GROUPS, flood_s)
    _say(f"{results.name}: {len(results.findings)} cases, {len(results.wrong)} not as with ours")
    for group, service in results.services.items():
        _say(f"  {group}: an honest message took {service.worst * 1000:.0f} ms at most")
    return results


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
