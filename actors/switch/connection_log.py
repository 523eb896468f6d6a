"""What the switch logs about connections. Strangers can cause most of these lines, so repeated ones are folded."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from peerage.actors.log_folding import Limits, LineFolding, Repeats, folded_count, prefix_of
from peerage.actors.messages import ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.seconds import Seconds
from peerage.actors.switch.lack_of_peers import LackOfPeers
from peerage.actors.switch.peer_table import PeerTable
from peerage.config.private_lines import PRIVATE
from peerage.wire.remote_text import shown

__all__ = ["ConnectionLog"]

# Remotes that keep to the protocol may also connect and leave over and over: more lines are allowed, but not any number.
COMINGS = Limits(subject=20, group=100, total=400)
DIALS = Limits(subject=3)  # `Repeats` decides first: those of one address that are let through are news
MOST_WANTED = 1000


class ConnectionLog:
    """Limits the lines of each event and reason, per prefix of IP addresses (/16, /32 of IPv6) and in all.

    A refusal or a failed dial that changes nothing is logged again after ten minutes, twenty more, and so on. Of the dials
    of peer exchange, which tries whatever addresses it has, only those are logged that fail while there is no peer at all,
    one for each reason. Lines that are left out at info are logged at debug.

    Args:
        log: a logger.
        call_later: that of an actor's runtime.
        table: who is connected, and who is persistent.
        now, unix_now: monotonic seconds, and those of `PeerInfo.since`.
        wanted: IDs that the operator has named beside the persistent ones, seeds for example.
        seed_mode: a seed makes hundreds of visits a minute. They appear in the metrics, and are logged at debug only.
    """

    def __init__(
        self,
        log: Any,
        call_later: Callable[..., Any],
        table: PeerTable,
        *,
        now: Callable[[], float],
        unix_now: Callable[[], float] = time.time,
        wanted: Iterable[str] = (),
        seed_mode: bool,
    ) -> None:
        self._log, self._table, self._unix_now = log, table, unix_now
        self._seed_mode = seed_mode
        self._wanted = set(wanted)
        self._repeats = Repeats(now)
        self._refusals = LineFolding(call_later)
        # separate, so that a flood of inbound connections does not hide the outcomes of our dials
        self._dials = LineFolding(call_later, DIALS)
        self._comings = LineFolding(call_later, COMINGS)
        self._lack = LackOfPeers(log, call_later, now, lambda: table.has_peers)
        self._node_stops = False

    def close(self) -> None:
        """Log the summaries that are still due."""
        self._refusals.close()
        self._dials.close()
        self._comings.close()
        self._lack.close()

    def node_stops(self) -> None:
        """The node is being stopped: that all peers go with it is no news, and it has a line of its own."""
        self._node_stops = True
        self._lack.close()

    def want(self, ids: Iterable[str]) -> None:
        """The operator has these dialled: what comes of it is logged as of persistent peers."""
        self._wanted.update(list(ids)[: max(0, MOST_WANTED - len(self._wanted))])

    def added(self, peer: PeerInfo) -> None:
        """A connection became a peer."""
        self._lack.over()
        self._repeats.forget(peer.id)
        self._come(peer, "peer added", _who(peer))

    def stopped(self, peer: PeerInfo, reason: str) -> None:
        """A peer is gone. The reason may quote the peer, so it is escaped."""
        if not self._table.has_peers:
            self._lack.begins()
        age = Seconds(self._unix_now() - peer.since)
        self._come(
            peer, "peer stopped", _who(peer) | {"age": age, "reason": shown(reason) or "graceful stop"}
        )

    def _come(self, peer: PeerInfo, event: str, facts: Mapping[str, object]) -> None:
        is_visit = self._seed_mode and peer.is_outbound and peer.id not in self._table.persistent
        if is_visit or self._node_stops:
            self._log.debug(event, **facts)
            return
        self._say(self._comings, event, peer.id, {"prefix": self._prefix(peer.id, peer.remote_ip)}, facts)

    def refused(self, connection: ConnectionFacts, refusal: Refusal) -> None:
        """A connection was refused, or a dial failed."""
        more = None if _is_no_news(connection, refusal) else self._due(connection, refusal)
        event = "dial failed" if refusal.reason is RefusalReason.UNREACHABLE else "peer refused"
        reason, remote = str(refusal.reason), connection.socket_address
        facts: dict[str, object] = {
            "reason": reason,
            "detail": refusal.detail,
            "remote": remote,
            "dialled": connection.dialled_id,
            "direction": _direction(connection.is_outbound),
        }
        common = {"reason": reason, "prefix": self._prefix(connection.dialled_id, connection.remote_ip)}
        if more is None:
            if not connection.is_outbound:
                self._refusals.leave_out(self._log.info, event, common)
            self._log.debug(event, **facts)
            return
        lines = self._dials if connection.is_outbound else self._refusals
        about = remote, connection.dialled_id, refusal.detail
        self._say(lines, event, about, common, facts | folded_count(more))

    def not_resolved(self, peer_id: str, address: str, error: Exception) -> None:
        """The name of a persistent peer does not resolve."""
        facts: dict[str, object] = {"peer": peer_id, "address": shown(address), "cause": str(error)}
        more = self._repeats.due(peer_id, (address, str(error)))
        if more is None:
            self._log.debug("persistent peer not resolved", **facts)
            return
        self._dials.say(
            self._log.warning, "persistent peer not resolved", address, {}, **facts, **folded_count(more)
        )

    def _due(self, connection: ConnectionFacts, refusal: Refusal) -> int | None:
        """How many of the same were left out, if this one is to be logged."""
        self._lack.refused(connection, refusal)
        if self._node_stops:
            return None
        if not connection.is_outbound:
            return self._repeats.due((connection.remote_ip, refusal.reason))
        peer_id = str(connection.dialled_id)
        is_visit = self._seed_mode and peer_id not in self._table.persistent
        if not is_visit and (peer_id in self._table.persistent or peer_id in self._wanted):
            return self._repeats.due(peer_id, (connection.socket_address, str(refusal)))
        if is_visit or self._table.has_peers:
            return None
        return self._repeats.due(("any", refusal.reason))

    def _prefix(self, peer_id: str | None, ip: str) -> str:
        """What the lines of a summary share. Nobody is told in which network a private peer is."""
        return PRIVATE if peer_id in self._table.private else prefix_of(ip)

    def _say(
        self,
        lines: LineFolding,
        event: str,
        subject: Hashable,
        common: Mapping[str, str],
        facts: Mapping[str, object],
    ) -> None:
        if not lines.say(self._log.info, event, subject, common, **facts):
            self._log.debug(event, **facts)


def _is_no_news(connection: ConnectionFacts, refusal: Refusal) -> bool:
    """Whether somebody has only looked at our port, or a dial was not needed: its node is connected, or being dialled,
    already.
    """
    return refusal.is_look or (
        connection.is_outbound
        and refusal.reason in {RefusalReason.DUPLICATE_ID, RefusalReason.DUPLICATE_CONNECTION}
    )


def _who(peer: PeerInfo) -> dict[str, object]:
    """Who a peer is, as far as it has shown itself; all but its ID and address is what it says of itself."""
    return {
        "peer": peer.id,
        "direction": _direction(peer.is_outbound),
        "address": peer.socket_address,
        "moniker": shown(peer.node_info.moniker),
        "version": shown(peer.node_info.version),
    }


def _direction(is_outbound: bool) -> str:
    return "outbound" if is_outbound else "inbound"
