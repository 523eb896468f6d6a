"""The book at a glance, for people: how full its buckets are, which groups of addresses it knows, and who told of them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.known_address import Entry, Kind, Standing

__all__ = ["BookOverview", "GroupCounts", "Overview"]

MOST_LOOKED_AT = 4000  # entries: about 10 ms; of a larger book a sample stands for all
MOST_GROUPS = 100
MOST_TELLERS = 300


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """One group of addresses. Args: new, old, by kind; verified, how many answered when they were last dialled."""

    group: str
    new: int
    old: int
    verified: int


@dataclass(frozen=True, slots=True)
class BookOverview:
    """Counts of groups and tellers are of `looked_at` entries, out of `size`.

    Args:
        new_buckets, old_buckets: how many entries lie in each.
        new_bucket_size, old_bucket_size: how many it holds.
        groups: the largest, at most 100.
        tellers: (ID of who told, group, how many), the most first, at most 300.
    """

    size: int
    looked_at: int
    new_buckets: tuple[int, ...]
    old_buckets: tuple[int, ...]
    new_bucket_size: int
    old_bucket_size: int
    groups: tuple[GroupCounts, ...]
    tellers: tuple[tuple[str, str, int], ...]


class Overview:
    """Makes it anew each time that it is asked for. Args: strict, as of the book."""

    def __init__(self, entries: Entries, sizes: tuple[int, int], rng: random.Random, *, strict: bool) -> None:
        self._entries, self._sizes, self._rng, self._strict = entries, sizes, rng, strict

    def now(self) -> BookOverview:
        """What there is now."""
        new, old = self._entries.new, self._entries.old
        sample = new.sample_with(old, self._rng, MOST_LOOKED_AT)
        groups, tellers = self._count(sample)
        return BookOverview(
            len(self._entries),
            len(sample),
            tuple(map(len, new.buckets)),
            tuple(map(len, old.buckets)),
            *self._sizes,
            groups,
            tellers,
        )

    def _count(
        self, entries: list[Entry]
    ) -> tuple[tuple[GroupCounts, ...], tuple[tuple[str, str, int], ...]]:
        by_kind: Counter[tuple[str, Kind]] = Counter()
        verified: Counter[str] = Counter()
        told: Counter[tuple[str, str]] = Counter()
        for entry in entries:
            group = entry.address.group(strict=self._strict)
            by_kind[group, entry.kind] += 1
            verified[group] += entry.known().standing is Standing.VERIFIED
            told[str(entry.source.id), group] += 1
        groups = sorted(
            (
                GroupCounts(group, by_kind[group, Kind.NEW], by_kind[group, Kind.OLD], verified[group])
                for group in {group for group, _kind in by_kind}
            ),
            key=lambda counts: (-counts.new - counts.old, counts.group),
        )
        most = told.most_common(MOST_TELLERS)
        return tuple(groups[:MOST_GROUPS]), tuple((teller, group, count) for (teller, group), count in most)
