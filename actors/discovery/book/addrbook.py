"""The address book: whom we have heard of, whom we have reached, whom we do not want.

Plain state, no I/O: a clock and a random source are handed in, and `drain` says what a store has to write.
Rules and figures are those of reference 9, and better where CometBFT is known to fall short (reference 12): a
full old bucket loses nobody, our own ID is refused at any port, bans have reasons and are kept.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from peerage.actors.discovery.book.bans import Ban, BanList
from peerage.actors.discovery.book.buckets import BookShape, Placement, Table
from peerage.actors.discovery.book.changes import Changes
from peerage.actors.discovery.book.eviction_tests import Contests
from peerage.actors.discovery.book.facts import Fact, FactKind, FactList
from peerage.actors.discovery.book.known_address import Entry, Kind, KnownAddress
from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.book.selection import new_and_old, selection_size
from peerage.actors.discovery.book.tally import LeftOut, Tally
from peerage.actors.discovery.book.timestamps import NEVER, SECOND, nanoseconds
from peerage.actors.discovery.book.verified import VerifiedPool
from peerage.actors.discovery.errors import (
    AddressBannedError,
    AddressMissingError,
    AddressNotRoutableError,
    AddressPrivateError,
    AddressRefusedError,
    AddressUnfitError,
    BanSubjectError,
    OwnAddressError,
    SourcePrivateError,
)
from peerage.wire.errors import AddressError
from peerage.wire.keys import NodeID, normal_id
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddrs

NEEDS_MORE_BELOW = 1000  # reference 9
MAX_NEW_BUCKETS = 4  # reference 9
KEY_BITS = 96  # reference 9
DRAWS_PER_PICK = 10  # for one address of an offer, to find one of another group
MAX_DRAWS = 8  # for one pick, when networks are banned
MAX_ANCHORS = 4  # dialled first after a restart: few, so that a bad lot does not stay for ever
FEW_VERIFIED = 32  # as many as the smallest answer of a larger book holds; with fewer, arrivals are told too
ARRIVED = 10 * SECOND  # so long ago at most
MAX_ARRIVALS = 64
MAX_MOVED = 4096  # IDs said to be elsewhere; the one heard of first makes room
NO_ROOM = "no room"  # what a merge refuses because its buckets are full
_KNOWN_SOURCES = 4096  # how many sources are kept to be shared between the entries they told


class Outcome(Enum):
    """What an addition that is not refused leads to."""

    ADDED = auto()
    """The ID was not known."""
    SEEN_AGAIN = auto()
    """The ID was known and lies in one bucket more now."""
    LEFT_ALONE = auto()
    """The ID was known, and nothing changed."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the addresses of one answer.

    refused: how many for which reason. displaced: how many others lost their last place to these, because the
    buckets of their groups were full. left_out: those refused with examples, told of `merge` only.
    """

    added: int
    seen_again: int
    left_alone: int
    refused: dict[str, int]
    displaced: int = 0
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """How many changed the book."""
        return self.added + self.seen_again


@dataclass(frozen=True, slots=True)
class Offer:
    """What one round of ensure-peers needs from the book. candidates: in the order of picking, each once."""

    candidates: tuple[NetAddress, ...]
    needs_more: bool
    size: int


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


class _NoJournal(set[NodeID]):
    """Forgets at once what is written into it."""

    def add(self, _node_id: NodeID) -> None:
        """Do nothing."""


class AddrBook:
    """Known addresses by node ID: one address for each ID, new or old.

    One owner at a time; no method waits. Not one call of a remote's making raises anything but an
    `AddressRefusedError`, and memory is bounded by the shape.

    Args: clock, Unix seconds; rng, the only source of chance; strict, whether addresses must be routable;
        key, 24 hexadecimal digits that place addresses in buckets and must stay with the book (None: a new
        one).
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
        self.improvements = improvements or Improvements()
        self.shape = shape or BookShape()
        self.strict = strict
        self.key = key or f"{rng.getrandbits(KEY_BITS):0{KEY_BITS // 4}x}"
        self.bans = BanList(clock)
        self._clock = clock
        self._rng = rng
        self._placement = Placement(self.key, self.shape)
        self._entries: dict[NodeID, Entry] = {}
        self._new = Table(self.shape.new_buckets, self.shape.new_bucket_size)
        self._old = Table(self.shape.old_buckets, self.shape.old_bucket_size)
        self._touched: set[NodeID] = set() if journaled else _NoJournal()
        self._our_ids: set[NodeID] = set()
        self._our_places: set[str] = set()
        self._private_ids: set[NodeID] = set()
        self._facts = FactList()
        self._verified = VerifiedPool()
        self._arrivals: deque[Entry] = deque(
            maxlen=MAX_ARRIVALS
        )  # heard of first from themselves, the last ones
        self._contests = Contests()
        self._moved: dict[NodeID, None] = {}  # who is said to be elsewhere, in the order of hearing
        self._incompatible: set[NodeID] = set()  # whose nodes are of another network
        self._anchors_due = False
        self._displaced = 0  # how many lost their last place to another
        self._sources: dict[NetAddress, tuple[NetAddress, str]] = {}  # source → the shared one, its group

    # --- what is in it ---

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def new_count(self) -> int:
        """How many have only been heard of."""
        return len(self._new)

    @property
    def old_count(self) -> int:
        """How many have been proved good."""
        return len(self._old)

    @property
    def is_empty(self) -> bool:
        """Whether there is no address at all."""
        return not self._entries

    @property
    def needs_more(self) -> bool:
        """Whether there are fewer than 1000 addresses, those of other networks not counted. Source: reference 9."""
        return len(self._entries) - len(self._incompatible) < NEEDS_MORE_BELOW

    def has(self, node_id: str) -> bool:
        """Whether an address of this ID is known."""
        return normal_id(node_id) in self._entries

    def get(self, node_id: str) -> KnownAddress | None:
        """What is known of this ID."""
        entry = self._entries.get(normal_id(node_id))
        return None if entry is None else entry.known()

    def is_good(self, node_id: str) -> bool:
        """Whether it was ever marked good and has done nothing bad since. False for who is not known."""
        entry = self._entries.get(normal_id(node_id))
        return entry is not None and entry.kind is Kind.OLD

    def is_banned(self, node_id: str) -> bool:
        """Whether the ID is kept out of the book, be it that its time is over and nobody reinstated it.

        Who may connect is another question: `bans.ban_of` answers it.
        """
        return self.bans.holds(node_id)

    def addresses(self) -> Iterator[KnownAddress]:
        """All that is known. The book must not change meanwhile."""
        return (entry.known() for entry in self._entries.values())

    def statistics(self) -> BookStatistics:
        """Counts for logs and metrics."""
        references = self._new.references + self._old.references
        return BookStatistics(
            len(self),
            len(self._new),
            len(self._old),
            len(self.bans),
            references,
            len(self._verified),
            len(self._incompatible),
        )

    # --- who we are, and whom nobody may know ---

    def add_our_id(self, node_id: str) -> None:
        """Remember an ID as ours: it is refused, wherever it is said to be."""
        self._our_ids.add(normal_id(node_id))
        self.remove(node_id)

    def add_our_address(self, address: NetAddress) -> None:
        """Remember an address as ours: its ID at any port, and its IP and port under any ID, are refused.

        CometBFT remembers the three together only, so that our ID at another port gets in.
        """
        self._our_places.add(address.dial_string)
        for entry in [each for each in self._entries.values() if _same_place(each.address, address)]:
            self._drop(entry)
        self.add_our_id(address.id)

    def is_ours(self, address: NetAddress) -> bool:
        """Whether it leads to ourselves, as far as we know."""
        return address.id in self._our_ids or (
            bool(self._our_places) and address.dial_string in self._our_places
        )

    def add_private_ids(self, node_ids: Iterable[str]) -> None:
        """Never learn addresses of these IDs, nor from them. Those already known leave the book."""
        for node_id in node_ids:
            self._private_ids.add(normal_id(node_id))
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
        if address is None or source is None:
            raise AddressMissingError(address)
        entry = self._entries.get(address.id)
        same = entry is not None and (entry.address is address or entry.address == address)
        # who is in the book has passed all checks but those that look at the source, or came later
        if not same or self._private_ids or self.bans.any_network:
            self._check(address, source)
        if entry is not None:
            if entry.incompatible and source.id == address.id:
                self._is_ours_again(entry)
            if not same and not _same_place(entry.address, address):
                self._hear_of_move(entry, address, source)
            if not self._may_spread(entry):
                return Outcome.LEFT_ALONE
        shared, source_group = self._share(source)
        group = address.group(strict=self.strict)
        number = self._placement.new_bucket(group, source_group)
        if entry is None:
            entry = Entry(address, address if source == address else shared, self._now())
            self._enter_new(entry, number)
            if source.id == address.id:
                self._arrivals.append(entry)
            return Outcome.ADDED
        if number in entry.buckets:
            return Outcome.LEFT_ALONE
        self._enter_new(entry, number)
        return Outcome.SEEN_AGAIN

    def add_all(self, addresses: Iterable[NetAddress], source: NetAddress | None) -> Added:
        """Hear of all addresses of one answer. What is refused is counted, never raised.

        Args: source, who told them, as in `add`; without it all are refused as missing.
        """
        return self._add((address, source) for address in addresses)

    def add_each(self, addresses: Iterable[NetAddress]) -> Added:
        """Hear of addresses, each from itself, as inbound peers tell theirs. As `add_all` else."""
        return self._add((address, address) for address in addresses)

    def _add(self, heard: Iterable[tuple[NetAddress, NetAddress | None]]) -> Added:
        added = again = alone = 0
        refused: Counter[str] = Counter()
        displaced = self._displaced
        for address, source in heard:
            try:
                outcome = self.add(address, source)
            except AddressRefusedError as error:
                refused[error.reason] += 1
                continue
            if outcome is Outcome.ADDED:
                added += 1
            elif outcome is Outcome.SEEN_AGAIN:
                again += 1
            else:
                alone += 1
        return Added(added, again, alone, dict(refused), self._displaced - displaced)

    def merge(self, rows: Iterable[KnownAddress]) -> Added:
        """Take what another book knew, with its history; who is known here stays as he is, and loses no place.

        Rows keep the buckets they had, where there is room; else each goes where this book's key places it, an old
        one among the new if need be. When that is full too it is refused: `NO_ROOM`.
        """
        added = alone = 0
        refused = Tally()
        for row in rows:
            try:
                self._check(row.address, row.source)
            except AddressRefusedError as error:
                refused.add(error.reason, str(row.address))
                continue
            if row.id in self._entries:
                alone += 1
            elif self._take_in(row):
                added += 1
            else:
                refused.add(NO_ROOM, str(row.address))
        return Added(added, 0, alone, refused.counts(), left_out=refused.by_reason())

    def ban(self, subject: str, seconds: float, reason: str) -> Ban:
        """Ban an ID, an IP address or a network, known or not.

        A banned ID leaves the book. Addresses of a banned network stay in it, and are neither dialled nor told.
        Raises: BanSubjectError.
        """
        if self.mark_bad(subject, seconds, reason):
            ban = self.bans.get(subject)
            assert ban is not None
            return ban
        return self.bans.add(subject, seconds, reason)

    def lift(self, subject: str) -> bool:
        """End a ban now; a banned ID that was in the book is back in it, as new.

        Returns: whether there was one.
        Raises: BanSubjectError.
        """
        ban = self.bans.get(subject)
        if ban is None:
            return False
        self._reinstate(ban)
        return True

    def mark_attempt(self, node_id: str, address: NetAddress | None = None) -> bool:
        """Note that a dial has failed.

        Args: address, what was dialled. When that is not the ID's own one but one it was said to have moved to,
            that one is forgotten, and nothing else happens.
        Returns: whether the ID is known.
        """
        entry = self._entries.get(normal_id(node_id))
        if entry is None:
            return False
        self._touched.add(entry.address.id)
        if address is not None and not _same_place(address, entry.address):
            if entry.moved is not None and _same_place(address, entry.moved):
                self._forget_move(entry)
            return True
        entry.failed(self._now())
        self._verified.take(entry)
        self._settle()
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
        if address is not None and not _same_place(address, entry.address) and self._may_move(entry, address):
            self._move(entry, address)
        entry.answered(self._now(), nanoseconds(latency_s))
        self._incompatible.discard(entry.address.id)
        self._touched.add(entry.address.id)
        self._verified.put(entry)
        self._settle()
        if entry.kind is Kind.NEW:
            self._promote(entry)
        return True

    def mark_incompatible(self, node_id: str, address: NetAddress | None = None) -> bool:
        """Note that the node is there and is of another network, or speaks another protocol: it is let be.

        Neither dialled for an hour, doubling up to a day with each time, nor told to anybody until it has turned out to
        be one of ours again: when it answers as such, or comes by itself.
        Args: address, what was dialled, as in `mark_attempt`.
        Returns: whether the ID is known.
        """
        entry = self._entries.get(normal_id(node_id))
        if entry is None:
            return False
        self._touched.add(entry.address.id)
        if address is not None and not _same_place(address, entry.address):
            if entry.moved is not None and _same_place(address, entry.moved):
                self._forget_move(entry)
            return True
        entry.is_another_network(self._now())
        self._incompatible.add(entry.address.id)
        self._verified.take(entry)
        self._settle()
        if entry.kind is Kind.OLD and not self._new.is_full(self._home(entry)):
            self._old.take_all(entry)
            entry.kind = Kind.NEW
            self._new.put(entry, self._home(entry))
        return True

    def mark_bad(self, node_id: str, ban_s: float, reason: str) -> bool:
        """Ban an ID that is in the book: it leaves the book and is refused until it is reinstated.

        Returns: whether it was in the book; nothing happens otherwise. `ban` bans anybody.
        """
        return self._mark_bad(node_id, ban_s, reason, address_only=False)

    def give_up(self, node_id: str, ban_s: float, reason: str) -> bool:
        """As `mark_bad`, for an address at which nobody answers, or somebody else: the ID may still connect.

        Whoever spreads a wrong address of somebody must not be able to shut him out.
        """
        return self._mark_bad(node_id, ban_s, reason, address_only=True)

    def _mark_bad(self, node_id: str, ban_s: float, reason: str, *, address_only: bool) -> bool:
        entry = self._entries.get(normal_id(node_id))
        if entry is None:
            return False
        entry.last_ban = max(entry.last_ban, self._now() + nanoseconds(ban_s))
        known = entry.known()
        self._drop(entry)
        self.bans.add(known.id, ban_s, reason, known, address_only=address_only)
        return True

    def reinstate_bad_peers(self) -> list[NodeID]:
        """Lift all bans whose time is over; who was in the book is back in it, as new.

        Returns: who is back.
        """
        over = [ban for ban in self.bans.over() if self._reinstate(ban)]
        return [ban.entry.id for ban in over if ban.entry is not None]

    def remove(self, node_id: str) -> bool:
        """Forget an ID. Returns: whether it was known."""
        entry = self._entries.get(normal_id(node_id))
        if entry is None:
            return False
        self._drop(entry)
        return True

    # --- choosing ---

    def pick(self, bias: int) -> NetAddress | None:
        """An address to dial: of either kind by bias and number, of any bucket of that kind, any entry of it.

        Args: bias towards new ones in percent, cut to 0..100.
        Returns: None when there is none of the kind that chance chose.
        Source: reference 9.
        """
        bias = max(0, min(100, bias))
        old_weight = math.sqrt(len(self._old)) * (100 - bias)
        new_weight = math.sqrt(len(self._new)) * bias
        from_old = (old_weight + new_weight) * self._rng.random() < old_weight
        table = self._old if from_old else self._new
        if not len(table):
            return None
        for _ in range(MAX_DRAWS):
            entry = table.random_entry(self._rng)
            if not self._barred(entry):
                return self._dialable(entry)
        return None

    def offer(self, bias: int, picks: int) -> Offer:
        """Everything that one round of ensure-peers asks the book for.

        When the book needs more, bans that are over end first. The first offer of a book that was just restored
        begins with the anchors.
        """
        if self.needs_more:
            self.reinstate_bad_peers()
        candidates = {address.id: address for address in self.anchors()} if self._anchors_due else {}
        self._anchors_due = False
        if self.improvements.spread_groups:
            self._spread(bias, picks, candidates)
        else:
            for _ in range(picks):
                address = self.pick(bias)
                if address is not None:
                    candidates.setdefault(address.id, address)
        return Offer(tuple(candidates.values()), self.needs_more, len(self))

    def anchors(self) -> list[NetAddress]:
        """The last good outbound peers, the best first; none when the switch is off."""
        if not self.improvements.anchors:
            return []
        facts = sorted(self._facts.of(FactKind.ANCHOR), key=lambda fact: fact.numbers)
        found = (NetAddress.parse(fact.name) for fact in facts)
        return [address for address in found if self._may_be_dialled(address)]

    def set_anchors(self, addresses: Iterable[NetAddress]) -> None:
        """Remember outbound peers that are good now, the best first. With none the last ones stay."""
        names = [str(address) for address in addresses][:MAX_ANCHORS]
        if not names or not self.improvements.anchors:
            return
        gone = {fact.name for fact in self._facts.of(FactKind.ANCHOR)}.difference(names)
        self._facts.keep(Fact(FactKind.ANCHOR, name) for name in gone)
        self._facts.keep(Fact(FactKind.ANCHOR, name, (rank,)) for rank, name in enumerate(names))

    def feeler(self) -> NetAddress | None:
        """An address to try for the book's sake alone: dial, shake hands, hang up, and mark it.

        First who has to prove himself against a newcomer, then who is said to have moved, else any new one that
        was not tried lately. Returns: None when there is none, or the switch is off.
        """
        if not self.improvements.feelers:
            return None
        self._settle()
        for contest in self._contests:
            if not self._barred(contest.incumbent):
                return contest.incumbent.address
        for node_id in tuple(self._moved):
            entry = self._entries[node_id]
            self._moved[node_id] = self._moved.pop(node_id)  # to the end: each in turn
            if entry.moved is not None and not self._barred(entry):
                return entry.moved
        now = self._now()
        for _ in range(MAX_DRAWS if len(self._new) else 0):
            entry = self._new.random_entry(self._rng)
            if entry.next_try <= now and not self._barred(entry):
                return entry.address
        return None

    def due_address(self, node_id: str) -> NetAddress | None:
        """Where to visit this ID now; None when it is not known, or its time has not come. See `due`."""
        entry = self._entries.get(normal_id(node_id))
        if entry is None or entry.next_try > self._now() or self._barred(entry):
            return None
        return entry.moved if entry.moved is not None else entry.address

    def due(self, count: int) -> list[NetAddress]:
        """Addresses that a seed should visit now, to know whether they answer.

        Half of them at most to look again at those that did, longest ago first, so that a flood of new
        addresses keeps no seed from that; then any others whose time has come.
        """
        now = self._now()
        again = [entry for entry in self._verified if entry.next_try <= now and not self._barred(entry)]
        others = [
            entry
            for table in (self._new, self._old)
            for entry in table
            if entry.next_try <= now and entry not in self._verified and not self._barred(entry)
        ]
        half = max(count // 2, count - len(others))
        chosen = heapq.nsmallest(half, again, key=lambda entry: entry.next_try)
        chosen += self._rng.sample(others, min(count - len(chosen), len(others)))
        return [entry.moved if entry.moved is not None else entry.address for entry in chosen]

    def selection(self) -> list[NetAddress]:
        """Addresses to tell somebody, new and old as they come.

        Those whose last dial failed are left out, if there are others and the switch `verified_answers` is on.
        Source: reference 9.
        """
        entries = self._new.sample_with(self._old, self._rng, selection_size(len(self)))
        if self.improvements.verified_answers:  # nobody is helped by an address that just failed
            entries = [entry for entry in entries if not entry.attempts] or entries
        return self._told(entries)

    def selection_with_bias(self, percent_new: int) -> list[NetAddress]:
        """Addresses to tell somebody, the new ones first: a seed's answer.

        Args: the share of new ones in percent; more of them if there are not enough old ones, and the other
            way round. It counts only with the switch `verified_answers` off: otherwise those that a handshake has
            verified are told, and none else as long as there is one; but of a small network also those who have just
            come and told their address themselves, for it is tried in a moment, and who starts with them waits for it.
        Source: reference 9.
        """
        if self.improvements.verified_answers:
            told = self._told(self._verified.sample(self._rng, selection_size(len(self)), self._now()))
            if told:
                return told + self._told(self._arrived() if len(told) < FEW_VERIFIED else [])
        new, old = new_and_old(len(self._new), len(self._old), percent_new)
        entries = self._new.sample(self._rng, new) + self._old.sample(self._rng, old)
        if self.improvements.verified_answers:  # rather those not tried yet than those that failed
            entries = [entry for entry in entries if not entry.attempts] or entries
        return self._told(entries)

    def answer(self, percent_new: int | None = None) -> bytes:
        """Addresses to tell somebody, as the message that tells them.

        Args: percent_new, as in `selection_with_bias`; None for `selection`.
        """
        told = self.selection() if percent_new is None else self.selection_with_bias(percent_new)
        return PexAddrs.of(told).encode()

    def shut_out(self) -> tuple[Ban, ...]:
        """The bans for which connections are refused now, without what the book knew of whom they hit."""
        return tuple(replace(ban, entry=None) for ban in self.bans.in_force())

    # --- storing ---

    def drain(self) -> Changes:
        """What changed since the last call. Whoever acknowledges a change must have stored it before."""
        touched, self._touched = self._touched, set()
        changed = tuple(self._entries[node_id].known() for node_id in touched if node_id in self._entries)
        gone = tuple(node_id for node_id in touched if node_id not in self._entries)
        banned, lifted = self.bans.drain()
        return Changes(self.key, changed, gone, banned, lifted, self._facts.drain())

    def everything(self) -> Changes:
        """All that a store has to hold, as for a new one."""
        bans = tuple(self.bans)
        return Changes(self.key, tuple(self.addresses()), (), bans, (), self.recall(), new_key=True)

    def keep(self, facts: Iterable[Fact]) -> None:
        """Remember what others count, until it is forgotten: it is stored with the book."""
        self._facts.keep(facts)

    def recall(self) -> tuple[Fact, ...]:
        """Everything that others gave to `keep`, also before a restart."""
        return tuple(fact for kind in FactKind for fact in self._facts.of(kind))

    def restore_facts(self, facts: Iterable[Fact]) -> None:
        """Put back the facts that a store kept."""
        self._facts.restore(facts)
        self._anchors_due = bool(self.anchors())

    def restore(
        self, rows: Iterable[KnownAddress], bans: Iterable[Ban] = (), *, stored: bool = False
    ) -> list[str]:
        """Fill the book with what a store or a file kept.

        Rows keep their buckets where those are possible; the others are placed anew.
        Args: stored, whether the rows come from where `drain` goes: only what had to be changed is told
            again.
        Returns: a line for each row or ban that was left out.
        """
        faults: list[str] = []
        for ban in bans:
            try:
                self.bans.restore(ban)
            except BanSubjectError as error:
                faults.append(f"ban left out: {error}")
        for row in rows:
            node_id = row.address.id
            if node_id in self._entries:
                faults.append(f"{node_id} stands in the book twice, the later one is left out: {row.address}")
            elif not self._may_return(row):
                faults.append(f"banned, private or our own: {row.address}")
                self._touched.add(node_id)
            else:
                self._restore(row, stored=stored)
        return faults

    # --- inside ---

    def _now(self) -> int:
        return nanoseconds(self._clock())

    def _check(self, address: NetAddress, source: NetAddress) -> None:
        try:
            address.validate()
        except AddressError as error:
            raise AddressUnfitError(address) from error
        bans = self.bans
        if bans.holds(address.id) or (bans.any_network and bans.ban_of(ip=address.host) is not None):
            raise AddressBannedError(address)
        if address.id in self._private_ids:
            raise AddressPrivateError(address)
        if source.id in self._private_ids:
            raise SourcePrivateError(address)
        if self.is_ours(address):
            raise OwnAddressError(address)
        if self.strict and not address.routable:
            raise AddressNotRoutableError(address)

    def _reinstate(self, ban: Ban) -> bool:
        """End a ban. Returns: whether somebody is back in the book."""
        self.bans.lift(ban.subject)
        if ban.entry is None or not self._may_return(ban.entry):
            return False
        entry = Entry.of(ban.entry, Kind.NEW)
        self._enter_new(entry, self._home(entry))
        self._note(entry)
        return True

    def _barred(self, entry: Entry) -> bool:
        """Whether nobody is to dial it: a banned network holds its address, or its node is let be.

        A banned ID is not in the book at all.
        """
        if entry.incompatible and entry.next_try > self._now():
            return True
        return self.bans.any_network and self.bans.ban_of(ip=self._dialable(entry).host) is not None

    def _may_be_dialled(self, address: NetAddress) -> bool:
        return not (
            self.bans.holds(address.id)
            or self.bans.ban_of(ip=address.host) is not None
            or address.id in self._private_ids
            or address.id in self._incompatible
            or self.is_ours(address)
        )

    def _is_ours_again(self, entry: Entry) -> None:
        """A node of another network came by itself, as one of ours."""
        entry.incompatible, entry.next_try = 0, NEVER
        self._incompatible.discard(entry.address.id)
        self._touched.add(entry.address.id)

    def _arrived(self) -> list[Entry]:
        """Who came a moment ago by his own account, and was not tried yet."""
        now = self._now()
        return [
            entry
            for entry in self._arrivals
            if entry.buckets
            and not entry.attempts
            and entry not in self._verified
            and 0 <= now - entry.last_attempt <= ARRIVED
        ]

    def _told(self, entries: list[Entry]) -> list[NetAddress]:
        if self.bans.any_network:
            entries = [entry for entry in entries if self.bans.ban_of(ip=entry.address.host) is None]
        return [entry.address for entry in entries if not entry.incompatible]

    def _spread(self, bias: int, picks: int, candidates: dict[NodeID, NetAddress]) -> None:
        """Add so many picks, each of another group as long as there are other groups among ten times as many."""
        groups = {address.group(strict=self.strict) for address in candidates.values()}
        others: dict[NodeID, NetAddress] = {}
        for _ in range(picks * DRAWS_PER_PICK):
            address = self.pick(bias)
            if address is None or address.id in candidates or address.id in others:
                continue
            group = address.group(strict=self.strict)
            if group in groups:
                others[address.id] = address
            else:
                groups.add(group)
                candidates[address.id] = address
                if len(candidates) >= picks:
                    return
        for address in others.values():
            if len(candidates) >= picks:
                return
            candidates[address.id] = address

    @staticmethod
    def _dialable(entry: Entry) -> NetAddress:
        """Where to dial: where it is said to have moved once it does not answer where it was."""
        return entry.moved if entry.moved is not None and entry.attempts else entry.address

    def _hear_of_move(self, entry: Entry, address: NetAddress, source: NetAddress) -> None:
        """Note another address of a known ID, to be tried.

        From others only when it does not answer where it is: they may name a relay of their own, through which
        the handshake would succeed too.
        """
        if not self.improvements.follow_moves:
            return
        itself = source.id == address.id
        if entry.moved == address or not (itself or (entry.attempts and entry.moved is None)):
            return
        if entry.moved is None and len(self._moved) >= MAX_MOVED:
            self._forget_move(self._entries[next(iter(self._moved))])
        entry.moved = address
        self._moved[address.id] = None
        self._touched.add(address.id)

    def _forget_move(self, entry: Entry) -> None:
        entry.moved = None
        self._moved.pop(entry.address.id, None)
        self._touched.add(entry.address.id)

    def _may_move(self, entry: Entry, address: NetAddress) -> bool:
        return (
            self.improvements.follow_moves
            and address.id == entry.address.id
            and not (self.strict and not address.routable)
            and not self.is_ours(address)
        )

    def _move(self, entry: Entry, address: NetAddress) -> None:
        """Put an entry where its new address belongs, or, if that is full, where it was: nobody goes for it."""
        self._forget_move(entry)
        table = self._new if entry.kind is Kind.NEW else self._old
        left = table.take_all(entry)
        entry.address = address
        home = self._home(entry) if entry.kind is Kind.NEW else self._old_home(entry)
        table.put(entry, left[0] if table.is_full(home) else home)

    def _settle(self) -> None:
        """Give old places to those who have won them."""
        if not len(self._contests):
            return
        for contest in self._contests.settled(self._now()):
            if contest.challenger.kind is Kind.NEW and not contest.challenger.attempts:
                self._evict(contest.challenger, self._old_home(contest.challenger), contest.incumbent)

    def _may_spread(self, entry: Entry) -> bool:
        """Whether a known ID may lie in one bucket more: the more it has, the less likely."""
        taken = len(entry.buckets)
        return entry.kind is Kind.NEW and taken < MAX_NEW_BUCKETS and self._rng.random() * 2 * taken < 1.0

    def _may_return(self, known: KnownAddress) -> bool:
        """Whether an address that was in the book once may be in it again."""
        return not (
            known.id in self._private_ids
            or self.is_ours(known.address)
            or self.bans.holds(known.id)
            or known.id in self._entries
        )

    def _share(self, source: NetAddress) -> tuple[NetAddress, str]:
        """One object for each source, however many addresses it told, and its group."""
        found = self._sources.get(source)
        if found is None:
            if len(self._sources) >= _KNOWN_SOURCES:
                self._sources.clear()
            found = self._sources[source] = source, source.group(strict=self.strict)
        return found

    def _home(self, known: KnownAddress | Entry) -> int:
        """The new bucket where an address belongs.

        0.0.0.0 tells of nobody: half of all published entries have that source, and are no group. Such an address
        counts as told by itself.
        """
        group = known.address.group(strict=self.strict)
        unknown = known.source.host.is_unspecified
        return self._placement.new_bucket(group, group if unknown else known.source.group(strict=self.strict))

    def _old_home(self, known: KnownAddress | Entry) -> int:
        """The old bucket where an address belongs."""
        return self._placement.old_bucket(known.address.group(strict=self.strict), str(known.address))

    def _enter_new(self, entry: Entry, number: int) -> None:
        """Put an entry into a new bucket; if that is full, a bad one goes, else its oldest."""
        if self._new.is_full(number):
            self._make_room(number)
        self._new.put(entry, number)
        self._entries[entry.address.id] = entry
        self._touched.add(entry.address.id)

    def _make_room(self, number: int) -> None:
        now = self._now()
        victim = self._new.worst(number, now)
        self._new.take(victim, number)
        self._touched.add(victim.address.id)
        if not victim.buckets:
            self._leave(victim)
            self._displaced += 1

    def _promote(self, entry: Entry) -> None:
        """Move a new entry to its old bucket, if there is room or the oldest there need not be tested first."""
        number = self._old_home(entry)
        if self._old.is_full(number) and self.improvements.test_before_evict:
            self._contests.begin(entry, self._old.oldest(number), self._now())
            return
        self._evict(entry, number)

    def _evict(self, entry: Entry, number: int, loser: Entry | None = None) -> None:
        """Move a new entry to an old bucket. Who has to leave a full one is new again: CometBFT loses it.

        Args: loser, who has to leave; the oldest, if he is not there.
        """
        left = self._new.take_all(entry)
        entry.kind = Kind.OLD
        self._touched.add(entry.address.id)
        if self._old.is_full(number):
            there = loser is not None and loser.kind is Kind.OLD and number in loser.buckets
            self._demote(loser if loser is not None and there else self._old.oldest(number), number, left)
        self._old.put(entry, number)

    def _demote(self, entry: Entry, number: int, left: tuple[int, ...]) -> None:
        """Make an old entry new again, where it belongs or, if that is full, where somebody has just left."""
        self._old.take(entry, number)
        entry.kind = Kind.NEW
        home = self._home(entry)
        self._new.put(entry, left[0] if self._new.is_full(home) else home)
        self._touched.add(entry.address.id)

    def _drop(self, entry: Entry) -> None:
        (self._new if entry.kind is Kind.NEW else self._old).take_all(entry)
        self._leave(entry)
        self._touched.add(entry.address.id)

    def _leave(self, entry: Entry) -> None:
        """It lies in no bucket any more: the book does not know it."""
        del self._entries[entry.address.id]
        self._verified.take(entry)
        self._moved.pop(entry.address.id, None)
        self._incompatible.discard(entry.address.id)

    def _restore(self, row: KnownAddress, *, stored: bool) -> None:
        old = row.kind is Kind.OLD
        table = self._old if old else self._new
        buckets = row.buckets
        if len(buckets) != 1 or not 0 <= buckets[0] < len(table.buckets):
            buckets = self._possible(row)
        entry = Entry.of(row, row.kind)
        for number in buckets:
            table.put(entry, number)
        self._entries[row.address.id] = entry
        self._note(entry)
        if not stored or buckets != row.buckets:
            self._touched.add(row.address.id)

    def _take_in(self, row: KnownAddress) -> bool:
        """Put another book's row where it lay there or where it belongs here. Returns: whether there is room."""
        entry = Entry.of(row, row.kind)
        table, home = self._new, self._home(row)
        if row.kind is Kind.OLD:
            table, home = self._old, self._old_home(row)
        numbers = [number for number in self._possible(row) if table.has_room(number)]
        if not numbers and table.has_room(home):
            numbers = [home]
        if not numbers and row.kind is Kind.OLD:
            table, home, entry.kind = self._new, self._home(row), Kind.NEW
            numbers = [home] if table.has_room(home) else []
        for number in numbers:
            table.put(entry, number)
        if numbers:
            self._entries[row.id] = entry
            self._touched.add(row.id)
            self._note(entry)
        return bool(numbers)

    def _note(self, entry: Entry) -> None:
        """Put an entry that comes with a history on the lists where it belongs."""
        if entry.incompatible:
            self._incompatible.add(entry.address.id)
        elif entry.last_success and not entry.attempts:
            self._verified.put(entry)
        if entry.moved is not None:
            self._moved[entry.address.id] = None

    def _possible(self, row: KnownAddress) -> tuple[int, ...]:
        """Those of a row's buckets in which it may lie; where it belongs if it may lie in none."""
        old = row.kind is Kind.OLD
        count = len((self._old if old else self._new).buckets)
        possible = sorted({number for number in row.buckets if 0 <= number < count})
        return tuple(possible[: 1 if old else MAX_NEW_BUCKETS]) or (
            self._old_home(row) if old else self._home(row),
        )


def _same_place(one: NetAddress, other: NetAddress) -> bool:
    return one.port == other.port and one.host == other.host
