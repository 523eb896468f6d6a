"""The command `peerage simulate`."""

from __future__ import annotations

import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.simulation.attack import ATTACKS, Attack
from peerage.commands.exit_status import MistakeError
from peerage.commands.options import PagedCommand
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.commands.span import Span
from peerage.commands.written import write_text

if TYPE_CHECKING:
    from peerage.actors.discovery.simulation.simulation import Result, Scenario

PLAIN = "few-prefixes"
RULES = ("peerage", "cometbft", "both")


@click.command(
    "simulate",
    cls=PagedCommand,
    epilog="Example: peerage simulate --nodes 60 --seeds 1 --attack held-places --rules both",
)
@click.option(
    "--nodes", type=click.IntRange(2, 100_000), default=1000, show_default=True, help="Honest nodes."
)
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="Seed nodes.")
@click.option(
    "--for",
    "span",
    type=Span(36, 3_600_000, "15m or 12h"),
    default="1h",
    show_default=True,
    help="Simulated time.",
)
@click.option(
    "--churn",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    help="How often per hour a node goes down, on average.",
)
@click.option(
    "--downtime",
    type=Span(like="10m"),
    default="10m",
    show_default=True,
    help="How long it is down, on average.",
)
@click.option(
    "--unreachable",
    type=click.FloatRange(0, 0.99),
    default=0.0,
    show_default=True,
    help="Share of nodes that nobody can dial, though they announce an address.",
)
@click.option(
    "--dead",
    type=click.IntRange(0, 100_000),
    default=0,
    show_default=True,
    help="Addresses in the seeds' books at which there is no node.",
)
@click.option(
    "--attack",
    type=click.Choice(list(ATTACKS)),
    help=f"What an attacker does who wants the slots of some victims; with --attacker alone: {PLAIN}.",
)
@click.option(
    "--attacker",
    type=click.IntRange(0, 100_000),
    help="Addresses of the attacker; by default as many as the attack has, and none without one.",
)
@click.option(
    "--groups",
    type=click.IntRange(1, 4096),
    help="The attacker's /16 groups; by default those of the attack.",
)
@click.option(
    "--victims", type=click.IntRange(1), default=20, show_default=True, help="The attacker's victims."
)
@click.option(
    "--newcomer",
    type=Span(like="90s"),
    help="So long before the end a node starts that knows one seed and nothing else: say what it has found then.",
)
@click.option("--outbound", type=click.IntRange(1, 100), default=10, show_default=True, help="Peers to dial.")
@click.option(
    "--inbound", type=click.IntRange(1, 1000), default=40, show_default=True, help="Peers to accept."
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Seed of the random numbers: the same one gives the same result.",
)
@click.option(
    "--rules",
    type=click.Choice(RULES),
    default="peerage",
    show_default=True,
    help="Which rules the nodes follow.",
)
@click.option(
    "--without",
    type=click.Choice([each.name for each in fields(Improvements)]),
    multiple=True,
    help="Switch off one of peerage's improvements; may be given more than once.",
)
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.svg", help="Draw the results."
)
@output_options
def simulate(
    rules: str,
    without: tuple[str, ...],
    plot: Path | None,
    attack: str | None,
    attacker: int | None,
    groups: int | None,
    newcomer: float | None,
    output: Path | None,
    *,
    as_json: bool,
    **numbers: float,
) -> None:
    """Simulate how the nodes of a network find each other, on virtual time and without sockets.

    Every node uses the address book and the peer manager of a real one. Prints how long it takes until 95 % have all their
    outbound peers, how inbound peers are distributed, how good the seeds' answers are, and how many of the victims'
    slots the attacker wins; the victims restart after three quarters of the time.
    """
    if plot is not None and plot.suffix.lower() != ".svg":
        raise MistakeError(f"--plot: found {str(plot)!r}, allowed: a name that ends in .svg")
    from peerage.actors.discovery.simulation.simulation import Scenario

    check_output(output)
    if newcomer is not None and newcomer > numbers["span"]:
        raise MistakeError(f"--newcomer: found {newcomer:g} s, allowed: at most the simulated time, --for")
    scenario = Scenario(
        nodes=int(numbers["nodes"]),
        seeds=int(numbers["seeds"]),
        hours=numbers["span"] / 3600,
        churn=numbers["churn"],
        downtime_s=numbers["downtime"],
        unreachable=numbers["unreachable"],
        dead=int(numbers["dead"]),
        attack=_attack(attack, attacker, groups),
        victims=int(numbers["victims"]),
        seed=int(numbers["seed"]),
        max_outbound=int(numbers["outbound"]),
        max_inbound=int(numbers["inbound"]),
        newcomer_s=newcomer or 0.0,
        improvements=Improvements(**dict.fromkeys(without, False)),
    )
    chosen = {"peerage": [scenario], "cometbft": [scenario.compared()]}.get(
        rules, [scenario, scenario.compared()]
    )
    results = [_run(each) for each in chosen]
    if as_json:
        put_json([_as_json(result) for result in results], output)
    else:
        put_lines(_report(results), output)
    if plot is not None:
        from peerage.commands.simulation_plot import plot_svg

        write_text(plot, lambda file: file.write(plot_svg(results)))
        click.echo(f"drawn: {plot}", err=True)


def rules_of(scenario: Scenario) -> str:
    """The name of the rules that a scenario uses."""
    return "cometbft" if scenario.cometbft else "peerage"


def _attack(name: str | None, addresses: int | None, groups: int | None) -> Attack | None:
    """The attack, with other numbers where they are given; None without any."""
    if addresses == 0 or (name is None and addresses is None):
        return None
    attack = ATTACKS[name or PLAIN]
    addresses, groups = addresses or attack.addresses, groups or attack.groups
    return replace(attack, addresses=addresses, groups=groups)


def _run(scenario: Scenario) -> Result:
    """Simulate, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from peerage.actors.discovery.simulation.simulation import simulate as run_simulation

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(f"{rules_of(scenario)}'s rules", total=1.0)
        return run_simulation(scenario, lambda passed: bar.update(task, completed=passed))


def _report(results: list[Result]) -> list[str]:
    """One line for each figure, one column for each set of rules."""
    rows = [
        ("rules", *(rules_of(result.scenario) for result in results)),
        ("95 % have all outbound peers after", *(_after(result.converged_s) for result in results)),
        ("have them at the end", *(f"{result.full[-1][1]:.1%}" for result in results)),
        ("inbound peers, mean", *(f"{result.in_degree.mean:.1f}" for result in results)),
        ("inbound peers, deviation", *(f"{result.in_degree.deviation:.1f}" for result in results)),
        ("inbound peers, least/median/most", *(_range(result) for result in results)),
        ("addresses in a book, mean", *(f"{result.book.mean:.0f}" for result in results)),
        ("told by seeds and alive", *(_share(result.served) for result in results)),
        ("dials", *(str(result.dials) for result in results)),
        ("dials that succeeded", *(str(result.dials_succeeded) for result in results)),
    ]
    if results[0].newcomer is not None:
        told = [result.newcomer for result in results if result.newcomer is not None]
        rows += [
            ("addresses that the newcomer has", *(str(each.known) for each in told)),
            ("of them dead", *(_share(each.dead) for each in told)),
            ("told by the seed", *(str(each.from_seed) for each in told)),
            ("of those dead", *(_share(each.from_seed_dead) for each in told)),
            ("its outbound peers", *(str(each.peers) for each in told)),
        ]
    attack = results[0].scenario.attack
    if attack is not None:
        rows += [
            (
                "attacker's share of all addresses",
                *(f"{_attackers(result, attack):.1%}" for result in results),
            ),
            (
                "attacker's outbound slots before restart",
                *(_share(result.hostile_before) for result in results),
            ),
            ("attacker's outbound slots at the end", *(_share(result.hostile) for result in results)),
            (
                "attacker's inbound slots before restart",
                *(_share(result.hostile_inbound_before) for result in results),
            ),
            ("attacker's inbound slots at the end", *(_share(result.hostile_inbound) for result in results)),
        ]
    return [f"{row[0]:<42}{''.join(f'{cell:>14}' for cell in row[1:])}".rstrip() for row in rows]


def _as_json(result: Result) -> dict[str, Any]:
    figures = asdict(result)
    del figures["scenario"], figures["in_degrees"]
    return {"rules": rules_of(result.scenario), **figures}


def _after(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _attackers(result: Result, attack: Attack) -> float:
    scenario = result.scenario
    others = scenario.nodes + scenario.seeds + scenario.dead
    return attack.addresses / (attack.addresses + others)


def _range(result: Result) -> str:
    spread = result.in_degree
    return f"{spread.least}/{spread.median}/{spread.most}"
