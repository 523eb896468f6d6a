"""The command `peerage addrbook check`, and how what is wrong with a book is found and shown."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peerage.actors.discovery.book.timestamps import nanoseconds
from peerage.actors.discovery.book.upkeep import Fault, Finding, Judge
from peerage.actors.discovery.errors import BookFileError, StoreError
from peerage.commands.exit_status import FAILURE, FailureError, MistakeError
from peerage.commands.loading import load_config
from peerage.commands.node_link import NodeGoneError
from peerage.commands.options import home_option
from peerage.commands.printing import output_options, put_json, put_lines
from peerage.commands.running_node import call_node
from peerage.commands.table import table
from peerage.config.errors import NodeKeyFileError
from peerage.config.home import Home
from peerage.config.node_key_file import load_node_key
from peerage.wire.remote_text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peerage.actors.discovery.book.any_book import AnyBook
    from peerage.actors.discovery.book.bans import Ban
    from peerage.config.config import Config

__all__ = ["as_it_runs", "as_json", "cells", "check", "judge_for", "read_book_file"]

_JUDGED_BY = ("addr_book_strict", "private_peer_ids")
MOST_CHARS = 300  # of one cell: what is read of a damaged file may be of any length


@click.command("check", epilog="Example: peerage addrbook check ~/.gaia/config/addrbook.json")
@home_option
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@output_options
@click.pass_context
def check(ctx: click.Context, home: Home, file: Path | None, output: Path | None, *, as_json: bool) -> None:
    """Say what is wrong with the home's address book, or with any book: addrbook.sqlite or CometBFT's addrbook.json.

    Finds damaged entries; IDs that occur twice; addresses that no node can dial; the node's own ID, private and banned
    ones; addresses at whose place another ID has answered since; and dead ones, which have failed too often, or were neither
    dialled nor heard of in the last week that the book was in use. Works while the node runs, and changes nothing: `addrbook
    clean` removes them. Exit code 0 if nothing is wrong, 1 if something is.
    """
    config = as_it_runs(home, load_config(home))
    path = file or home.addrbook_store
    if not path.exists():
        raise FailureError(f"{path}: no such file, the node has not run yet")
    read = read_book_file(path)
    found = [*read.damage, *judge_for(config, read.bans).findings(read.rows)]
    counts = Counter(finding.fault.value for finding in found)
    if as_json:
        put_json(_report(path, read, found, counts), output)
    else:
        put_lines(table(("ADDRESS", "FAULT", "DETAIL"), map(cells, found)) if found else (), output)
        what = ", ".join(f"{count} {fault}" for fault, count in sorted(counts.items()))
        click.echo(f"{len(read.rows)} addresses, {what or 'nothing is wrong'}", err=True)
    if found:
        ctx.exit(FAILURE)


def read_book_file(path: Path) -> AnyBook:
    """All that can be read of a book. Raises: MistakeError, it is none; FailureError."""
    from peerage.actors.discovery.book.any_book import read_any_book

    try:
        return read_any_book(path)
    except BookFileError as error:
        raise MistakeError(f"{path}: {error}") from error
    except StoreError as error:
        raise FailureError(str(error)) from error
    except OSError as error:
        raise FailureError(f"{path}: {error.strerror or error}") from error


def as_it_runs(home: Home, config: Config) -> Config:
    """With what the node of this home goes by while it runs: it may have been started with other flags.

    Raises: FailureError, a node runs and does not say.
    """
    try:
        running = call_node(home, "effective_config")
    except NodeGoneError:
        return config
    return config.replace(p2p={name: running[f"p2p.{name}"]["value"] for name in _JUDGED_BY})


def judge_for(config: Config, bans: Iterable[Ban]) -> Judge:
    """Who judges addresses as the node of this configuration does."""
    own: set[str] = set()
    with suppress(NodeKeyFileError):  # there is none yet, or the node will report what is wrong with it
        own.add(load_node_key(config.node_key_path).node_id)
    return Judge(
        nanoseconds(time.time()),
        strict=config.p2p.addr_book_strict,
        own=own,
        private=frozenset(config.p2p.private_peer_ids),
        bans=bans,
    )


def cells(finding: Finding) -> tuple[str, str, str]:
    """A finding as a line of a table."""
    fault = "-" if finding.fault is Fault.CHOSEN else finding.fault.value
    return shown(finding.what, MOST_CHARS) or "-", fault, shown(finding.detail, MOST_CHARS)


def as_json(finding: Finding) -> dict[str, Any]:
    """A finding for programs."""
    return {"address": finding.what, "fault": finding.fault.value, "detail": finding.detail}


def _report(path: Path, read: AnyBook, found: list[Finding], counts: Counter[str]) -> dict[str, Any]:
    return {
        "file": str(path),
        "format": "peerage" if read.is_ours else "cometbft",
        "addresses": len(read.rows),
        "counts": dict(sorted(counts.items())),
        "findings": [as_json(finding) for finding in found],
    }
