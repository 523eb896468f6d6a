"""The shared book of several nodes of one chain: what any of them knows, for all, and who of them visits whom.

It is the one place where what they know is put in order, and it keeps nothing on a disk of its own: whatever it has heard is
in the book of the node that told it, on that node's disk. A successor begins with nothing, and every node tells it all that
it knows; nothing is lost, because records are joined by rules that do not ask for the order (`rank.py`, `Ban.joined`).

    a node                                     the shared book
    telling: what is new, and what it has   →  joined with what is known
    adopted, and stored                     ←  answer: what is new to it, its share of the crawl

All is bounded: nodes, lines in a message, records of each kind.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from msgspec import Struct

from peerage.actors.discovery.book.bans import MADE_ROOM, MAX_BANS, Ban, normal_subject
from peerage.actors.discovery.book.facts import MOST, Fact, FactKind
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.timestamps import nanoseconds
from peerage.actors.discovery.errors import BanSubjectError
from peerage.actors.discovery.sharing.lines import (
    ADDRESS,
    BAN,
    MOST_LINES,
    PARDON,
    Key,
    Shared,
    key_of,
    read,
    write,
)
from peerage.actors.discovery.sharing.rank import rank
from peerage.actors.discovery.sharing.recency import Recency

MOST_NODES = 256
MOST_RECORDS = {ADDRESS: 65_536, BAN: MAX_BANS, PARDON: MOST[FactKind.PARDON]}
LEASE_S = 10.0  # so long a node may stay silent and keep its share
FORGOTTEN_AFTER_S = 15.0  # then it is gone; later than its own lease has ended


class Telling(Struct, frozen=True):
    """A node → the shared book.

    Args:
        node: its ID. crawls: whether it visits addresses, as a seed does.
        lines: what is new in its book, at most `MOST_LINES`.
        life: of the shared book that `has` is about; number of the last change there that is in the node's book, on disk.
    """

    node: str
    crawls: bool
    lines: tuple[str, ...]
    life: str = ""
    has: int = 0


class Answer(Struct, frozen=True):
    """The shared book → a node.

    Args:
        life: of the shared book. If it is another one than before, it has to be told all.
        number: of the last change that is among the lines, or before them. more: whether there is more already.
        place, among: its share of the crawl, see `CrawlShare`; it holds for `LEASE_S` from the moment of telling.
        nodes: how many share the book.
        is_kept: whether all that this node had told before is on the disk of another one, too; if there is any.
    """

    life: str
    lines: tuple[str, ...]
    number: int
    more: bool
    place: int
    among: int
    nodes: int
    is_kept: bool


@dataclass(slots=True)
class _Node:
    """Args: heard, monotonic seconds; has, see `Telling`; told, the number of the last change that it made; knows, the
    number of the division of the crawl that it was told.
    """

    heard: float
    crawls: bool
    has: int = 0
    told: int = 0
    knows: int = -1


class SharedBook:
    """Args: life, tells this one from its predecessors, and is the key of the shares; clock, Unix seconds; ticks, monotonic
    seconds.
    """

    def __init__(self, life: str, *, clock: Callable[[], float], ticks: Callable[[], float]) -> None:
        self.life = life
        self._clock, self._ticks = clock, ticks
        self._records: dict[str, dict[Key, Shared]] = {kind: {} for kind in MOST_RECORDS}
        self._recency: Recency[Key] = Recency()
        self._nodes: dict[str, _Node] = {}
        self._division = 0

    def __len__(self) -> int:
        return len(self._recency)

    def get(self, key: Key) -> Shared | None:
        """What is known."""
        return self._records[key[0]].get(key)

    def exchange(self, telling: Telling) -> Answer:
        """Take what a node tells, and answer with what is new to it. May be called twice with the same telling.

        Raises: ValueError, when there are too many lines or nodes.
        """
        if len(telling.lines) > MOST_LINES:
            raise ValueError(f"{len(telling.lines)} lines at once; at most {MOST_LINES} are expected")
        now = self._ticks()
        self._forget_the_silent(now)
        node = self._node(telling, now)
        has = node.has = telling.has if telling.life == self.life else 0
        others = [each for each in self._nodes.values() if each is not node]
        is_kept = not others or any(each.has >= node.told for each in others)
        if self._join(telling.lines):
            node.told = self._recency.last
            is_kept = is_kept and not others
        keys, number = self._recency.after(has, MOST_LINES)
        found = (self.get(key) for key in keys)
        return Answer(
            self.life,
            tuple(write(item) for item in found if item is not None),
            number,
            number < self._recency.last,
            *self._share(telling.node, node),
            len(self._nodes),
            is_kept,
        )

    # --- nodes, and their shares of the crawl ---

    def _node(self, telling: Telling, now: float) -> _Node:
        node = self._nodes.get(telling.node)
        if node is None:
            if len(self._nodes) >= MOST_NODES:
                raise ValueError(f"{MOST_NODES} nodes share this book already, which is the most")
            node = self._nodes[telling.node] = _Node(now, telling.crawls)
            self._division += telling.crawls
        elif node.crawls != telling.crawls:
            node.crawls = telling.crawls
            self._division += 1
        node.heard = now
        return node

    def _forget_the_silent(self, now: float) -> None:
        """A node that has died gives back its share."""
        for name in [name for name, node in self._nodes.items() if now - node.heard >= FORGOTTEN_AFTER_S]:
            self._division += self._nodes.pop(name).crawls

    def _share(self, name: str, node: _Node) -> tuple[int, int]:
        """Nobody visits anybody until all have heard of a new division, so that no address has two visitors meanwhile.

        Returns: place and among.
        """
        if not node.crawls:
            return 0, 1
        node.knows = self._division
        crawlers = sorted(name for name, each in self._nodes.items() if each.crawls)
        if any(self._nodes[each].knows != self._division for each in crawlers):
            return 0, 0
        return crawlers.index(name), len(crawlers)

    # --- records ---

    def _join(self, lines: Sequence[str]) -> bool:
        """Returns: whether anything was new."""
        before = self._recency.last
        now = nanoseconds(self._clock())
        for item in read(lines):
            if isinstance(item, KnownAddress):
                self._join_address(item, now)
            elif isinstance(item, Ban):
                self._join_ban(item, now)
            else:
                self._join_pardon(item, now)
        return self._recency.last > before

    def _join_address(self, row: KnownAddress, now: int) -> None:
        """A node whose clock runs ahead must not have the last word until the others catch up."""
        if row.last_success > now or row.last_attempt > now:
            row = replace(
                row, last_success=min(row.last_success, now), last_attempt=min(row.last_attempt, now)
            )
        known = self.get((ADDRESS, row.id))
        if not isinstance(known, KnownAddress) or rank(row) > rank(known):
            self._put(row)

    def _join_ban(self, ban: Ban, now: int) -> None:
        try:
            ban = replace(ban, subject=normal_subject(ban.subject), entry=None)
        except BanSubjectError:
            return
        pardoned = self.get((PARDON, ban.subject))
        if ban.until <= now or (isinstance(pardoned, Fact) and ban.since <= pardoned.numbers[0]):
            return
        known = self.get((BAN, ban.subject))
        joined = known.joined(ban) if isinstance(known, Ban) else ban
        if joined != known:
            self._put(joined)

    def _join_pardon(self, fact: Fact, now: int) -> None:
        at = min(fact.numbers[0], now)
        known = self.get((PARDON, fact.name))
        if isinstance(known, Fact) and known.numbers[0] >= at:
            return
        self._put(replace(fact, numbers=(at,)))
        ban = self.get((BAN, fact.name))
        if isinstance(ban, Ban) and ban.since <= at:
            self._drop((BAN, fact.name))

    def _put(self, item: Shared) -> None:
        key = key_of(item)
        records = self._records[key[0]]
        if key not in records and len(records) >= MOST_RECORDS[key[0]]:
            for dropped, _ in heapq.nsmallest(MADE_ROOM, records.items(), key=lambda each: _worth(each[1])):
                self._drop(dropped)
        records[key] = item
        self._recency.touch(key)

    def _drop(self, key: Key) -> None:
        del self._records[key[0]][key]
        self._recency.drop(key)


def _worth(item: Shared) -> tuple[int, ...]:
    """What makes room for others goes first: who never answered, what ends first."""
    if isinstance(item, KnownAddress):
        return item.last_success, item.last_attempt
    return (item.until,) if isinstance(item, Ban) else item.numbers
