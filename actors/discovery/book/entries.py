"""All entries of a book by node ID, each in the buckets where it belongs: how places are given, taken and lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from peerage.actors.discovery.book.buckets import BookShape, Placement, Table
from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.known_address import Entry, Kind, KnownAddress
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

MAX_NEW_BUCKETS = 4  # reference 9
KNOWN_SOURCES = 4096  # how many sources are kept to be shared between the entries they told


class EntryIndex(Protocol):
    """A list of some entries that is kept beside the buckets: `Verdicts`, `Moves`."""

    def note(self, entry: Entry) -> None:
        """An entry has arrived that has a history."""

    def leave(self, entry: Entry) -> None:
        """An entry has left the book."""


class Entries:
    """Which IDs are known, and in which buckets they lie.

    Args: key, places addresses in buckets; strict, whether groups are those of routable addresses; now, Unix
        nanoseconds; touched, where changed entries are noted; indexes, told who arrives with a history and who leaves.
    """

    def __init__(
        self,
        shape: BookShape,
        key: str,
        *,
        strict: bool,
        now: Callable[[], int],
        touched: TouchedIDs,
        indexes: Sequence[EntryIndex] = (),
    ) -> None:
        self.new = Table(shape.new_buckets, shape.new_bucket_size)
        self.old = Table(shape.old_buckets, shape.old_bucket_size)
        self.displaced = 0
        """How many entries lost their last place to another so far."""
        self._placement = Placement(key, shape)
        self._strict = strict
        self.now = now
        """Unix nanoseconds."""
        self._touched = touched
        self._indexes = indexes
        self._by_id: dict[NodeID, Entry] = {}
        self.get: Callable[[NodeID], Entry | None] = self._by_id.get
        """The entry of an ID, given in its normal form. The dictionary's own method: each address heard of is looked up."""
        self._sources: dict[NetAddress, tuple[NetAddress, str]] = {}  # source → the shared one, its group

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._by_id.values())

    def __contains__(self, node_id: NodeID) -> bool:
        return node_id in self._by_id

    def bucket_told_by(self, address: NetAddress, source: NetAddress) -> tuple[int, NetAddress]:
        """Return the new bucket of an address that somebody told, and one object for all addresses of that source."""
        if source is address:  # an inbound peer tells its own, once: it would only push others out
            group = address.group(strict=self._strict)
            return self._placement.new_bucket(group, group), source
        found = self._sources.get(source)
        if found is None:
            if len(self._sources) >= KNOWN_SOURCES:
                self._sources.clear()
            found = self._sources[source] = source, source.group(strict=self._strict)
        shared, source_group = found
        return self._placement.new_bucket(address.group(strict=self._strict), source_group), shared

    def put(self, entry: Entry, number: int) -> None:
        """Put a new entry into a new bucket. From a full one a bad entry goes, or else the oldest."""
        if self.new.is_full(number):
            self._make_room(number)
        self.new.put(entry, number)
        node_id = entry.address.id
        self._by_id[node_id] = entry
        self._touched.add(node_id)

    def promote(self, entry: Entry, loser: Entry | None = None) -> None:
        """Move a new entry to its old bucket. Whoever has to leave a full one is new again: CometBFT loses it.

        Args: loser, who has to leave; the oldest, when that one is not there.
        """
        number = self.old_bucket(entry)
        left = self.new.take_all(entry)
        entry.kind = Kind.OLD
        self._touched.add(entry.address.id)
        if self.old.is_full(number):
            there = loser is not None and loser.kind is Kind.OLD and number in loser.buckets
            self._demote(loser if loser is not None and there else self.old.oldest(number), number, left)
        self.old.put(entry, number)

    def demote_if_room(self, entry: Entry) -> None:
        """Make an old entry new again, unless the new bucket where it belongs is full."""
        home = self.new_bucket(entry)
        if entry.kind is Kind.OLD and not self.new.is_full(home):
            self.old.take_all(entry)
            entry.kind = Kind.NEW
            self.new.put(entry, home)

    def move(self, entry: Entry, address: NetAddress) -> None:
        """Give an entry another address, and the bucket where that belongs, or its own when that is full.

        Nobody has to go for it.
        """
        table = self.new if entry.kind is Kind.NEW else self.old
        left = table.take_all(entry)
        entry.address = address
        home = self.new_bucket(entry) if entry.kind is Kind.NEW else self.old_bucket(entry)
        table.put(entry, left[0] if table.is_full(home) else home)
        self._touched.add(address.id)

    def drop(self, entry: Entry) -> None:
        """Take an entry out of the book."""
        (self.new if entry.kind is Kind.NEW else self.old).take_all(entry)
        self._leave(entry)

    def come_back(self, known: KnownAddress) -> None:
        """Take back an ID that had left the book, with its history, as new."""
        entry = Entry.of(known, Kind.NEW)
        self.put(entry, self.new_bucket(entry))
        self._note(entry)

    def restore(self, row: KnownAddress, *, stored: bool) -> None:
        """Put back a row that a store or a file kept, into its buckets if those are possible.

        Args: stored, whether the store has the row as it is: it is written again only if its buckets changed.
        """
        table = self.old if row.kind is Kind.OLD else self.new
        buckets = row.buckets
        if len(buckets) != 1 or not 0 <= buckets[0] < len(table.buckets):
            buckets = self._possible(row)
        entry = Entry.of(row, row.kind)
        for number in buckets:
            table.put(entry, number)
        self._by_id[row.address.id] = entry
        self._note(entry)
        if not stored or buckets != row.buckets:
            self._touched.add(row.address.id)

    def take_in(self, row: KnownAddress) -> bool:
        """Take another book's row where it lay there or where it belongs here, an old one among the new if need be.

        Nobody has to go for it. Returns: whether there was room.
        """
        entry = Entry.of(row, row.kind)
        table, home = self.new, self.new_bucket(row)
        if row.kind is Kind.OLD:
            table, home = self.old, self.old_bucket(row)
        numbers = [number for number in self._possible(row) if table.has_room(number)]
        if not numbers and table.has_room(home):
            numbers = [home]
        if not numbers and row.kind is Kind.OLD:
            table, home, entry.kind = self.new, self.new_bucket(row), Kind.NEW
            numbers = [home] if table.has_room(home) else []
        for number in numbers:
            table.put(entry, number)
        if numbers:
            self._by_id[row.id] = entry
            self._touched.add(row.id)
            self._note(entry)
        return bool(numbers)

    def new_bucket(self, known: KnownAddress | Entry) -> int:
        """The new bucket where an address belongs.

        The source 0.0.0.0 says nothing: half of all published entries have it, and they are no group. Such an address
        counts as told by itself.
        """
        group = known.address.group(strict=self._strict)
        unknown = known.source.host.is_unspecified
        return self._placement.new_bucket(
            group, group if unknown else known.source.group(strict=self._strict)
        )

    def old_bucket(self, known: KnownAddress | Entry) -> int:
        """The old bucket where an address belongs."""
        return self._placement.old_bucket(known.address.group(strict=self._strict), str(known.address))

    def _make_room(self, number: int) -> None:
        victim = self.new.worst(number, self.now())
        self.new.take(victim, number)
        if victim.buckets:
            self._touched.add(victim.address.id)
        else:
            self._leave(victim)
            self.displaced += 1

    def _demote(self, entry: Entry, number: int, left: tuple[int, ...]) -> None:
        """Make an old entry new again, where it belongs or, if that is full, where somebody has just left."""
        self.old.take(entry, number)
        entry.kind = Kind.NEW
        home = self.new_bucket(entry)
        self.new.put(entry, left[0] if self.new.is_full(home) else home)
        self._touched.add(entry.address.id)

    def _leave(self, entry: Entry) -> None:
        del self._by_id[entry.address.id]
        self._touched.add(entry.address.id)
        for index in self._indexes:
            index.leave(entry)

    def _note(self, entry: Entry) -> None:
        for index in self._indexes:
            index.note(entry)

    def _possible(self, row: KnownAddress) -> tuple[int, ...]:
        """Those of a row's buckets in which it may lie; where it belongs if it may lie in none."""
        old = row.kind is Kind.OLD
        count = len((self.old if old else self.new).buckets)
        possible = sorted({number for number in row.buckets if 0 <= number < count})
        return tuple(possible[: 1 if old else MAX_NEW_BUCKETS]) or (
            self.old_bucket(row) if old else self.new_bucket(row),
        )
