"""Who is persistent, unconditional and private: what the configuration says, and what was added since.

What was added while the node runs is kept by the peer hosts, as notes with a revision: it survives the switch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from peerage.actors.messages import SwitchNotes
from peerage.actors.runtime.log import get_logger
from peerage.actors.switch.peer_table import PeerTable
from peerage.wire.keys import NodeID, is_node_id, normal_id
from peerage.wire.net_address import NetAddress, id_in
from peerage.wire.remote_text import quoted

log = get_logger("peerage.switch")


class PeerLists:
    """The lists, which stand in the table.

    Attribute: notes, what was added.
    Args: configured, addresses of persistent peers. keep, called with the notes when there is something new in them.
        tell_private, called when there are others who have to know who is private.
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
        """Peers to be redialled when lost."""
        texts = self._others(*given)
        for text in texts:
            self._table.persistent[id_in(text)] = text
        self._note(persistent=tuple(dict.fromkeys((*self.notes.persistent, *texts))))

    def add_checked_persistent(self, texts: Sequence[str]) -> None:
        """As `add_persistent`. Raises: AddressError; names are not resolved, that is done at each dial."""
        for text in texts:
            NetAddress.parse(text, lambda _host: ["0.0.0.0"])
        self.add_persistent(texts)

    def add_unconditional(self, given: Sequence[str]) -> None:
        """IDs let in beyond all limits. Raises: ValueError."""
        ids = checked_ids(given)
        self._table.unconditional |= ids
        self._note(unconditional=self.notes.unconditional | ids)

    def add_private(self, given: Sequence[str]) -> None:
        """IDs told to nobody. Raises: ValueError."""
        ids = checked_ids(given)
        self._table.private |= ids
        self._note(private=self.notes.private | ids)
        self._tell_private()

    def merge(self, notes: SwitchNotes) -> bool:
        """Take over what a peer host has kept, if it is newer. Returns: whether it was."""
        if notes.revision <= self.notes.revision:
            return False
        self.notes = notes
        self._table.unconditional |= notes.unconditional
        self._table.private |= notes.private
        self._tell_private()
        return True

    def new_persistent(self) -> list[str]:
        """Return the addresses of persistent peers that were not heard of before: from now on they are."""
        found = []
        for text in self._others(*self._configured, *self.notes.persistent):
            peer_id = id_in(text)
            if peer_id not in self._table.persistent:
                self._table.persistent[peer_id] = text
                found.append(text)
        return found

    def drop_persistent(self, peer_id: str) -> bool:
        """A persistent peer's address is our own: it is sought no more. Returns: whether it was persistent."""
        text = self._table.persistent.pop(peer_id, None)
        if text is None:
            return False
        self._configured = tuple(each for each in self._configured if each != text)
        log.warning("a persistent peer's address is our own, and is left out", address=text)
        return True

    def _others(self, *texts: str) -> list[str]:
        """Those that are not our own address, as in a list that all nodes of a network share. It is said once."""
        others = [text for text in texts if id_in(text) != self._own_id]
        if len(others) < len(texts) and not self._has_said_ours:
            self._has_said_ours = True
            log.info("our own address is among the persistent peers, and is left out", peer=self._own_id)
        return others

    def _note(self, **changes: Any) -> None:
        self.notes = replace(self.notes, revision=self.notes.revision + 1, **changes)
        self._keep(self.notes)


def checked_ids(ids: Sequence[str]) -> frozenset[NodeID]:
    """Return the IDs as they are compared. Raises: ValueError, for what is none."""
    for peer_id in ids:
        if not is_node_id(peer_id):
            text = f"{quoted(peer_id)} is no node ID: 40 hexadecimal characters are expected"
            raise ValueError(text)
    return frozenset(map(normal_id, ids))
