"""The command `peerage bench`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from peerage.commands.table import table
from peerage.commands.written import write_text

MIB = 1 << 20


@click.command("bench", epilog="Example: peerage bench --secs 1 --only bulk")
@click.option(
    "--secs",
    type=click.FloatRange(0.1, 3600),
    default=3.0,
    show_default=True,
    help="How long each measurement takes.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["bulk", "small", "pressure", "handshakes", "mailboxes", "frames", "loopback"]),
    help="Measure only this; may be given more than once.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the figures to this file.",
)
def bench(secs: float, only: tuple[str, ...], json_file: Path | None) -> None:
    """Measure how much traffic this machine can carry, with two nodes on loopback.

    Needs nothing but peerage and leaves nothing behind. Figures depend on the machine: compare only those of one run.
    """
    from peerage.programs import benchmark

    works: Mapping[str, tuple[str, Callable[[float], Mapping[str, float]]]] = {
        "bulk": (
            "1 MiB messages, one connection, reactor to reactor",
            lambda secs: benchmark.between_ours(MIB, secs),
        ),
        "small": (
            "200-byte messages, the same way",
            lambda secs: benchmark.between_ours(200, secs, small=True),
        ),
        "pressure": (
            "round trip of a small urgent message beside bulk",
            lambda secs: benchmark.under_pressure(MIB, secs),
        ),
        "handshakes": (
            "secret connection and NodeInfo between two processes, four at once",
            benchmark.handshakes,
        ),
        "mailboxes": ("100-byte messages between two processes", benchmark.mailboxes),
        "frames": ("sealing and opening, one core", benchmark.frames),
        "loopback": ("plain TCP", benchmark.loopback),
    }
    if json_file is not None and not json_file.parent.is_dir():
        raise click.BadParameter(f"no such directory: {json_file.parent}", param_hint="--json")
    rows: list[tuple[str, str, float]] = []
    for name, (what, work) in works.items():
        if only and name not in only:
            continue
        click.echo(f"{name}: {what} …", err=True)
        rows += [(name, unit, value) for unit, value in work(secs).items()]
    for line in table(("work", "figure", "unit"), [(name, _text(value), unit) for name, unit, value in rows]):
        click.echo(line)
    if json_file is not None:
        text = json.dumps(
            [{"name": name, "unit": unit, "ours": value} for name, unit, value in rows], indent=2
        )
        write_text(json_file, lambda file: file.write(text + "\n"))


def _text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
