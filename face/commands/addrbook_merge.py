"""The commands `peerage addrbook import`, `merge` and `add`: what brings addresses into the book."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peerage.actors.discovery.errors import BookFileError, StoreError
from peerage.commands.book_change import Counts, change_book
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import load_config, warn
from peerage.commands.options import home_option
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.config.home import Home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peerage.actors.discovery.book.known_address import KnownAddress
    from peerage.config.config import Config
    from peerage.wire.net_address import NetAddress

__all__ = ["add", "import_", "merge"]


@click.command("import", epilog="Example: peerage addrbook import ~/.gaia/config/addrbook.json")
@home_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--salvage", is_flag=True, help="Import what can be read of a damaged file.")
@output_options
def import_(home: Home, file: Path, output: Path | None, *, as_json: bool, salvage: bool) -> None:
    """Add the addresses of CometBFT's addrbook.json, with their history.

    Nodes that the book knows already are left unchanged, and no address has to make room. Refused entries are counted by
    reason, with examples on standard error. A node that runs takes the addresses at once.
    """
    from peerage.actors.discovery.book.addrbook_json import read_book
    from peerage.actors.discovery.book.tally import Tally

    check_output(output)
    config = load_config(home)
    try:
        content = file.read_bytes()
        read = read_book(content, strict=not salvage, skip_faulty=True)
    except BookFileError as error:
        rest = len(read_book(content, strict=False).rows)
        hint = f"; --salvage takes what can be read of it, {rest} address{'es' * (rest != 1)}" if rest else ""
        raise MistakeError(f"{file}: {error}{hint}") from error
    except OSError as error:
        raise FailureError(f"{file}: {error.strerror or error}") from error
    if not read.entries and read.faults:
        raise MistakeError(f"{file}: {read.faults[0]}")
    counts = Counts(Tally())
    for reason, entries in read.left_out.items():
        counts.refused.add_all(reason, entries)
    _take_in(home, config, read.rows, counts, unite=False)
    warn(*(f"{file}: {line}" for line in counts.refused.lines()))
    refused = read.entries - counts.added - counts.known
    if as_json:
        put_json(_as_json(counts, refused), output)
        return
    put_lines(
        [
            f"{counts.added} addresses imported, {counts.known} known already, {refused} refused"
            + (f" ({counts.refused})" if refused else "")
        ],
        output,
    )


@click.command("merge", epilog="Example: peerage addrbook merge ~/old-seed /srv/gaia/config/addrbook.json")
@home_option
@click.argument(
    "others",
    metavar="OTHER…",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@output_options
def merge(home: Home, others: tuple[Path, ...], output: Path | None, *, as_json: bool) -> None:
    """Unite the book with others: a home of peerage, its addrbook.sqlite, or CometBFT's addrbook.json.

    Adds the addresses of the others with their history. For a node that both know the better history counts: the later
    success and where it was, and the tries of whoever tried last. No address of this book has to make room; bans are not
    taken over. What cannot be read of a damaged book is left out. A node that runs takes the addresses at once, without
    how long they took to answer.
    """
    from peerage.actors.discovery.book.any_book import read_any_book
    from peerage.actors.discovery.book.tally import Tally

    check_output(output)
    config = load_config(home)
    books = []
    for other in others:
        path = Home(other).addrbook_store if other.is_dir() else other
        try:
            books.append((path, read_any_book(path)))
        except (BookFileError, StoreError) as error:
            raise MistakeError(
                f"{path}: {error}" if isinstance(error, BookFileError) else str(error)
            ) from error
        except OSError as error:
            raise MistakeError(f"{path}: {error.strerror or error}") from error
    lines, found = [], []
    for path, read in books:
        counts = Counts(Tally())
        warn(*(f"{path}: left out, {each.detail}" for each in read.damage))
        _take_in(home, config, read.rows, counts, unite=True)
        warn(*(f"{path}: {line}" for line in counts.refused.lines()))
        refused = len(read.rows) - counts.added - counts.changed - counts.known
        found.append({"book": str(path), **_as_json(counts, refused)})
        lines.append(
            f"{path}: {counts.added} addresses added, {counts.changed} with a better history, {counts.known} known already, "
            f"{refused} refused" + (f" ({counts.refused})" if refused else "")
        )
    if as_json:
        put_json(found, output)
    else:
        put_lines(lines, output)


def _as_json(counts: Counts, refused: int) -> dict[str, Any]:
    """What became of the addresses of one book. `refused` may be more than its reasons account for."""
    told = {"added": counts.added, "changed": counts.changed, "known": counts.known}
    return {**told, "refused": refused, "reasons": counts.refused.counts()}


def _take_in(
    home: Home, config: Config, rows: Sequence[KnownAddress], counts: Counts, *, unite: bool
) -> None:
    from peerage.actors.discovery.book.additions import ANOTHER_NETWORK
    from peerage.actors.discovery.book.addrbook_json import write_book

    if unite:  # CometBFT's file, which a running node is sent, does not say of another network
        for row in rows:
            if row.incompatible:
                counts.refused.add(ANOTHER_NETWORK, str(row.address))
        rows = [row for row in rows if not row.incompatible]
    change_book(
        home,
        config,
        rows,
        lambda book, part: counts.take(book.curation.unite(part) if unite else book.merge(part)),
        "import_addresses",
        lambda part: {"book": write_book("", part), "unite": unite},
        counts.take_answer,
    )


@click.command("add", epilog="Example: peerage addrbook add 00…ff@203.0.113.7:26656")
@home_option
@click.argument("addresses", metavar="ID@HOST:PORT…", nargs=-1, required=True)
@output_options
def add(home: Home, addresses: tuple[str, ...], output: Path | None, *, as_json: bool) -> None:
    """Put addresses into the book, to be dialled like any other that the node has heard of.

    They are no persistent peers and no seeds. A name is looked up now, and its first IP address is kept. A node that is
    known at another place is tried at this one, and moves there once a handshake has proved it. Exit code 1 if the book
    refuses one: the others are in it.
    """
    from peerage.actors.discovery.book.tally import Tally

    check_output(output)
    config = load_config(home)
    found = _resolved(addresses)
    counts = Counts(Tally())
    change_book(
        home,
        config,
        found,
        lambda book, part: counts.take(book.curation.add_given(part)),
        "add_addresses",
        lambda part: {"addresses": [str(address) for address in part]},
        counts.take_answer,
    )
    known = counts.known + counts.changed
    refused = list(counts.refused.lines())
    if as_json:
        put_json({"added": counts.added, "known": known, "refused": refused}, output)
    else:
        put_lines([f"{counts.added} addresses added, {known} known already"], output)
    if refused:
        raise FailureError(f"refused: {'; '.join(refused)}")


def _resolved(texts: tuple[str, ...]) -> list[NetAddress]:
    """Raises: MistakeError, one is no address; FailureError, a name does not resolve."""
    from peerage.actors.name_lookups import NAME_TIMEOUT_S, resolved_within
    from peerage.wire.errors import AddressError, AddressLookupError
    from peerage.wire.net_address import NetAddress, name_in

    try:
        names = [name for name in map(name_in, texts) if name is not None]
    except AddressError as error:
        raise MistakeError(str(error)) from error
    resolve = resolved_within(NAME_TIMEOUT_S, names)
    try:
        return [NetAddress.parse(text, resolve) for text in texts]
    except AddressLookupError as error:
        raise FailureError(str(error)) from error
    except AddressError as error:
        raise MistakeError(str(error)) from error
