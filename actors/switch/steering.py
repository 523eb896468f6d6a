"""What the operator, or the embedder, changes at a switch that runs: the lists, the limits, and who is connected."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final

from peerage.actors.crowding import ip_limits_of
from peerage.actors.loss import LossReason
from peerage.actors.messages import AddPersistent, AddPrivate, AddUnconditional, StopPeer
from peerage.actors.messages.steering import (
    ApplyConfig,
    ClosedPeer,
    ClosePeers,
    DropPersistent,
    GetPeerLists,
)
from peerage.actors.runtime import Reply
from peerage.actors.switch.keeping import Keeping
from peerage.actors.switch.list_news import ListNews
from peerage.actors.switch.peer_lists import PeerLists
from peerage.actors.switch.peer_table import Connection, PeerLimits, PeerTable
from peerage.actors.switch.redial import Redials
from peerage.config import Config
from peerage.wire.keys import NodeID, is_node_id, normal_id
from peerage.wire.net_address import join_host_port
from peerage.wire.remote_text import quoted

__all__ = ["CLOSED", "STEERED", "Steering", "table_of"]

CLOSED: Final = "closed by the operator"
STEERED: Final = (
    AddPersistent,
    AddUnconditional,
    AddPrivate,
    ApplyConfig,
    DropPersistent,
    ClosePeers,
    GetPeerLists,
)


class Steering:
    """Answers STEERED. Args: seek, has new persistent peers dialled; defer, answers the message of the moment later."""

    def __init__(
        self,
        table: PeerTable,
        lists: PeerLists,
        news: ListNews,
        keeping: Keeping,
        redials: Redials,
        *,
        seek: Callable[[], object],
        defer: Callable[[], Reply],
    ) -> None:
        self._table, self._lists, self._news = table, lists, news
        self._keeping, self._redials = keeping, redials
        self._seek, self._defer = seek, defer

    def serve(self, message: Any) -> Any:
        """Returns: the answer, if it is not given later."""
        match message:
            case ClosePeers(whom):
                return self._close(whom)
            case GetPeerLists():
                return self._lists.snapshot()
            case DropPersistent(ids):
                return self._drop(ids)
            case ApplyConfig(config):
                self._apply(config)
                return None
            case AddPersistent(addresses):
                self._lists.add_checked_persistent(addresses)
            case AddUnconditional(ids):
                self._lists.add_unconditional(ids)
            case AddPrivate(ids):
                self._lists.add_private(ids)
        self._keeping.when_kept(self._defer().set)
        return None

    def _apply(self, config: Config) -> None:
        """The configuration that counts from now on: its lists and limits. Whoever is connected stays."""
        p2p = config.p2p
        self._table.limits = limits_of(self._table.limits.own_id, config)
        gone = self._lists.configure(p2p.persistent_peers, p2p.unconditional_peer_ids, p2p.private_peer_ids)
        for peer_id in gone:
            self._redials.forget(peer_id)
        self._news.tell_configured()
        self._seek()

    def _drop(self, ids: tuple[NodeID, ...]) -> tuple[NodeID, ...]:
        found = self._lists.remove_persistent(ids)
        for peer_id in found:
            self._redials.forget(peer_id)
        return found

    def _close(self, whom: str) -> tuple[ClosedPeer, ...]:
        """End connections; a persistent peer is dialled again. Raises: ValueError."""
        wanted = _wanted(whom)
        closed = []
        for connection in list(self._table.connections.values()):
            if connection.id is None or connection.ref is None or not wanted(connection):
                continue
            connection.ref.tell(StopPeer(CLOSED, is_error=True, loss=LossReason.BY_OPERATOR), exempt=True)
            is_persistent, is_private = (
                connection.id in ids for ids in (self._table.persistent, self._table.private)
            )
            address = connection.facts.socket_address
            closed.append(ClosedPeer(connection.id, address, is_persistent, is_private))
        return tuple(closed)


def table_of(own_id: NodeID, config: Config) -> PeerTable:
    """A table that holds what the configuration says of peers."""
    p2p = config.p2p
    return PeerTable(
        limits_of(own_id, config),
        unconditional=set(p2p.unconditional_peer_ids),
        private=set(p2p.private_peer_ids),
    )


def limits_of(own_id: NodeID, config: Config) -> PeerLimits:
    """The limits that a switch keeps itself: where there are peer hosts, they count the inbound peers."""
    max_inbound = None if config.peerage.peer_hosts else config.p2p.max_num_inbound_peers
    return PeerLimits(own_id, max_inbound, ip_limits_of(config), config.p2p.dial_timeout)


def _wanted(whom: str) -> Callable[[Connection], bool]:
    """Whether a connection is meant. Raises: ValueError, the text is no ID, IP address or address."""
    if is_node_id(whom):
        peer_id = normal_id(whom)
        return lambda connection: connection.id == peer_id
    host, port = whom, ""
    try:
        ip = ip_address(host)
    except ValueError:
        host, _, port = whom.rpartition(":")
        try:
            ip = ip_address(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            port = ""
        if not (port.isascii() and port.isdecimal()):
            text = f"{quoted(whom)} is neither a node ID nor an IP address, with or without a port"
            raise ValueError(text) from None
    if port:
        address = join_host_port(str(ip), int(port))
        return lambda connection: connection.facts.socket_address == address
    return lambda connection: connection.facts.remote_ip == str(ip)
