"""Gives a command access to a home's address book: to read, even while a node uses it, or to change, exclusively."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from peerage.actors.discovery.book.timestamps import NEVER, SECOND
from peerage.actors.discovery.errors import StoreError, StoreInUseError
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import warn
from peerage.config.config import Config
from peerage.config.errors import HomeInUseError, NodeKeyFileError
from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from peerage.config.node_key_file import load_node_key

if TYPE_CHECKING:
    from peerage.actors.discovery.book.addrbook import AddrBook


def snapshot(home: Home, config: Config) -> AddrBook:
    """The book as it is on disk; if there is none, an empty one, with a warning. Nothing is written.

    Raises: FailureError.
    """
    from peerage.actors.discovery.book.addrbook import AddrBook
    from peerage.actors.discovery.book.opening import read_snapshot

    path = home.addrbook_store
    rng, strict = _rng(), config.p2p.addr_book_strict
    if not path.exists():
        warn(f"{path}: no such file, the node has not run yet")
        return AddrBook(clock=time.time, rng=rng, strict=strict)
    try:
        read = read_snapshot(path, clock=time.time, rng=rng, strict=strict)
    except StoreError as error:
        raise FailureError(str(error)) from error
    warn(*read.notes)
    return read.book


def lock_home(home: Home) -> HomeLock:
    """Lock a home for a command that changes its book. Raises: HomeInUseError when a node runs in it."""
    return HomeLock(home, "a command that changes the address book")


@contextmanager
def open_alone(home: Home, config: Config) -> Iterator[AddrBook]:
    """The book, open for changes: they are on disk when the block has ended; if it raises, nothing is changed.

    A home that has never run gets a book with the addresses of its addrbook.json, as at a node's first start.
    Raises: FailureError; MistakeError when a node runs in this home.
    """
    try:
        lock = lock_home(home)
    except HomeInUseError as error:
        raise MistakeError(f"{error}; stop it first (list and export work while it runs)") from error
    with lock, _opened(home, config) as book:
        warn(*lock.notes)
        yield book


@contextmanager
def _opened(home: Home, config: Config) -> Iterator[AddrBook]:
    from peerage.actors.discovery.book.opening import open_book

    try:
        opened = open_book(
            home.addrbook_store,
            clock=time.time,
            rng=_rng(),
            strict=config.p2p.addr_book_strict,
            import_from=config.addr_book_path,
            alone=True,
        )
    except StoreInUseError as error:
        raise FailureError(f"{error}; try again when that has ended") from error
    except StoreError as error:
        raise FailureError(str(error)) from error
    try:
        warn(*opened.notes)
        _tell_who(opened.book, config)
        yield opened.book
        opened.store.apply(opened.book.drain())
    except StoreError as error:
        raise FailureError(str(error)) from error
    finally:
        opened.store.close()


def _tell_who(book: AddrBook, config: Config) -> None:
    """Tell the book which IDs it must never hold, as the node does when it starts."""
    book.add_private_ids(config.p2p.private_peer_ids)
    with suppress(NodeKeyFileError):  # there is none yet, or the node will report what is wrong with it
        book.add_our_id(load_node_key(config.node_key_path).node_id)


def told(nanoseconds: int) -> str:
    """A time in UTC, to the second; "-" for never."""
    if nanoseconds == NEVER:
        return "-"
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(nanoseconds // SECOND))


def _rng() -> random.Random:
    return random.SystemRandom()  # must be unpredictable: a new book's key is drawn from it
