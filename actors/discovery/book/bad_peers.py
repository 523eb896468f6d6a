"""Bans of known nodes: they leave the book with their history, and come back as new when the ban ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from peerage.actors.discovery.book.address_rules import AddressRules
from peerage.actors.discovery.book.bans import Ban, BanList
from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.timestamps import nanoseconds
from peerage.wire.keys import NodeID, normal_id


class BadPeers:
    """Keeps the bans and the entries in step.

    Args: now, Unix nanoseconds.
    """

    def __init__(
        self, entries: Entries, bans: BanList, rules: AddressRules, *, now: Callable[[], int]
    ) -> None:
        self._entries = entries
        self._bans = bans
        self._rules = rules
        self._now = now

    def ban(self, subject: str, seconds: float, reason: str) -> Ban:
        """Ban an ID, an IP address or a network, known or not.

        A banned ID leaves the book. Addresses of a banned network stay in it, and are neither dialled nor told.
        Raises: BanSubjectError.
        """
        if self.mark_bad(subject, seconds, reason):
            ban = self._bans.get(subject)
            assert ban is not None
            return ban
        return self._bans.add(subject, seconds, reason)

    def adopt(self, ban: Ban) -> bool:
        """Ban whom another book that shares with this one has banned, until the same time.

        Returns: whether that changed anything. Raises: BanSubjectError.
        """
        entry = self._entries.get(normal_id(ban.subject))
        if entry is not None:
            entry.last_ban = max(entry.last_ban, ban.until)
            ban = replace(ban, entry=entry.known())
            self._entries.drop(entry)
        return self._bans.adopt(ban)

    def lift(self, subject: str) -> bool:
        """End a ban now; a banned ID that was in the book is back in it, as new.

        Returns: whether there was a ban.
        Raises: BanSubjectError.
        """
        ban = self._bans.get(subject)
        if ban is None:
            return False
        self._reinstate(ban)
        return True

    def mark_bad(self, node_id: str, ban_s: float, reason: str) -> bool:
        """Ban an ID that is in the book: it leaves the book and is refused until it is reinstated.

        Returns: whether it was in the book; nothing happens otherwise. `ban` bans anybody.
        """
        return self._mark_bad(node_id, ban_s, reason, address_only=False)

    def give_up(self, node_id: str, ban_s: float, reason: str) -> bool:
        """Ban an address at which nobody answers, or another node, as `mark_bad` does. The ID may still connect.

        Otherwise a wrong address, spread by somebody else, would shut out the node that has the ID.
        """
        return self._mark_bad(node_id, ban_s, reason, address_only=True)

    def reinstate(self) -> list[NodeID]:
        """Lift all bans whose time is over. An ID that was in the book is back in it, as new.

        Returns: the IDs that are back.
        """
        over = [ban for ban in self._bans.over() if self._reinstate(ban)]
        return [ban.entry.id for ban in over if ban.entry is not None]

    def _mark_bad(self, node_id: str, ban_s: float, reason: str, *, address_only: bool) -> bool:
        entry = self._entries.get(normal_id(node_id))
        if entry is None:
            return False
        entry.last_ban = max(entry.last_ban, self._now() + nanoseconds(ban_s))
        known = entry.known()
        self._entries.drop(entry)
        self._bans.add(known.id, ban_s, reason, known, address_only=address_only)
        return True

    def _reinstate(self, ban: Ban) -> bool:
        """End a ban. Returns: whether somebody is back in the book."""
        self._bans.lift(ban.subject)
        known = ban.entry
        if known is None or known.id in self._entries or not self._rules.may_return(known.address):
            return False
        self._entries.come_back(known)
        return True
