"""Ctrl-C while a command starts: `python -m tests.bench.interrupts [--runs 300] [--within 60] [--command PATH]`.

SIGINT after a random time: the installed command and `python -c pass` of the
same environment in turn, each pair after the same time. What is printed is Python's own, before the first line of the
program has run, unless a line of the script stands in it. The share of the runs that print something is the time in which a
program does, as a part of the window.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Of whatever we run, the script's own line is in the traceback. Line 0 is Python's, which is about to run it.
OURS = re.compile(r'bin/peerage", line [1-9]')


def interrupted(argv: Sequence[str], after: float) -> str:
    """What it printed then. Args: after, seconds from exec."""
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        began = time.perf_counter()
        while time.perf_counter() < began + after:
            pass  # a sleep may last longer
        process.send_signal(signal.SIGINT)
        return process.communicate()[1]


def main() -> None:
    """Print a line for each program."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.interrupts", description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--within", type=float, default=60.0, metavar="MS")
    parser.add_argument("--command", type=Path, default=Path(sys.executable).with_name("peerage"))
    options = parser.parse_args()
    programs = {
        "peerage version": (str(options.command), "version"),
        "python -c pass": (str(options.command.with_name("python")), "-c", "pass"),
    }
    said: dict[str, list[str]] = {name: [] for name in programs}
    for _ in range(options.runs):
        after = random.uniform(0.0, options.within / 1000)
        for name, argv in programs.items():
            said[name].append(interrupted(argv, after))
    print(f"load {os.getloadavg()[0]:.1f}; SIGINT within {options.within:g} ms, {options.runs} times each")
    for name, texts in said.items():
        printed = [text for text in texts if text]
        ours = sum(OURS.search(text) is not None for text in printed)
        share = len(printed) / options.runs
        print(
            f"{name}: {len(printed)} printed, {ours} of ours; {share * options.within:.1f} ms of the window"
        )


if __name__ == "__main__":
    main()
