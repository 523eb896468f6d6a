"""An attacker's share of its victims' slots, by kind of attack: `python -m tests.bench.attacks`.

Prints a row of docs/topics/eclipse.md for each attack of `peerage simulate --attack`, with CometBFT's rules and with ours:
means over so many seeds of chance. The same seeds give the same figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from statistics import fmean

from peerage.actors.discovery.simulation.attack import ATTACKS, Attack
from peerage.actors.discovery.simulation.simulation import Result, Scenario, simulate

HEADINGS = (
    "| attack | outbound, before the restart | at the end | inbound, before the restart | at the end |\n"
    "| --- | ---: | ---: | ---: | ---: |"
)


def scenario_of(attack: Attack, seed: int, rotate_peers: float = 0.0) -> Scenario:
    """60 honest nodes and a seed for a quarter of an hour; two seeds where one of them is hostile."""
    seeds = 2 if attack.seeds else 1
    return Scenario(nodes=60, seeds=seeds, hours=0.25, attack=attack, seed=seed, rotate_peers=rotate_peers)


def shares(result: Result) -> tuple[float, ...]:
    """Outbound and inbound, before the victims' restart and at the end."""
    found = result.hostile_before, result.hostile, result.hostile_inbound_before, result.hostile_inbound
    return tuple(share or 0.0 for share in found)


def row(name: str, theirs: Sequence[tuple[float, ...]], ours: Sequence[tuple[float, ...]]) -> str:
    """The means of each share, CometBFT's → ours."""
    cells = [
        f"{fmean(before):.2f} → {fmean(after):.2f}"
        for before, after in zip(zip(*theirs, strict=True), zip(*ours, strict=True), strict=True)
    ]
    return f"| {' | '.join([f'`{name}`', *cells])} |"


def main(arguments: list[str] | None = None) -> int:
    """Simulate, and print a row as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.attacks", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="of chance, from 1 on (default: 3)")
    parser.add_argument("--only", action="append", choices=list(ATTACKS), help="only this; repeatable")
    parser.add_argument(
        "--rotate-peers", type=float, default=0.0, help="of our nodes, in seconds (default: 0, never)"
    )
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error("--seeds must be positive")
    print(HEADINGS, flush=True)
    for name in options.only or ATTACKS:
        scenarios = [
            scenario_of(ATTACKS[name], seed, options.rotate_peers) for seed in range(1, options.seeds + 1)
        ]
        theirs = [shares(simulate(each.compared())) for each in scenarios]
        print(row(name, theirs, [shares(simulate(each)) for each in scenarios]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
