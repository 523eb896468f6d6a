"""Coverage-guided fuzzing: `python -m tests.fuzz TARGET --secs S`; `all` fuzzes all targets, `--at-once N` of them.

Exit code 1: something was found; the input is in a file, and `python -m tests.fuzz TARGET --input FILE` checks it again.
What covers more is kept in the tests' cache, so that the next session goes on from there.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.fuzz import targets
from tests.fuzz.fuzzer import fuzz
from tests.fuzz.target import Target
from tests.interop.gobuild import cache_directory

NAMES = sorted(module.name for module in pkgutil.iter_modules(targets.__path__))


def target_of(name: str) -> Target:
    """The target of this name."""
    target = importlib.import_module(f"tests.fuzz.targets.{name}").TARGET
    assert isinstance(target, Target)
    return target


def main(arguments: list[str] | None = None) -> int:
    """Fuzz, and print a line for each target."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=[*NAMES, "all"])
    parser.add_argument("--secs", type=float, default=60.0, help="how long, for each target (default: 60)")
    parser.add_argument("--at-once", type=int, default=1, metavar="N", help="targets at a time (default: 1)")
    parser.add_argument("--inputs", type=int, default=-1, help="stop after so many inputs")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers; 0: another each time")
    parser.add_argument("--keep", type=Path, help="where inputs are kept (default: in the tests' cache)")
    parser.add_argument("--input", type=Path, help="only check this file")
    options = parser.parse_args(arguments)
    names = NAMES if options.target == "all" else [options.target]
    if options.input is not None:
        if len(names) > 1:
            parser.error("--input is for one target")
        try:
            data = options.input.read_bytes()
        except OSError as error:
            parser.error(f"--input: {options.input}: {error.strerror}")
        target_of(names[0]).check(data)
        print(f"{names[0]}: all holds for {options.input}")
        return 0
    if options.secs <= 0:
        parser.error("--secs must be positive")
    if options.at_once < 1:
        parser.error("--at-once must be positive")
    kept = options.keep or cache_directory() / "fuzz"
    with ThreadPoolExecutor(options.at_once) as sessions:  # each in a process of its own
        run = partial(_run, kept=kept, seconds=options.secs, inputs=options.inputs, seed=options.seed)
        return max(sessions.map(run, names))


def _run(name: str, kept: Path, seconds: float, inputs: int, seed: int) -> int:
    began = time.monotonic()
    result = fuzz(
        f"{targets.__name__}.{name}",
        kept=kept / name,
        findings=kept / "findings",
        seconds=seconds,
        inputs=inputs,
        seed=seed,
    )
    took = time.monotonic() - began
    covered = f"{result.branches:,} branches, {result.kept:,} inputs kept"
    print(f"{name:18} {result.inputs:>10,} inputs in {took:,.0f} s, {covered}", flush=True)
    if result.report:
        print(f"FOUND: {result.finding}\n{result.report}", flush=True)
    return bool(result.report)


if __name__ == "__main__":
    sys.exit(main())
