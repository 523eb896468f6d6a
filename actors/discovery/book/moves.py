"""Nodes that are said to have moved: the other address is tried, and taken over once a handshake has proved it.

What others say of a move counts only when the node does not answer where it was. They may name a relay of their
own, through which the handshake would succeed too.
"""

from __future__ import annotations

from collections.abc import Iterator

from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.known_address import Entry, same_place
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

MAX_MOVED = 4096  # IDs said to be elsewhere; the one heard of first makes room


class Moves:
    """The entries that are said to be elsewhere, in the order of hearing.

    Args: touched, where changed entries are noted; follow, whether moves are followed at all.
    """

    def __init__(self, touched: TouchedIDs, *, follow: bool) -> None:
        self._touched = touched
        self._follow = follow
        self._said: dict[NodeID, Entry] = {}

    def __len__(self) -> int:
        return len(self._said)

    def hear(self, entry: Entry, address: NetAddress, source: NetAddress) -> None:
        """Note another address of a known ID, to be tried.

        Args: source, who told it: the node itself is believed at once, others only as the module says.
        """
        if not self._follow:
            return
        itself = source.id == address.id
        if entry.moved == address or not (itself or (entry.attempts and entry.moved is None)):
            return
        if entry.moved is None and len(self._said) >= MAX_MOVED:
            self.forget(next(iter(self._said.values())))
        entry.moved = address
        self._said[address.id] = entry
        self._touched.add(address.id)

    def forget(self, entry: Entry) -> None:
        """Drop the other address of an entry."""
        entry.moved = None
        self._said.pop(entry.address.id, None)
        self._touched.add(entry.address.id)

    def was_elsewhere(self, entry: Entry, dialled: NetAddress | None) -> bool:
        """Whether a dial that led nowhere says nothing of the entry's own address.

        A dial of the address that the entry was said to have moved to shows that this is wrong: it is forgotten.
        Args: dialled, what was dialled; None for the entry's own address.
        """
        if dialled is None or entry.is_at(dialled):
            return False
        if entry.moved is not None and same_place(dialled, entry.moved):
            self.forget(entry)
        return True

    def may_follow(self, entry: Entry, address: NetAddress) -> bool:
        """Whether a handshake at this address moves the entry there."""
        return self._follow and address.id == entry.address.id and not entry.is_at(address)

    def in_turn(self) -> Iterator[Entry]:
        """Each entry with another address to try; one that was looked at comes last the next time."""
        for node_id in tuple(self._said):
            entry = self._said[node_id] = self._said.pop(node_id)
            yield entry

    def note(self, entry: Entry) -> None:
        """Take over an entry that arrives with another address to try."""
        if entry.moved is not None:
            self._said[entry.address.id] = entry

    def leave(self, entry: Entry) -> None:
        """Forget an entry that has left the book; it keeps its other address, for it may come back."""
        self._said.pop(entry.address.id, None)
