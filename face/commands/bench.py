"""The command `peerage bench`."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.commands.span import Span
from peerage.commands.table import table

MIB = 1 << 20


@click.command("bench", epilog="Example: peerage bench --for 1s --only bulk")
@click.option(
    "--for",
    "secs",
    type=Span(0.1, 3600, "3s"),
    default="3s",
    show_default=True,
    help="How long each measurement takes.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["bulk", "small", "pressure", "handshakes", "mailboxes", "frames", "loopback"]),
    help="Measure only this; may be given more than once.",
)
@output_options
def bench(secs: float, only: tuple[str, ...], output: Path | None, *, as_json: bool) -> None:
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
    check_output(output)
    rows: list[tuple[str, str, float]] = []
    for name, (what, work) in works.items():
        if only and name not in only:
            continue
        click.echo(f"{name}: {what} …", err=True)
        rows += [(name, unit, value) for unit, value in work(secs).items()]
    if as_json:
        put_json([{"name": name, "unit": unit, "ours": value} for name, unit, value in rows], output)
    else:
        shown = [(name, _text(value), unit) for name, unit, value in rows]
        put_lines(table(("work", "figure", "unit"), shown), output)


def _text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
