"""Databases of address books for tests of the store."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.opening import Opened, open_book
from tests.actors.discovery.nodes import Clock, address, node_id


def opened(path: Path, clock: Clock | None = None, import_from: Path | None = None) -> Opened:
    return open_book(path, clock=clock or Clock(), rng=random.Random(5), import_from=import_from)


def connection_of(of: Opened) -> sqlite3.Connection:
    connection = of.store._connection
    assert connection is not None
    return connection


def rows(of: Opened) -> dict[str, KnownAddress]:
    return {row.id: row for row in of.book.addresses()}


def written(path: Path, count: int = 200, *, close: bool = True) -> Opened:
    """A database of so many addresses, each third good, one banned, one network banned."""
    made = opened(path)
    for number in range(count):
        made.book.add(address(number), address(900 + number % 20))
        if number % 3 == 0:
            made.book.mark_good(node_id(number))
    made.book.bad_peers.mark_bad(node_id(1), 3600.0, "sent addresses unasked")
    made.book.bans.add("10.0.0.0/8", 3600.0, "operator")
    made.store.apply(made.book.drain())
    if close:
        made.store.close()
    return made
