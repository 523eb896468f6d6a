"""Messages by actor libraries side by side: `python -m tests.bench.actor_libraries [--rounds 5]`.

Payload 100 bytes. An *ask* is a round trip, one at a time; *tell* is as many messages as fast as they go, until the actor
has had the last one; *tell_many* the same, handed over all at once; *fan-out* is many asks of one actor, all sent before
the first answer is looked at; *50 MB* is an ask that carries that many bytes there and back. Bare is pyzmq: a PUSH and a
PULL each way over ipc, blocking, no pickling. Every library has processes of its own, which wait while others have their
turn. A round is some short turns of each, one after the other, so that a machine whose speed drifts does so for all;
figures are medians over the rounds, ratios are taken within a round.

The others come with `pip install -e '.[bench]'`; one that is not installed is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.actor_libraries.entrants import BETWEEN, LIBRARIES, WITHIN, atomr_echo
from tests.bench.actor_libraries.figures import FLOORS, Figures, Outcome, judge, medians
from tests.bench.actor_libraries.race import TURNS, Entrant, enter, race


def chosen(only: list[str]) -> list[str]:
    """The libraries that can be measured; one clear line for each that cannot."""
    found = []
    for name, library in LIBRARIES.items():
        if only and name not in only:
            continue
        if importlib.util.find_spec(library.module) is None:
            print(f"{name}: {library.module} is not installed, left out; pip install -e '.[bench]'")
        else:
            found.append(name)
    return found


def show(rounds: list[dict[str, Figures]], outcomes: list[Outcome]) -> None:
    """Print the tables: between processes, within one, ratios."""
    machine = (
        f"medians of {len(rounds)} rounds, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, pyzmq {version('pyzmq')}"
    )
    console = Console(width=160)
    for title, libraries in (("between two processes", BETWEEN), ("within one process", WITHIN)):
        table = Table(title=f"{title}: {machine}")
        columns = (
            "library",
            "version",
            "isolates",
            "ask, µs",
            "tell/s",
            "tell_many/s",
            "fan-out, asks/s",
            "50 MB, ms",
        )
        for column in columns:
            table.add_column(column)
        for name in (name for name in libraries if name in rounds[0]):
            each = medians([figures[name] for figures in rounds])
            values = (each.ask, each.tell, each.tell_many, each.fan_out, each.large)
            texts = ("" if value is None else f"{value:,.{2 if value < 10 else 0}f}" for value in values)
            table.add_row(name, version(libraries[name].distribution), libraries[name].isolates, *texts)
        if table.row_count:
            console.print(table)
    ratios = Table(title="ratios within a round")
    for column in ("", "median", "least", "largest", "asked", "aim", ""):
        ratios.add_column(column)
    for outcome in outcomes:
        sign = "≤" if outcome.at_most else "≥"
        ratios.add_row(
            outcome.text,
            *(f"{value:.2f}" for value in (outcome.median, outcome.min, outcome.max)),
            f"{sign} {outcome.asked:g}",
            "" if outcome.aim is None else f"{sign} {outcome.aim:g}",
            "met" if outcome.is_met else "not met",
        )
    console.print(ratios)


def main() -> int:
    """Race, print, judge. Exit code 1 when something asked is not met, or a library fails."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.actor_libraries",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--turns", type=int, default=TURNS, help="of each library in a round (default: %(default)s)"
    )
    parser.add_argument(
        "--only", action="append", default=[], choices=LIBRARIES, help="repeatable; default: all"
    )
    parser.add_argument("--json", type=Path, help="write figures and ratios to this file")
    parser.add_argument("--entrant", choices=LIBRARIES, help=argparse.SUPPRESS)
    parser.add_argument("--atomr-end", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.entrant:
        enter(options.entrant)
        return 0
    if options.atomr_end:
        atomr_echo(options.atomr_end)
        return 0
    if options.rounds < 1 or options.turns < 1:
        parser.error("--rounds and --turns must be 1 or more")
    names = chosen(options.only)
    rounds: list[dict[str, Figures]] = []
    try:
        with contextlib.ExitStack() as stack:
            entrants = {name: stack.enter_context(Entrant(name)) for name in names}
            for entrant in entrants.values():
                entrant.wait_until_ready()
            for number in range(options.rounds):
                rounds.append(race(entrants, options.turns))
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    outcomes = [judge(floor, rounds) for floor in FLOORS if {floor.above, floor.below} <= set(names)]
    show(rounds, outcomes)
    if options.json:
        found = {
            "rounds": [{name: asdict(figures) for name, figures in each.items()} for each in rounds],
            "ratios": [asdict(outcome) for outcome in outcomes],
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(outcome.is_met for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
