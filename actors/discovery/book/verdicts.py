"""What dials and handshakes have shown of the entries: verified, failing, or of another network."""

from __future__ import annotations

from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.known_address import Entry, KnownAddress
from peerage.actors.discovery.book.timestamps import NEVER
from peerage.actors.discovery.book.verified import VerifiedPool
from peerage.wire.keys import NodeID


class Verdicts:
    """Writes the result of each dial into the entry, and keeps the two lists that follow from it.

    verified: the entries whose last dial succeeded. incompatible: the IDs whose nodes are of another network.
    """

    def __init__(self, touched: TouchedIDs) -> None:
        self.verified = VerifiedPool()
        self.incompatible: set[NodeID] = set()
        self._touched = touched
        self.last_answer = NEVER
        """When somebody answered this node last; Unix nanoseconds."""

    def answered(self, entry: Entry, now: int, latency: int) -> None:
        """Note a handshake that succeeded just now."""
        self.last_answer = now
        entry.answered(now, latency)
        self.incompatible.discard(entry.address.id)
        self._touched.add(entry.address.id)
        self.verified.put(entry)

    def failed(self, entry: Entry, now: int) -> None:
        """Note a dial that failed just now."""
        entry.failed(now)
        self._touched.add(entry.address.id)
        self.verified.take(entry)

    def is_another_network(self, entry: Entry, now: int) -> None:
        """Note that the node is there, but is of another network or speaks another protocol."""
        entry.is_another_network(now)
        self.incompatible.add(entry.address.id)
        self._touched.add(entry.address.id)
        self.verified.take(entry)

    def adopt(self, entry: Entry, row: KnownAddress) -> None:
        """Take over what another book's dial of the same place has shown."""
        entry.attempts, entry.incompatible = row.attempts, row.incompatible
        entry.last_attempt, entry.last_success = row.last_attempt, row.last_success
        entry.next_try = row.next_try
        entry.latency = row.latency or entry.latency
        self._touched.add(entry.address.id)
        self.leave(entry)
        self.note(entry)

    def is_ours_again(self, entry: Entry) -> None:
        """Note that a node of another network connected by itself, as one of ours."""
        entry.incompatible, entry.next_try = 0, NEVER
        self.incompatible.discard(entry.address.id)
        self._touched.add(entry.address.id)

    def note(self, entry: Entry) -> None:
        """Put an entry that arrives with a history on the list where it belongs."""
        if entry.incompatible:
            self.incompatible.add(entry.address.id)
        elif entry.last_success and not entry.attempts:
            self.verified.put(entry)

    def leave(self, entry: Entry) -> None:
        """Forget an entry that has left the book."""
        self.verified.take(entry)
        self.incompatible.discard(entry.address.id)
