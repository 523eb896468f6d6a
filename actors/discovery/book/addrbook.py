"""The address book: the nodes we have heard of, those we have reached, and those we do not want.

Plain state, no I/O: a clock and a random source are handed in, and `drain` says what a store has to write.
Rules and figures are those of reference 9, and better where CometBFT is known to fall short (reference 12): a
full old bucket loses nobody, our own ID is refused at any port, bans have reasons and are kept.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

from peerage.actors.discovery.book.additions import Added, Outcome
from peerage.actors.discovery.book.address_rules import AddressRules
from peerage.actors.discovery.book.anchors import Anchors
from peerage.actors.discovery.book.answers import AnswerChooser
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import Ban, BanList
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.changes import Changes, NoTouchedIDs, TouchedIDs
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.book.curation import Curation
from peerage.actors.discovery.book.entries import MAX_NEW_BUCKETS, Entries
from peerage.actors.discovery.book.facts import Fact, FactList
from peerage.actors.discovery.book.known_address import Entry, Kind, KnownAddress
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.discovery.book.moves import Moves
from peerage.actors.discovery.book.overview import Overview
from peerage.actors.discovery.book.own_addresses import OwnAddresses
from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.book.promotion import Promotion
from peerage.actors.discovery.book.replica import Replica
from peerage.actors.discovery.book.restoring import restore_bans, restore_rows
from peerage.actors.discovery.book.timestamps import nanoseconds
from peerage.actors.discovery.book.verdicts import Verdicts
from peerage.actors.discovery.errors import AddressMissingError, AddressRefusedError
from peerage.wire.keys import normal_id
from peerage.wire.net_address import NetAddress

KEY_BITS = 96  # reference 9


@dataclass(frozen=True, slots=True)
class BookStatistics:
    """Counts. references: places taken in buckets, for a new address may take up to four. verified: how many
    answered when they were last dialled. incompatible: how many turned out to be of another network.
    """

    size: int
    new: int
    old: int
    banned: int
    references: int
    verified: int
    incompatible: int = 0


class AddrBook:
    """Known addresses by node ID: one address for each ID, new or old.

    The book itself learns addresses, takes the results of dials and tells its store what changed. Its parts do the
    rest:

        dials       whom to dial, and whether more addresses are wanted
        answers     what to tell a node that asks for addresses
        bad_peers   bans of known nodes, which leave the book and come back; bans of anybody else, too
        bans        the list of bans, to look at
        misbehaviour  what counts against whom, and the bans for it
        own         our own addresses
        anchors     the peers to begin with after a restart
        curation    what the operator adds, takes out, or unites with another book
        overview    how full its buckets are, whom it knows, for people
        facts       what others count and want stored with the book
        replica     what is new, for books that share with this one

    One owner at a time; no method waits. Whatever a remote node says, the only error is an `AddressRefusedError`, and
    memory is bounded by the shape.

    Args: clock, Unix seconds; rng, the only source of chance; strict, whether addresses must be routable; key, 24
        hexadecimal digits that place addresses in buckets and must stay with the book (None: a new one); journaled,
        whether a store calls `drain`.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        strict: bool = True,
        key: str | None = None,
        shape: BookShape | None = None,
        improvements: Improvements | None = None,
        journaled: bool = True,
    ) -> None:
        self.improvements = improvements = improvements or Improvements()
        self.shape = shape or BookShape()
        self.strict = strict
        self.key = key or f"{rng.getrandbits(KEY_BITS):0{KEY_BITS // 4}x}"
        self.bans = BanList(clock)
        self.own = OwnAddresses()
        self.facts = FactList()
        self._clock = clock
        self._rng = rng
        self._touched = TouchedIDs() if journaled else NoTouchedIDs()
        self._rules = AddressRules(self.bans, self.own, strict=strict)
        self._verdicts = Verdicts(self._touched)
        self._moves = Moves(self._touched, follow=improvements.follow_moves)
        self._entries = Entries(
            self.shape,
            self.key,
            strict=strict,
            now=self._now,
            touched=self._touched,
            indexes=(self._verdicts, self._moves),
        )
        self._promotion = Promotion(self._entries, test_first=improvements.test_before_evict)
        self.bad_peers = BadPeers(self._entries, self.bans, self._rules, now=self._now)
        self.misbehaviour = Misbehaviour(self.bad_peers, self.bans, self.facts, clock=clock)
        self.anchors = Anchors(self.facts, enabled=improvements.anchors, may_be_dialled=self._may_be_anchor)
        self.dials = DialChooser(
            self._entries,
            self.bans,
            verdicts=self._verdicts,
            moves=self._moves,
            promotion=self._promotion,
            anchors=self.anchors,
            reinstate=self.bad_peers.reinstate,
            rng=rng,
            now=self._now,
            strict=strict,
            improvements=improvements,
        )
        self.curation = Curation(
            self._entries,
            self._rules,
            verdicts=self._verdicts,
            moves=self._moves,
            anchors=self.anchors,
            touched=self._touched,
            add=self.add,
        )
        self.replica = Replica(
            self._entries,
            self.misbehaviour,
            self.bad_peers,
            self.bans,
            self.facts,
            rules=self._rules,
            verdicts=self._verdicts,
            moves=self._moves,
            promotion=self._promotion,
            dials=self.dials,
            rng=rng,
        )
        sizes = self.shape.new_bucket_size, self.shape.old_bucket_size
        self.overview = Overview(self._entries, sizes, rng, strict=strict)
        self.answers = AnswerChooser(
            self._entries,
            self._verdicts.verified,
            self.bans,
            rng=rng,
            now=self._now,
            verified_answers=improvements.verified_answers,
        )

    # --- what is in it ---

    def __len__(self) -> int:
        return len(self._entries)

    def has(self, node_id: str) -> bool:
        """Whether an address of this ID is known."""
        return normal_id(node_id) in self._entries

    def get(self, node_id: str) -> KnownAddress | None:
        """What is known of this ID."""
        entry = self._entries.get(normal_id(node_id))
        return None if entry is None else entry.known()

    def is_good(self, node_id: str) -> bool:
        """Whether it was ever marked good and has done nothing bad since. False for an ID that is not known."""
        entry = self._entries.get(normal_id(node_id))
        return entry is not None and entry.kind is Kind.OLD

    def addresses(self) -> Iterator[KnownAddress]:
        """All that is known. The book must not change meanwhile."""
        return (entry.known() for entry in self._entries)

    def statistics(self) -> BookStatistics:
        """Counts for logs and metrics."""
        new, old = self._entries.new, self._entries.old
        return BookStatistics(
            len(self),
            len(new),
            len(old),
            len(self.bans),
            new.references + old.references,
            len(self._verdicts.verified),
            len(self._verdicts.incompatible),
        )

    # --- who we are, and whom nobody may know ---

    def add_our_id(self, node_id: str) -> None:
        """Remember an ID as ours: it is refused, wherever it is said to be."""
        self.own.add_id(node_id)
        self.remove(node_id)

    def add_our_address(self, address: NetAddress) -> None:
        """Remember an address as ours: its ID at any port, and its IP and port under any ID, are refused."""
        self.own.add(address)
        for entry in [each for each in self._entries if each.is_at(address)]:
            self._entries.drop(entry)
        self.remove(address.id)

    def add_private_ids(self, node_ids: Iterable[str]) -> None:
        """Never learn addresses of these IDs, nor from them. Those already known leave the book."""
        private = tuple(node_ids)
        self._rules.add_private_ids(private)
        for node_id in private:
            self.remove(node_id)

    # --- learning ---

    def add(self, address: NetAddress | None, source: NetAddress | None) -> Outcome:
        """Hear of an address.

        Args: source, who told it; it is not validated. An inbound peer is its own source.
        Returns: what it led to; an address that is known stays under the address first heard.
        Raises: AddressMissingError, AddressUnfitError, AddressBannedError, AddressPrivateError,
            SourcePrivateError, OwnAddressError, AddressNotRoutableError, the first that holds.
        Source: reference 9, Adding.
        """
        return self._hear(address, source, self._now(), check_known=self._rules.can_change_for_known)

    def _hear(
        self, address: NetAddress | None, source: NetAddress | None, now: int, *, check_known: bool
    ) -> Outcome:
        """Hear of an address. Most work of a book is here, which is why `now` and `check_known` are looked up once for many.

        Args: check_known, whether to check even an address that is in the book: it has passed all checks but those that
            look at the source, or came later.
        """
        if address is None or source is None:
            raise AddressMissingError(address)
        entry = self._entries.get(address.id)
        same = entry is not None and (entry.address is address or entry.address == address)
        if check_known or not same:
            self._rules.check(address, source)
        if entry is not None:
            if entry.incompatible and source.id == address.id:
                self._verdicts.is_ours_again(entry)
            if not same and not entry.is_at(address):
                self._moves.hear(entry, address, source)
            # A known ID may lie in one bucket more, but the more it has, the less likely.
            taken = len(entry.buckets)
            if (
                entry.kind is not Kind.NEW
                or taken >= MAX_NEW_BUCKETS
                or self._rng.random() * 2 * taken >= 1.0
            ):
                return Outcome.LEFT_ALONE
        number, shared = self._entries.bucket_told_by(address, source)
        if entry is None:
            by_itself = source.id == address.id
            entry = Entry(address, address if by_itself and source == address else shared, now)
            self._entries.put(entry, number)
            if by_itself:
                self.answers.arrived(entry)
            return Outcome.ADDED
        if number in entry.buckets:
            return Outcome.LEFT_ALONE
        self._entries.put(entry, number)
        return Outcome.SEEN_AGAIN

    def add_all(self, addresses: Iterable[NetAddress], source: NetAddress | None) -> Added:
        """Hear of all addresses of one answer. What is refused is counted, never raised.

        Args: source, who told them, as in `add`; without it all are refused as missing.
        """
        return self._add(zip(addresses, repeat(source), strict=False))

    def add_each(self, addresses: Iterable[NetAddress]) -> Added:
        """Hear of addresses, each from itself, as inbound peers tell theirs; otherwise as `add_all`."""
        heard = tuple(addresses)
        return self._add(zip(heard, heard, strict=True))

    def _add(self, heard: Iterable[tuple[NetAddress, NetAddress | None]]) -> Added:
        added = again = alone = 0
        refused: Counter[str] = Counter()
        displaced = self._entries.displaced
        now, check_known = self._now(), self._rules.can_change_for_known
        for address, source in heard:
            try:
                outcome = self._hear(address, source, now, check_known=check_known)
            except AddressRefusedError as error:
                refused[error.reason] += 1
                continue
            if outcome is Outcome.ADDED:
                added += 1
            elif outcome is Outcome.SEEN_AGAIN:
                again += 1
            else:
                alone += 1
        return Added(added, again, alone, dict(refused), self._entries.displaced - displaced)

    def merge(self, rows: Iterable[KnownAddress]) -> Added:
        """Take what another book knew, with its history. An ID known here stays as it is, and loses no place.

        Rows keep the buckets they had, where there is room; otherwise each goes where this book's key places it, an old
        one among the new if need be. When that is full too it is refused: `NO_ROOM`.
        """
        return self.curation.merge(rows)

    def remove(self, node_id: str) -> bool:
        """Forget an ID. Returns: whether it was known."""
        entry = self._entries.get(normal_id(node_id))
        if entry is None:
            return False
        self._entries.drop(entry)
        return True

    # --- what dials have shown ---

    def mark_attempt(self, node_id: str, address: NetAddress | None = None) -> bool:
        """Note that a dial has failed.

        Args: address, what was dialled. When that is not the ID's own one but one it was said to have moved to,
            that one is forgotten, and nothing else happens.
        Returns: whether the ID is known.
        """
        entry = self._entries.get(normal_id(node_id))
        if entry is None:
            return False
        if not self._moves.was_elsewhere(entry, address):
            now = self._now()
            self._verdicts.failed(entry, now)
            self._promotion.settle(now)
        return True

    def mark_good(self, node_id: str, address: NetAddress | None = None, latency_s: float = 0.0) -> bool:
        """Note that the node proved itself: no failed tries any more, and it is old from now on.

        Nobody leaves the book for that. A full old bucket's oldest becomes new again, or, when it has to be tested
        before, this one waits among the new.
        Args: address, where the handshake was, if it was dialled: the ID moves there; latency_s, how long dial and
            handshake took.
        Returns: whether the ID is known.
        """
        entry = self._entries.get(normal_id(node_id))
        if entry is None:
            return False
        if (
            address is not None
            and self._moves.may_follow(entry, address)
            and self._rules.may_move_to(address)
        ):
            self._moves.forget(entry)
            self._entries.move(entry, address)
        now = self._now()
        self._verdicts.answered(entry, now, nanoseconds(latency_s))
        self._promotion.settle(now)
        if entry.kind is Kind.NEW:
            self._promotion.promote(entry, now)
        return True

    def mark_incompatible(self, node_id: str, address: NetAddress | None = None) -> bool:
        """Note that the node is there and is of another network, or speaks another protocol: it is let be.

        It is neither dialled for an hour, doubling up to a day with each time, nor told to anybody until it has turned
        out to be one of ours again: when it answers as such, or comes by itself.
        Args: address, what was dialled, as in `mark_attempt`.
        Returns: whether the ID is known.
        """
        entry = self._entries.get(normal_id(node_id))
        if entry is None:
            return False
        if not self._moves.was_elsewhere(entry, address):
            now = self._now()
            self._verdicts.is_another_network(entry, now)
            self._promotion.settle(now)
            self._entries.demote_if_room(entry)
        return True

    # --- storing ---

    def drain(self) -> Changes:
        """What changed since the last call. Whoever acknowledges a change must have stored it before."""
        touched = [(node_id, self._entries.get(node_id)) for node_id in self._touched.drain()]
        changed = tuple(entry.known() for _, entry in touched if entry is not None)
        gone = tuple(node_id for node_id, entry in touched if entry is None)
        banned, lifted = self.bans.drain()
        changes = Changes(self.key, changed, gone, banned, lifted, self.facts.drain())
        self.replica.note(changes)
        return changes

    def everything(self) -> Changes:
        """All that a store has to hold, as for a new one."""
        return Changes(
            self.key, tuple(self.addresses()), (), tuple(self.bans), (), self.facts.all(), new_key=True
        )

    def restore(
        self,
        rows: Iterable[KnownAddress],
        bans: Iterable[Ban] = (),
        facts: Iterable[Fact] = (),
        *,
        stored: bool = False,
    ) -> list[str]:
        """Fill the book with what a store or a file kept. The anchors among the facts are offered first.

        Rows keep their buckets where those are possible; the others are placed anew.
        Args: stored, whether the rows come from where `drain` goes: only what had to be changed is told
            again.
        Returns: a line for each row or ban that was left out.
        """
        faults = restore_bans(bans, self.bans)
        faults += restore_rows(rows, self._entries, self._rules, self._touched, stored=stored)
        self.facts.restore(facts)
        self.anchors.begin()
        self.misbehaviour.begin()
        return faults

    # --- inside ---

    def _now(self) -> int:
        return nanoseconds(self._clock())

    def _may_be_anchor(self, address: NetAddress) -> bool:
        return self._rules.may_be_dialled(address) and address.id not in self._verdicts.incompatible
