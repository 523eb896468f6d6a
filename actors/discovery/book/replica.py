"""A book as one of several that share what they know: what is new in it for the others, and what they know for it.

Each book goes on by itself and answers from what it has. What others know is taken over only where it says more than what is
known here (`sharing/rank.py`), and under this book's own rules: nobody loses a place for it, and nobody whom this node
trusts is banned for it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain

from msgspec import Struct

from peerage.actors.discovery.book.address_rules import AddressRules
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import Ban, BanList, normal_subject
from peerage.actors.discovery.book.changes import Changes
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.facts import Fact, FactKind, FactList
from peerage.actors.discovery.book.known_address import Entry, Kind, KnownAddress
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.discovery.book.moves import Moves
from peerage.actors.discovery.book.promotion import Promotion
from peerage.actors.discovery.book.timestamps import NEVER
from peerage.actors.discovery.book.verdicts import Verdicts
from peerage.actors.discovery.errors import AddressRefusedError, BanSubjectError
from peerage.actors.discovery.sharing.crawl_share import CrawlShare
from peerage.actors.discovery.sharing.lines import (
    ADDRESS,
    BAN,
    Key,
    Shared,
    key_of,
    pardon,
    read,
    write,
)
from peerage.actors.discovery.sharing.rank import rank
from peerage.actors.discovery.sharing.recency import Recency


class News(Struct, frozen=True):
    """What is new in a book.

    Args: life, of the book in this process; number, to ask for what comes after; more, whether there is more already.
    """

    life: str
    number: int
    lines: tuple[str, ...]
    more: bool


def before_failures(row: KnownAddress) -> KnownAddress:
    """A record as it was before dials failed that nobody is to hear of."""
    return replace(row, attempts=0, next_try=NEVER, last_attempt=row.last_success or row.last_attempt)


class Replica:
    """Nothing is noted until somebody asks for news, so that it costs a node by itself nothing.

    Args: dials, who choose whom to visit; rng, names the life.
    """

    def __init__(
        self,
        entries: Entries,
        misbehaviour: Misbehaviour,
        bad_peers: BadPeers,
        bans: BanList,
        facts: FactList,
        *,
        rules: AddressRules,
        verdicts: Verdicts,
        moves: Moves,
        promotion: Promotion,
        dials: DialChooser,
        rng: random.Random,
    ) -> None:
        self._entries, self._misbehaviour, self._bad_peers = entries, misbehaviour, bad_peers
        self._bans, self._facts = bans, facts
        self._rules, self._verdicts, self._moves = rules, verdicts, moves
        self._promotion, self._dials, self._rng = promotion, dials, rng
        self._journal: Recency[Key] | None = None
        self._life = ""
        self._held: dict[Key, None] = {}  # failed dials since somebody answered last
        self._answered = NEVER

    # --- for the others ---

    def note(self, changes: Changes) -> None:
        """These changes are for the others, too."""
        if self._journal is not None:
            self._write_down((*changes.changed, *changes.banned, *changes.facts), self._journal)

    def _write_down(self, items: Iterable[Shared], journal: Recency[Key]) -> None:
        """Note what concerns others.

        A failed dial does once somebody has answered this node after it: a node that has lost its own network reaches
        nobody, which is no news of the others. Until then the address is told as it was before. That one was given up is
        this node's own reason not to dial it.
        """
        answered = self._verdicts.last_answer
        for item in items:
            if isinstance(item, Fact) and item.kind is not FactKind.PARDON:
                continue
            if isinstance(item, Ban) and item.shuts_out_until <= item.since:
                continue
            if isinstance(item, KnownAddress) and item.attempts and item.last_attempt > answered:
                self._held[key_of(item)] = None
            journal.touch(key_of(item))
        if answered > self._answered:
            self._answered = answered
            held, self._held = self._held, {}
            rows = [row for key in held if (row := self._find(key)) is not None]
            self._write_down(rows, journal)

    def news(self, life: str, number: int, most: int) -> News:
        """What has changed since, as it is now; all that is known, if that was another life's number.

        Args: life, number, of the last news that arrived; most, how many lines.
        """
        journal = self._journal
        if journal is None:
            journal = self._journal = Recency()
            self._life = f"{self._rng.getrandbits(64):016x}"
            everything = (
                (entry.known() for entry in self._entries),
                self._bans,
                self._facts.of(FactKind.PARDON),
            )
            self._write_down(chain(*everything), journal)
        if life != self._life:
            number = 0
        keys, upto = journal.after(number, most)
        items = [(key, self._find(key)) for key in keys]
        for key, item in items:
            if item is None:  # it has left the book, which is no news: others have room of their own
                journal.drop(key)
        lines = tuple(
            write(before_failures(item) if key in self._held and isinstance(item, KnownAddress) else item)
            for key, item in items
            if item is not None
        )
        return News(self._life, upto, lines, more=upto < journal.last)

    def _find(self, key: Key) -> Shared | None:
        kind, name = key
        if kind == ADDRESS:
            entry = self._entries.get(name)  # type: ignore[arg-type]  # the ID of an entry
            return None if entry is None else entry.known()
        return self._bans.get(name) if kind == BAN else self._facts.get(FactKind.PARDON, name)

    def pardon(self, subject: str) -> None:
        """The operator has lifted a ban, or would have: it shall end everywhere. Raises: BanSubjectError."""
        self._facts.keep([pardon(normal_subject(subject), self._entries.now())])

    # --- from the others ---

    def visit(self, share: CrawlShare) -> None:
        """Visit only those whom a share covers, as long as it holds."""
        self._dials.share = share

    def adopt(self, lines: Sequence[str]) -> int:
        """Take over what others know. Returns: how much of it was new here."""
        new = 0
        for item in read(lines):
            if isinstance(item, KnownAddress):
                new += self._adopt_address(item)
            else:
                with suppress(BanSubjectError):
                    new += self._adopt_ban(item) if isinstance(item, Ban) else self._adopt_pardon(item)
        return new

    def _adopt_address(self, row: KnownAddress) -> bool:
        try:
            self._rules.check(row.address, row.source)
        except AddressRefusedError:
            return False
        entry = self._entries.get(row.id)
        if entry is None:
            return self._entries.take_in(row)
        if rank(row) <= rank(entry.known()) or not self._is_same_place(entry, row):
            return False
        now = self._entries.now()
        self._verdicts.adopt(entry, row)
        self._promotion.settle(now)
        if row.incompatible:
            self._entries.demote_if_room(entry)
        elif not row.attempts and row.last_success and entry.kind is Kind.NEW:
            self._promotion.promote(entry, now)
        return True

    def _is_same_place(self, entry: Entry, row: KnownAddress) -> bool:
        """Whether what a dial there has shown concerns this entry. It moves where it was reached later than here."""
        if entry.is_at(row.address):
            return True
        if row.last_success <= entry.last_success or not self._rules.may_move_to(row.address):
            return False
        self._moves.forget(entry)
        self._entries.move(entry, row.address)
        return True

    def _adopt_ban(self, ban: Ban) -> bool:
        subject = normal_subject(ban.subject)
        if ban.until <= self._entries.now() or self._misbehaviour.trusts(subject):
            return False
        pardoned = self._facts.get(FactKind.PARDON, subject)
        if pardoned is not None and ban.since <= pardoned.numbers[0]:
            return False
        return self._bad_peers.adopt(ban)

    def _adopt_pardon(self, fact: Fact) -> bool:
        subject, at = normal_subject(fact.name), fact.numbers[0]
        known = self._facts.get(FactKind.PARDON, subject)
        if known is not None and known.numbers[0] >= at:
            return False
        self._facts.keep([pardon(subject, at)])
        ban = self._bans.get(subject)
        if ban is None or ban.since <= at:
            self._misbehaviour.forgive(subject)
        return True
