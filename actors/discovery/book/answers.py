"""Which addresses are told to a node that asks for some."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.known_address import Entry
from peerage.actors.discovery.book.selection import new_and_old, selection_size
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.discovery.book.verified import VerifiedPool
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddrs

FEW_VERIFIED = 32  # as many as the smallest answer of a larger book holds; with fewer, arrivals are told too
ARRIVED = 10 * SECOND  # so long ago at most
MAX_ARRIVALS = 64


class AnswerChooser:
    """Draws answers from the entries.

    Args: verified, those that a handshake has verified; now, Unix nanoseconds; verified_answers, the switch.
    """

    def __init__(
        self,
        entries: Entries,
        verified: VerifiedPool,
        bans: BanList,
        *,
        rng: random.Random,
        now: Callable[[], int],
        verified_answers: bool,
    ) -> None:
        self._entries = entries
        self._verified = verified
        self._bans = bans
        self._rng = rng
        self._now = now
        self._verified_answers = verified_answers
        self._arrivals: deque[Entry] = deque(maxlen=MAX_ARRIVALS)

    def arrived(self, entry: Entry) -> None:
        """Note that a node has just told its address itself, which was not known."""
        self._arrivals.append(entry)

    def selection(self) -> list[NetAddress]:
        """Addresses to tell, new and old as they come.

        Those whose last dial failed are left out, if there are others and the switch `verified_answers` is on.
        Source: reference 9.
        """
        count = selection_size(len(self._entries))
        entries = self._entries.new.sample_with(self._entries.old, self._rng, count)
        return self._tellable(self._without_failing(entries))

    def selection_with_bias(self, percent_new: int) -> list[NetAddress]:
        """Addresses to tell, the new ones first: a seed's answer.

        With the switch `verified_answers` those that a handshake has verified are told, and no others as long as there
        is one. A small network also hears of nodes that have just come and told their address themselves: they are
        tried in a moment, and the nodes that start with them wait for each other.
        Args: the share of new ones in percent, without the switch; more of them if there are not enough old ones, and
            the other way round.
        Source: reference 9.
        """
        if self._verified_answers:
            count = selection_size(len(self._entries))
            told = self._tellable(self._verified.sample(self._rng, count, self._now()))
            if told:
                return told + self._tellable(self._just_arrived() if len(told) < FEW_VERIFIED else [])
        new, old = self._entries.new, self._entries.old
        new_count, old_count = new_and_old(len(new), len(old), percent_new)
        entries = new.sample(self._rng, new_count) + old.sample(self._rng, old_count)
        return self._tellable(self._without_failing(entries))

    def message(self, percent_new: int | None = None) -> bytes:
        """Addresses to tell, encoded as the message that tells them.

        Args: percent_new, as in `selection_with_bias`; None for `selection`.
        """
        told = self.selection() if percent_new is None else self.selection_with_bias(percent_new)
        return PexAddrs.of(told).encode()

    def _just_arrived(self) -> list[Entry]:
        now = self._now()
        return [
            entry
            for entry in self._arrivals
            if entry.buckets
            and not entry.attempts
            and entry not in self._verified
            and 0 <= now - entry.last_attempt <= ARRIVED
        ]

    def _without_failing(self, entries: list[Entry]) -> list[Entry]:
        """Nobody is helped by an address that has just failed, and rather by one never tried; all, if all failed."""
        if not self._verified_answers:
            return entries
        return [entry for entry in entries if not entry.attempts] or entries

    def _tellable(self, entries: list[Entry]) -> list[NetAddress]:
        if self._bans.any_network:
            entries = [entry for entry in entries if self._bans.ban_of(ip=entry.address.host) is None]
        return [entry.address for entry in entries if not entry.incompatible]
