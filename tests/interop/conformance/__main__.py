"""What `peerage conform` finds at a node of ours and at CometBFT's of several lines: `python -m tests.interop.conformance`.

CometBFT's nodes are built first, which takes minutes each the first time.
Exit code 0: ours passes every case, and CometBFT's fail those that are known; 1: not so, and each is named; 2: bad flags.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.interop.conformance.nodes import OURS, VERSIONS, conform, failed, running
from tests.interop.conformance.page import page
from tests.interop.gobuild import build_cometbft

__all__ = ["KNOWN", "main"]

# What CometBFT is known to fail, in every line (docs/reference/conformance.md).
KNOWN = ("keys: a key of 31 bytes", "keys: a key of 33 bytes", "keys: a key of 64 bytes")
AT_ONCE = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine all, print what is not as known. Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.conformance", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=VERSIONS,
        help=f"of CometBFT, repeatable (default: {', '.join(VERSIONS)})",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="the page of all cases")
    chosen = parser.parse_args(arguments)
    names = (OURS, *(chosen.only or VERSIONS))
    for name in names[1:]:
        build_cometbft(name)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reports = dict(zip(names, pool.map(_report, names), strict=True))
    wrong = list(_wrong(reports))
    for line in wrong:
        print(f"WRONG: {line}", flush=True)
    if chosen.write is not None:
        chosen.write.write_text(page(reports))
    return 1 if wrong else 0


def _report(name: str) -> Mapping[str, Any]:
    with running(name) as place:
        report = conform(place, "--all", "--slow", "--rpc", place.rpc)
    print(
        f"{name}: {report['passed']} passed, {report['failed']} failed, {report['left_out']} left out",
        flush=True,
    )
    return report


def _wrong(reports: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    found = []
    for name, report in reports.items():
        known = () if name == OURS else KNOWN
        found += [f"{name}: {case} fails" for case in failed(report) if case not in known]
        found += [
            f"{name}: {case} is known to fail, and passes" for case in known if case not in failed(report)
        ]
        found += [f"{name}: {report['left_out']} cases are left out"] if report["left_out"] else []
    return found


if __name__ == "__main__":
    sys.exit(main())
