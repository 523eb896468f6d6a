"""Which addresses are dialled: for peers, to see whether they still answer, or to settle an eviction test."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterator

from msgspec import Struct

from peerage.actors.discovery.book.anchors import Anchors
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.known_address import Entry
from peerage.actors.discovery.book.moves import Moves
from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.book.promotion import Promotion
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.discovery.book.verdicts import Verdicts
from peerage.actors.discovery.sharing.crawl_share import WHOLE
from peerage.wire.keys import NodeID, normal_id
from peerage.wire.net_address import NetAddress

NEEDS_MORE_BELOW = 1000  # reference 9
DRAWS_PER_PICK = 10  # for one address of an offer, to find one of another group
MAX_DRAWS = 8  # for one pick, when networks are banned


class Offer(Struct, frozen=True):
    """What one round of ensure-peers needs from the book. candidates: in the order of picking, each once."""

    candidates: tuple[NetAddress, ...]
    needs_more: bool
    size: int


class DialChooser:
    """Picks entries by chance, bias and need; it changes none of them.

    Args: reinstate, ends the bans that are over; now, Unix nanoseconds; strict, as for the groups of the book.
    """

    def __init__(
        self,
        entries: Entries,
        bans: BanList,
        *,
        verdicts: Verdicts,
        moves: Moves,
        promotion: Promotion,
        anchors: Anchors,
        reinstate: Callable[[], object],
        rng: random.Random,
        now: Callable[[], int],
        strict: bool,
        improvements: Improvements,
    ) -> None:
        self._entries = entries
        self._bans = bans
        self._verdicts = verdicts
        self._moves = moves
        self._promotion = promotion
        self._anchors = anchors
        self._reinstate = reinstate
        self._rng = rng
        self._now = now
        self._strict = strict
        self._improvements = improvements
        self.share = WHOLE
        """Whom to visit, of those that nobody needs for a peer: all, unless several nodes do that together."""

    def needs_more(self) -> bool:
        """Whether there are fewer than 1000 addresses, those of other networks not counted. Source: reference 9."""
        return len(self._entries) - len(self._verdicts.incompatible) < NEEDS_MORE_BELOW

    def pick(self, bias: int) -> NetAddress | None:
        """An address to dial: first a kind by bias and number, then any bucket of that kind, then any entry of it.

        Args: bias towards new ones in percent, cut to 0..100.
        Returns: None when there is none of the kind that chance chose.
        Source: reference 9.
        """
        return next(self._picks(bias, 1))

    def offer(self, bias: int, picks: int) -> Offer:
        """Everything that one round of ensure-peers asks the book for.

        When the book needs more, bans that are over end first. The first offer of a book that was just restored
        begins with the anchors.
        """
        if self.needs_more():
            self._reinstate()
        candidates = {address.id: address for address in self._anchors.take_due()}
        if self._improvements.spread_groups:
            self._spread(bias, picks, candidates)
        else:
            for address in self._picks(bias, picks):
                if address is not None:
                    candidates.setdefault(address.id, address)
        return Offer(tuple(candidates.values()), self.needs_more(), len(self._entries))

    def feeler(self) -> NetAddress | None:
        """An address to try only to learn whether it answers: dial, shake hands, hang up, and mark it.

        First an old one whose place is contested, then one that is said to have moved, else any new one that was not
        tried lately. Returns: None when there is none, or the switch is off.
        """
        if not self._improvements.feelers:
            return None
        now = self._now()
        self._promotion.settle(now)
        for incumbent in self._promotion.to_be_tested():
            if not self._barred(incumbent):
                return incumbent.address
        for entry in self._moves.in_turn():
            if entry.moved is not None and not self._barred(entry):
                return entry.moved
        new = self._entries.new
        for _ in range(MAX_DRAWS if len(new) else 0):
            entry = new.random_entry(self._rng)
            if entry.next_try <= now and not self._barred(entry) and self._is_ours(entry, now):
                return entry.address
        return None

    def due_address(self, node_id: str) -> NetAddress | None:
        """Where to visit this ID now; None when it is not known, or its time has not come. See `due`."""
        entry = self._entries.get(normal_id(node_id))
        if entry is None or entry.next_try > self._now() or self._barred(entry):
            return None
        return entry.place_to_check()

    def due(self, count: int) -> list[NetAddress]:
        """Addresses that a seed should visit now, to know whether they answer.

        First, for at most half of them, those that answered before, the longest ago first, so that a flood of new
        addresses does not keep a seed from looking again. Then any others whose time has come. Of seeds that share their
        crawl each visits its own.
        """
        now, verified = self._now(), self._verdicts.verified
        again = [
            entry
            for entry in verified
            if entry.next_try <= now and not self._barred(entry) and self._is_ours(entry, now)
        ]
        others = [
            entry
            for table in (self._entries.new, self._entries.old)
            for entry in table
            if entry.next_try <= now
            and entry not in verified
            and not self._barred(entry)
            and self._is_ours(entry, now)
        ]
        half = max(count // 2, count - len(others))
        chosen = heapq.nsmallest(half, again, key=lambda entry: entry.next_try)
        chosen += self._rng.sample(others, min(count - len(chosen), len(others)))
        return [entry.place_to_check() for entry in chosen]

    def _is_ours(self, entry: Entry, now: int) -> bool:
        share = self.share
        return share is WHOLE or share.covers(entry.address.id, now / SECOND)

    def _barred(self, entry: Entry) -> bool:
        """Whether nobody is to dial it: a banned network holds its address, or its node is let be.

        A banned ID is not in the book at all.
        """
        if entry.incompatible and entry.next_try > self._now():
            return True
        return self._bans.any_network and self._bans.ban_of(ip=entry.dialable().host) is not None

    def _picks(self, bias: int, count: int) -> Iterator[NetAddress | None]:
        """As `pick`, so many times. The book must not change meanwhile: the weights of the kinds are computed once."""
        bias = max(0, min(100, bias))
        new, old, rng = self._entries.new, self._entries.old, self._rng
        old_weight = math.sqrt(len(old)) * (100 - bias)
        total = old_weight + math.sqrt(len(new)) * bias
        for _ in range(count):
            table = old if total * rng.random() < old_weight else new
            picked = None
            for _ in range(MAX_DRAWS if len(table) else 0):
                entry = table.random_entry(rng)
                if not self._barred(entry):
                    picked = entry.dialable()
                    break
            yield picked

    def _spread(self, bias: int, picks: int, candidates: dict[NodeID, NetAddress]) -> None:
        """Add picks, each of another group as long as `DRAWS_PER_PICK` times as many draws find other groups."""
        groups = {address.group(strict=self._strict) for address in candidates.values()}
        others: dict[NodeID, NetAddress] = {}
        for address in self._picks(bias, picks * DRAWS_PER_PICK):
            if address is None or address.id in candidates or address.id in others:
                continue
            group = address.group(strict=self._strict)
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
