"""The address book on disk beside its model: what was acknowledged survives a crash at any point."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import rule

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.opening import Opened, open_book
from tests.actors.discovery.nodes import SMALL
from tests.actors.discovery.test_addrbook_model import ImprovedBookMachine


class StoredBookMachine(ImprovedBookMachine):
    """The same operations, acknowledged now and then; a crash leaves the files as they are at that moment."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="store-model-"))
        self.lives = 0
        self.opened: Opened | None = None
        super().__init__()

    def empty(self) -> AddrBook:
        """The book of a new file; any other that is wanted for comparison is kept in no file."""
        if self.opened is not None:
            return super().empty()
        self.opened = self.open()
        return self.opened.book

    def open(self) -> Opened:
        path = self.home / str(self.lives) / "addrbook.sqlite"
        return open_book(
            path, clock=self.clock, rng=random.Random(3), shape=SMALL, improvements=self.improvements
        )

    @rule()
    def store(self) -> None:
        """From here on all of it is acknowledged."""
        assert self.opened is not None
        self.opened.store.apply(self.book.drain())
        self.rows = {row.id: row for row in self.book.addresses()}
        self.bans = {ban.subject: ban for ban in self.book.bans}

    @rule()
    def restart(self) -> None:
        """Store, and go on as after a crash: nothing is missing."""
        self.store()
        self.crash()
        assert {row.id for row in self.rows.values()} == self.model

    @rule()
    def crash(self) -> None:
        """The next life finds what was acknowledged, no more and no less."""
        assert self.opened is not None
        before = self.home / str(self.lives)
        self.lives += 1
        shutil.copytree(before, self.home / str(self.lives))  # as they are: nobody closes what was killed
        self.opened.store.close()
        shutil.rmtree(before)
        self.opened = self.open()
        assert self.opened.notes == ()
        self.book = self.opened.book
        assert {row.id: row for row in self.book.addresses()} == self.rows
        assert {ban.subject: ban for ban in self.book.bans} == self.bans
        self.model = set(self.rows)
        self.good = self.old()
        self.banned = {ban.subject: ban.until / 1e9 for ban in self.bans.values()}  # type: ignore[misc]  # IDs all

    def teardown(self) -> None:
        if self.opened is not None:
            self.opened.store.close()
        shutil.rmtree(self.home)


StoredBookMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestStoredBookMachine = StoredBookMachine.TestCase
