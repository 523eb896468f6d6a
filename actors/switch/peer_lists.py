"""The persistent, unconditional and private peers: those of the configuration, and those added since.

Peers added while the node runs are stored by the peer hosts, as notes with a revision, so that they survive a restart of the
switch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from peerage.actors.messages import SwitchNotes
from peerage.actors.messages.steering import PeerListsSnapshot
from peerage.actors.runtime.log import get_logger
from peerage.actors.switch.peer_table import PeerTable
from peerage.wire.keys import NodeID, is_node_id, normal_id
from peerage.wire.net_address import NetAddress, id_in
from peerage.wire.remote_text import quoted

log = get_logger("peerage.switch")


class PeerLists:
    """The lists. They are kept in the peer table.

    Attribute: notes, what was added.
    Args: configured, addresses of persistent peers. keep, called with the notes when they have changed. tell_private,
        called when others have to be told the private IDs.
    """

    def __init__(
        self,
        table: PeerTable,
        configured: Sequence[str],
        *,
        keep: Callable[[SwitchNotes], None],
        tell_private: Callable[[], None],
    ) -> None:
        self._table, self._own_id = table, table.limits.own_id
        self._configured = tuple(configured)
        self._keep, self._tell_private = keep, tell_private
        self.notes = SwitchNotes()
        self._has_said_ours = False

    def add_persistent(self, given: Sequence[str]) -> None:
        """Add peers that are redialled when they are lost."""
        texts = self._others(*given)
        for text in texts:
            self._table.persistent[id_in(text)] = text
        self._note(persistent=tuple(dict.fromkeys((*self.notes.persistent, *texts))))

    def add_checked_persistent(self, texts: Sequence[str]) -> None:
        """As `add_persistent`. Raises: AddressError. Names are not resolved here, but at each dial."""
        for text in texts:
            NetAddress.parse(text, lambda _host: ["0.0.0.0"])
        self.add_persistent(texts)

    def add_unconditional(self, given: Sequence[str]) -> None:
        """Add IDs that are admitted beyond all limits. Raises: ValueError."""
        ids = checked_ids(given)
        self._table.unconditional |= ids
        self._note(unconditional=self.notes.unconditional | ids)

    def add_private(self, given: Sequence[str]) -> None:
        """Add IDs that nobody is told of. Raises: ValueError."""
        ids = checked_ids(given)
        self._table.private |= ids
        self._note(private=self.notes.private | ids)
        self._tell_private()

    def merge(self, notes: SwitchNotes) -> bool:
        """Take over the notes of a peer host if they are newer. Returns: whether they were."""
        if notes.revision <= self.notes.revision:
            return False
        self.notes = notes
        self._table.unconditional |= notes.unconditional
        self._table.private |= notes.private
        self._tell_private()
        return True

    def new_persistent(self) -> list[str]:
        """Return the addresses of persistent peers that were added since the last call."""
        found = []
        for text in self._others(*self._configured, *self.notes.persistent):
            peer_id = id_in(text)
            if peer_id not in self._table.persistent:
                self._table.persistent[peer_id] = text
                found.append(text)
        return found

    def configure(
        self, persistent: Sequence[str], unconditional: Sequence[str], private: Sequence[str]
    ) -> frozenset[str]:
        """The configuration names these from now on, beside those that were added.

        New persistent peers are found by `new_persistent`. Returns: the IDs that are persistent no more.
        """
        table = self._table
        self._configured = tuple(persistent)
        texts = {id_in(text): text for text in self._others(*self._configured, *self.notes.persistent)}
        gone = frozenset(table.persistent.keys() - texts.keys())
        for peer_id in gone:
            del table.persistent[peer_id]
        for peer_id, text in texts.items():
            if peer_id in table.persistent:
                table.persistent[peer_id] = text
        table.unconditional = {*unconditional, *self.notes.unconditional}
        table.private = {*private, *self.notes.private}
        return gone

    def remove_persistent(self, ids: Iterable[str]) -> tuple[NodeID, ...]:
        """Seek these no more, whoever named them. Returns: those that were persistent."""
        found = tuple(NodeID(each) for each in dict.fromkeys(ids) if each in self._table.persistent)
        for peer_id in found:
            del self._table.persistent[peer_id]
        self._configured = tuple(text for text in self._configured if id_in(text) not in found)
        left = tuple(text for text in self.notes.persistent if id_in(text) not in found)
        if left != self.notes.persistent:
            self._note(persistent=left)
        return found

    def snapshot(self) -> PeerListsSnapshot:
        """The lists as they are."""
        table = self._table
        return PeerListsSnapshot(
            tuple(table.persistent.values()),
            tuple(sorted(table.unconditional)),
            tuple(sorted(table.private)),
            tuple(map(id_in, self.notes.persistent)),
        )

    def drop_persistent(self, peer_id: str) -> bool:
        """A persistent peer's address is our own: stop dialling it. Returns: whether it was persistent."""
        text = self._table.persistent.pop(peer_id, None)
        if text is None:
            return False
        self._configured = tuple(each for each in self._configured if each != text)
        log.warning("a persistent peer's address is our own, and is left out", address=text)
        return True

    def _others(self, *texts: str) -> list[str]:
        """The addresses that are not our own: all nodes of a network may share one list. The omission is logged once."""
        others = [text for text in texts if id_in(text) != self._own_id]
        if len(others) < len(texts) and not self._has_said_ours:
            self._has_said_ours = True
            log.info("our own address is among the persistent peers, and is left out", peer=self._own_id)
        return others

    def _note(self, **changes: Any) -> None:
        self.notes = replace(self.notes, revision=self.notes.revision + 1, **changes)
        self._keep(self.notes)


def checked_ids(ids: Sequence[str]) -> frozenset[NodeID]:
    """Return the IDs in lower case, as they are compared. Raises: ValueError, one is not an ID."""
    for peer_id in ids:
        if not is_node_id(peer_id):
            text = f"{quoted(peer_id)} is no node ID: 40 hexadecimal characters are expected"
            raise ValueError(text)
    return frozenset(map(normal_id, ids))
