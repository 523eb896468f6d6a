"""The private peers that the switch learns of while the node runs, and where it has seen them: no log line of any of the
node's processes names them from then on.

Those of the configuration are known to each process from its start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from peerage.actors.messages import PeerInfo
from peerage.actors.runtime.log import signature
from peerage.actors.switch.peer_table import PeerTable
from peerage.config.node_logging import NODE
from peerage.config.private_lines import hide_peers

__all__ = ["HideInLogs", "PrivatePeersInLogs"]

Errands = Callable[[Callable[[str], Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class HideInLogs:
    """An errand for all processes of a system. Args: prefix, of the names of this node's parts; ids; addresses, of those."""

    prefix: str
    ids: tuple[str, ...]
    addresses: tuple[str, ...]

    def __call__(self, host: str) -> None:
        if host.startswith(self.prefix):
            hide_peers(signature().get(NODE, ""), self.ids, self.addresses)


class PrivatePeersInLogs:
    """Args: prefix, of the names of this node's parts; send_errands, of an actor's runtime; table, with the private IDs."""

    def __init__(self, prefix: str, send_errands: Errands, table: PeerTable) -> None:
        self._prefix, self._send_errands, self._table = prefix, send_errands, table
        self._hide(sorted(table.private), (), everywhere=False)

    def changed(self) -> None:
        """The table has other private IDs than before."""
        self._hide(sorted(self._table.private), tuple(self._table.persistent.values()))

    def connected(self, peer: PeerInfo) -> None:
        """If it is private, its address is of nobody's business either."""
        if peer.id in self._table.private:
            self._hide((peer.id,), (f"{peer.id}@{peer.socket_address}",))

    def _hide(self, ids: Iterable[str], addresses: tuple[str, ...], *, everywhere: bool = True) -> None:
        errand = HideInLogs(self._prefix, tuple(ids), addresses)
        if hide_peers(signature().get(NODE, ""), errand.ids, addresses) and everywhere:
            self._send_errands(errand)
