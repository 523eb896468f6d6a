"""The commands `peerage addrbook list`, `import` and `export`; the group with all of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from peerage.actors.discovery.book.known_address import Kind, KnownAddress, Standing
from peerage.actors.discovery.book.timestamps import NEVER, format_time
from peerage.commands.addrbook_check import check
from peerage.commands.addrbook_clean import clean, remove
from peerage.commands.addrbook_merge import add, import_, merge
from peerage.commands.book import snapshot, told
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.group import SubcommandGroup
from peerage.commands.ip_network import IPNetwork, Network
from peerage.commands.loading import load_config
from peerage.commands.options import home_option
from peerage.commands.printing import output_options, put_json, put_lines
from peerage.commands.table import table
from peerage.config.home import Home
from peerage.wire.remote_text import shown

HEAD = ("ADDRESS", "KIND", "STANDING", "TRIES", "LAST TRY", "LAST SUCCESS", "LATENCY", "SOURCE")
SORT_KEYS: dict[str, Callable[[KnownAddress], Any]] = {
    "id": lambda row: row.id,
    "ip": lambda row: (row.address.host.version, int(row.address.host), row.address.port),
    "source": lambda row: row.source.id,
    "attempts": lambda row: row.attempts,
    "last-attempt": lambda row: row.last_attempt,
    "last-success": lambda row: row.last_success,
    "next-try": lambda row: row.next_try,
    "latency": lambda row: (row.latency == 0, row.latency),  # unknown ones last
}

MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class _Filter:
    """Which addresses to list; None or an empty text stands for any."""

    kind: Kind | None = None
    standing: Standing | None = None
    node_id: str = ""
    network: IPNetwork | None = None
    source: str = ""

    def __call__(self, row: KnownAddress) -> bool:
        return (
            (self.kind is None or row.kind is self.kind)
            and (self.standing is None or row.standing is self.standing)
            and row.id.startswith(self.node_id)
            and (self.network is None or row.address.host in self.network)
            and row.source.id.startswith(self.source)
        )


@click.command("list", epilog="Example: peerage addrbook list --old --in 10.0.0.0/8 --sort last-success -r")
@home_option
@click.option("--new", is_flag=True, help="Only addresses that were never proved; with --old, all.")
@click.option("--old", is_flag=True, help="Only addresses that were proved good; with --new, all.")
@click.option(
    "--standing",
    type=click.Choice([standing.value for standing in Standing]),
    help="Only those never dialled, verified by the last handshake, or failed since then.",
)
@click.option("--id", "node_id", metavar="PREFIX", default="", help="Only IDs that begin with this.")
@click.option("--in", "network", type=Network(), help="Only addresses of this network.")
@click.option(
    "--source", metavar="PREFIX", default="", help="Only addresses told by an ID that begins with this."
)
@click.option(
    "--sort", type=click.Choice(list(SORT_KEYS)), default="id", show_default=True, help="Sort by this."
)
@click.option("-r", "--reverse", is_flag=True, help="Reverse the order.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N.")
@output_options
def list_(
    home: Home,
    standing: str | None,
    node_id: str,
    network: IPNetwork | None,
    source: str,
    sort: str,
    limit: int | None,
    output: Path | None,
    *,
    new: bool,
    old: bool,
    reverse: bool,
    as_json: bool,
) -> None:
    """List the addresses of the book.

    Works while the node runs, and shows what the node has written so far.
    """
    wanted = _Filter(
        None if new is old else Kind.NEW if new else Kind.OLD,
        None if standing is None else Standing(standing),
        node_id.lower(),
        network,
        source.lower(),
    )
    book = snapshot(home, load_config(home))
    rows = sorted(filter(wanted, book.addresses()), key=SORT_KEYS[sort], reverse=reverse)[:limit]
    if as_json:
        put_json([_as_json(row) for row in rows], output)
        return
    put_lines(table(HEAD, map(_cells, rows)), output)
    counts = book.statistics()
    part = "" if len(rows) == counts.size else f"{len(rows)} of "
    click.echo(f"{part}{counts.size} addresses, {counts.new} new, {counts.old} old", err=True)


@click.command("export", epilog="Example: peerage addrbook export ~/.gaia/config/addrbook.json")
@home_option
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
def export(home: Home, file: Path) -> None:
    """Write the book as CometBFT's addrbook.json; - is standard output.

    Works while the node runs, and writes what the node has written so far.
    """
    from peerage.actors.discovery.book.addrbook_json import fit, save_book, write_book

    book = snapshot(home, load_config(home))
    if str(file) == "-":
        click.echo(write_book(book.key, fit(book)))
        return
    if not file.parent.is_dir():
        raise MistakeError(f"FILE: found {str(file)!r}, and {file.parent} is no directory")
    try:
        save_book(file, book)
    except OSError as error:
        raise FailureError(f"{file} cannot be written: {error.strerror or error}") from error
    click.echo(f"{len(book)} addresses written to {file}")


addrbook = SubcommandGroup(
    "addrbook",
    commands=[list_, check, clean, add, remove, merge, import_, export],
    help="List, check, clean or change the address book; import and export CometBFT's addrbook.json.",
    no_args_is_help=True,
)


def _cells(row: KnownAddress) -> Iterable[str]:
    yield str(row.address)
    yield row.kind.name.lower()
    yield row.standing.value
    yield str(row.attempts)
    yield told(row.last_attempt)
    yield told(row.last_success)
    yield f"{row.latency / MILLISECOND:.0f} ms" if row.latency else "-"
    yield "itself" if row.source.id == row.id else shown(str(row.source))


def _as_json(row: KnownAddress) -> dict[str, Any]:
    return {
        "id": row.id,
        "ip": str(row.address.host),
        "port": row.address.port,
        "kind": row.kind.name.lower(),
        "standing": row.standing.value,
        "attempts": row.attempts,
        "last_attempt": _time(row.last_attempt),
        "last_success": _time(row.last_success),
        "next_try": _time(row.next_try),
        "latency_ms": row.latency / MILLISECOND if row.latency else None,
        "moved_to": None if row.moved is None else row.moved.dial_string,
        "buckets": list(row.buckets),
        "source": {"id": row.source.id, "ip": str(row.source.host), "port": row.source.port},
    }


def _time(value: int) -> str | None:
    return None if value == NEVER else format_time(value)
