"""The commands `peerage addrbook clean` and `remove`: what takes addresses out of the book."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peerage.actors.discovery.book.timestamps import nanoseconds
from peerage.actors.discovery.book.upkeep import CleaningRule, Finding
from peerage.commands.addrbook_check import as_it_runs, as_json, cells, judge_for, read_book_file
from peerage.commands.book_change import change_book
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.ip_network import IPNetwork, Network
from peerage.commands.loading import load_config, warn
from peerage.commands.options import home_option
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.commands.span import Span
from peerage.commands.table import table
from peerage.config.home import Home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peerage.config.config import Config

__all__ = ["clean", "remove"]


@click.command("clean", epilog="Example: peerage addrbook clean --failed 5 --older-than 30d --dry-run")
@home_option
@click.option("--failed", type=click.IntRange(1), metavar="N", help="Those that failed N times in a row.")
@click.option(
    "--older-than",
    type=Span(),
    help="Those that have not answered for so long; if never, those neither tried nor heard of for so long.",
)
@click.option("--unroutable", is_flag=True, help="Those that no node of the Internet can dial.")
@click.option("--other-network", is_flag=True, help="Those whose nodes turned out to be of another network.")
@click.option(
    "--in", "networks", type=Network(), multiple=True, help="Those of this network; may be repeated."
)
@click.option("--dry-run", is_flag=True, help="Change nothing, list what would go.")
@output_options
def clean(
    home: Home,
    failed: int | None,
    older_than: float | None,
    networks: tuple[IPNetwork, ...],
    output: Path | None,
    *,
    unroutable: bool,
    other_network: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take addresses out of the book that are of no use.

    Each option names some; without any, what `addrbook check` finds goes: those that are dead, cannot be dialled, or were
    replaced at their place. Lists what has gone, each with the reason. Acts on a running node, which may hear of them again:
    `bans add` keeps a node out. Bans are left as they are.
    """
    config = load_config(home)
    if not home.addrbook_store.exists():
        warn(f"{home.addrbook_store}: no such file, the node has not run yet")
        found: list[Finding] = []
    else:
        older = None if older_than is None else nanoseconds(older_than)
        rule = CleaningRule(failed, older, unroutable, other_network, networks)
        read = read_book_file(home.addrbook_store)
        now = nanoseconds(time.time())
        warn(*(f"{home.addrbook_store}: {each.detail}" for each in read.damage))
        if rule:
            found = list(rule.findings(read.rows, now))
        else:
            found = list(judge_for(as_it_runs(home, config), read.bans).findings(read.rows))
    if not dry_run and found:
        _take_out(home, config, [finding.id for finding in found])
    if as_json:
        put_json([_as_json(finding) for finding in found], output)
    else:
        put_lines(table(("ADDRESS", "REASON", "DETAIL"), map(cells, found)) if found else (), output)
        would = "would be removed" if dry_run else "removed"
        click.echo(f"{len(found)} addresses {would}", err=True)


def _as_json(finding: Finding) -> dict[str, Any]:
    return {"id": finding.id, **as_json(finding)}


@click.command("remove", epilog="Example: peerage addrbook remove 00…ff")
@home_option
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@output_options
def remove(home: Home, ids: tuple[str, ...], output: Path | None, *, as_json: bool) -> None:
    """Take node IDs out of the book, and out of the peers to begin with after a restart.

    A running node stays connected to them, and may hear of them again: `peers close` and `bans add` are for that. Exit code
    1 if one is not in the book: the others are removed.
    """
    from peerage.wire.keys import is_node_id, normal_id
    from peerage.wire.remote_text import quoted

    for each in ids:
        if not is_node_id(each):
            raise MistakeError(f"{quoted(each)} is no node ID: 40 hexadecimal characters are expected")
    check_output(output)
    wanted = list(dict.fromkeys(map(normal_id, ids)))
    removed = _take_out(home, load_config(home), wanted)
    missing = [each for each in wanted if each not in removed]
    if as_json:
        put_json({"removed": sorted(removed), "missing": missing}, output)
    else:
        put_lines([f"{len(removed)} addresses removed"], output)
    if missing:
        raise FailureError(f"not in the book: {', '.join(missing)}")


def _take_out(home: Home, config: Config, ids: Sequence[str]) -> set[str]:
    removed: set[str] = set()
    change_book(
        home,
        config,
        ids,
        lambda book, part: removed.update(book.curation.remove_all(part)),
        "remove_addresses",
        lambda part: {"ids": list(part)},
        lambda answer: removed.update(answer["removed"]),
    )
    return removed
