"""What the switch tells others of its lists: the private IDs to the book, the metrics, the event hub and the logs, the
trusted ones to the book.

After a restart these know only those of the configuration.
"""

from __future__ import annotations

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.messages import PeerInfo, PrivatePeers, SwitchNotes, Trust
from peerage.actors.runtime import ActorRef
from peerage.actors.switch.hidden_in_logs import PrivatePeersInLogs
from peerage.actors.switch.peer_table import PeerTable

__all__ = ["ListNews"]


class ListNews:
    """Args: table, whose lists they are; metrics, None when they are off; events, the hub; logs, which name no
    private peer.
    """

    def __init__(
        self,
        table: PeerTable,
        book: ActorRef,
        metrics: ActorRef | None,
        events: ActorRef | None = None,
        logs: PrivatePeersInLogs | None = None,
    ) -> None:
        self._table, self._book, self._metrics, self._events = table, book, metrics, events
        self._logs = logs

    def tell(self, notes: SwitchNotes) -> None:
        """Tell all that was added while the node runs."""
        if notes.private:
            self._book.tell(BookCall(AddrBook.add_private_ids, (sorted(notes.private),)))
            self._tell_watchers()
        self.tell_trusted(notes)

    def tell_configured(self) -> None:
        """Tell all that counts now: the configuration may be another one."""
        table = self._table
        self._book.tell(BookCall(AddrBook.add_private_ids, (sorted(table.private),)))
        self._tell_watchers()
        self._book.tell(Trust(tuple(sorted(table.unconditional)), tuple(table.persistent.values())))

    def _tell_watchers(self) -> None:
        """Tell those who show peers to others."""
        if self._logs is not None:
            self._logs.changed()
        private = PrivatePeers(frozenset(self._table.private))
        if self._metrics is not None:
            self._metrics.tell(private, exempt=True)
        if self._events is not None:
            self._events.tell(private, if_there=True)

    def tell_trusted(self, notes: SwitchNotes) -> None:
        """Tell the book against whom nothing counts."""
        if notes.unconditional or notes.persistent:
            self._book.tell(Trust(tuple(sorted(notes.unconditional)), notes.persistent))

    def tell_host(self, info: PeerInfo) -> None:
        """A peer runs: if it is trusted, its host is not banned for what others do there; if private, it is not shown."""
        if self._logs is not None:
            self._logs.connected(info)
        if info.id in self._table.persistent or info.id in self._table.unconditional:
            self._book.tell(Trust((), (f"{info.id}@{info.socket_address}",)))
