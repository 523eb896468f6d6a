"""Buckets of addresses: where an address belongs, and tables that hold those of one kind.

Everything that one group of addresses says lands in few buckets. So nobody who owns one block of addresses can fill the
book with friends.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from peerage.actors.discovery.book.known_address import MAX_TRIES_WITHOUT_SUCCESS, MISSING_AFTER, Entry

MAX_KEY_BYTES = 64  # of BLAKE2b
KEPT_SOURCE_GROUPS = 64  # whose buckets are remembered: the same few peers tell most of what is heard


@dataclass(frozen=True, slots=True)
class BookShape:
    """How many buckets there are, how large, and over how many a group is spread.

    The defaults hold 20,480 addresses and are those of CometBFT (reference 9). A seed of a large network may
    use more buckets.
    """

    new_buckets: int = 256
    new_bucket_size: int = 64
    new_buckets_per_group: int = 32
    old_buckets: int = 64
    old_bucket_size: int = 64
    old_buckets_per_group: int = 4


class Placement:
    """Says which bucket an address belongs to. The same key gives the same buckets, also after a restart.

    Source: reference 9, Bucket.
    """

    def __init__(self, key: str, shape: BookShape) -> None:
        # Keyed and prefixed, so that nobody without the key can aim at a bucket. Every hash begins as a copy of this one:
        # a copy takes three quarters of the time of a new one.
        prefix = key.encode()
        self._begun = blake2b(prefix, digest_size=8, key=prefix[:MAX_KEY_BYTES])
        self._shape = shape
        self._of_sources: dict[str, dict[int, int]] = {}  # source group → its buckets, by spread

    def new_bucket(self, group: str, source_group: str) -> int:
        """The bucket of a new address, by its group and the group of the node that told it."""
        spread = self._hash(group + source_group) % self._shape.new_buckets_per_group
        of_source = self._of_sources.get(source_group)
        if of_source is None:
            if len(self._of_sources) >= KEPT_SOURCE_GROUPS:
                self._of_sources.clear()
            of_source = self._of_sources[source_group] = {}
        number = of_source.get(spread)
        if number is None:
            number = of_source[spread] = self._hash(source_group, spread) % self._shape.new_buckets
        return number

    def old_bucket(self, group: str, address: str) -> int:
        """The bucket of an old address, given as text with its group."""
        spread = self._hash(address) % self._shape.old_buckets_per_group
        return self._hash(group, spread) % self._shape.old_buckets

    def _hash(self, text: str, number: int | None = None) -> int:
        hashed = self._begun.copy()
        hashed.update(text.encode() if number is None else text.encode() + number.to_bytes(8, "big"))
        return int.from_bytes(hashed.digest(), "big")


class Table:
    """All entries of one kind, by bucket.

    An entry may lie in several buckets. Every operation takes constant time, but for a look through one
    bucket. A bucket may hold more than its size when a file said so; making room is the book's business.
    `buckets` is to be looked at only.
    """

    def __init__(self, buckets: int, size: int) -> None:
        self.buckets: list[list[Entry]] = [[] for _ in range(buckets)]
        self._size = size
        self._occupied: list[int] = []  # numbers of the buckets that are not empty, in any order
        self._place = [-1] * buckets  # where a bucket's number stands in that list
        self._members: list[Entry] = []
        self._only = [(number,) for number in range(buckets)]  # shared: 7 MB less for 100,000 entries
        self.references = 0

    def __len__(self) -> int:
        """How many entries there are, each counted once."""
        return len(self._members)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._members)

    def is_full(self, number: int) -> bool:
        """Whether an entry must go before another can come."""
        return len(self.buckets[number]) >= self._size

    def has_room(self, number: int) -> bool:
        """Whether another entry fits without one going. This is one more than usual, as CometBFT fills its buckets."""
        return len(self.buckets[number]) <= self._size

    def put(self, entry: Entry, number: int) -> None:
        """Put an entry into a bucket that it is not in yet."""
        bucket = self.buckets[number]
        if not bucket:
            self._place[number] = len(self._occupied)
            self._occupied.append(number)
        bucket.append(entry)
        if not entry.buckets:
            entry.position = len(self._members)
            self._members.append(entry)
            entry.buckets = self._only[number]
        else:
            entry.buckets = tuple(sorted((*entry.buckets, number)))
        self.references += 1

    def take(self, entry: Entry, number: int) -> None:
        """Take an entry out of one of its buckets. After the last one, the table does not have it any more."""
        bucket = self.buckets[number]
        bucket.remove(entry)
        if not bucket:
            place = self._place[number]
            last = self._occupied.pop()
            if last != number:
                self._occupied[place] = last
                self._place[last] = place
            self._place[number] = -1
        rest = tuple(other for other in entry.buckets if other != number)
        entry.buckets = self._only[rest[0]] if len(rest) == 1 else rest
        self.references -= 1
        if not entry.buckets:
            last_member = self._members.pop()
            if last_member is not entry:
                self._members[entry.position] = last_member
                last_member.position = entry.position
            entry.position = -1

    def take_all(self, entry: Entry) -> tuple[int, ...]:
        """Take an entry out of all of its buckets, and say which they were."""
        numbers = entry.buckets
        for number in numbers:
            self.take(entry, number)
        return numbers

    def oldest(self, number: int) -> Entry:
        """The entry of a bucket whose last try is longest ago."""
        return min(self.buckets[number], key=lambda entry: entry.last_attempt)

    def worst(self, number: int, now: int) -> Entry:
        """The entry of a bucket that should go first: any bad one, else the oldest.

        In one pass, most of it one comparison: under a flood of addresses every addition comes here.
        """
        bucket = self.buckets[number]
        missing = now - MISSING_AFTER
        oldest, oldest_at = bucket[0], bucket[0].last_attempt
        for entry in bucket:
            at = entry.last_attempt
            suspect = entry.attempts >= MAX_TRIES_WITHOUT_SUCCESS or at < missing or entry.incompatible
            if suspect and entry.is_bad(now):
                return entry
            if at < oldest_at:
                oldest, oldest_at = entry, at
        return oldest

    def random_entry(self, rng: random.Random) -> Entry:
        """A random entry of a random bucket; all buckets that are not empty are equally likely.

        Raises: IndexError, when the table is empty.
        """
        chance, occupied = rng.random, self._occupied  # in a quarter of the time of choice()
        bucket = self.buckets[occupied[int(chance() * len(occupied))]]
        return bucket[int(chance() * len(bucket))]

    def sample(self, rng: random.Random, count: int) -> list[Entry]:
        """Up to `count` different entries, in random order."""
        return rng.sample(self._members, min(count, len(self._members)))

    def sample_with(self, other: Table, rng: random.Random, count: int) -> list[Entry]:
        """Up to `count` different entries of this table and the other, in random order."""
        mine, theirs = self._members, other._members
        first, total = len(mine), len(mine) + len(theirs)
        chosen = rng.sample(range(total), min(count, total))
        return [mine[index] if index < first else theirs[index - first] for index in chosen]
