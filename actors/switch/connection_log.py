"""What the switch logs about connections. Strangers can cause most of these lines, so repeated ones are folded."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from peerage.actors.log_folding import Limits, LineFolding, prefix_of
from peerage.actors.messages import ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.remote_text import shown

__all__ = ["ConnectionLog"]

# Remotes that keep to the protocol may also connect and leave over and over: more lines are allowed, but not any number.
COMINGS = Limits(subject=20, group=100, total=400)


class ConnectionLog:
    """Limits the lines of each event and reason, per prefix of IP addresses (/16, /32 of IPv6) and in all.

    The outcome of a dial is logged once a minute for each address. Lines that are left out at info are logged at debug.

    Args:
        log: a logger.
        call_later: that of an actor's runtime.
        seed_mode: a seed makes hundreds of visits a minute. They appear in the metrics, and are logged at debug only.
    """

    def __init__(self, log: Any, call_later: Callable[..., object], *, seed_mode: bool) -> None:
        self._log = log
        self._seed_mode = seed_mode
        self._refusals = LineFolding(call_later)
        # separate, so that a flood of inbound connections does not hide the outcomes of our dials
        self._dials = LineFolding(call_later)
        self._comings = LineFolding(call_later, COMINGS)

    def close(self) -> None:
        """Log the summaries that are still due."""
        self._refusals.close()
        self._dials.close()
        self._comings.close()

    def added(self, peer: PeerInfo, *, is_persistent: bool) -> None:
        """A connection became a peer."""
        facts = {"peer": peer.id, "address": peer.socket_address, "outbound": peer.is_outbound}
        self._come(peer, "peer added", facts, is_persistent=is_persistent)

    def stopped(self, peer: PeerInfo, reason: str, *, is_persistent: bool) -> None:
        """A peer is gone. The reason may quote the peer, so it is escaped."""
        facts = {"peer": peer.id, "reason": shown(reason) or "graceful stop"}
        self._come(peer, "peer stopped", facts, is_persistent=is_persistent)

    def _come(self, peer: PeerInfo, event: str, facts: Mapping[str, object], *, is_persistent: bool) -> None:
        if self._seed_mode and peer.is_outbound and not is_persistent:
            self._log.debug(event, **facts)
            return
        self._say(self._comings, event, peer.id, {"prefix": prefix_of(peer.remote_ip)}, facts)

    def refused(
        self, connection: ConnectionFacts, refusal: Refusal, *, is_persistent: bool, is_known: bool = False
    ) -> None:
        """A connection was refused, or a dial failed. Args: is_known, the same was logged before."""
        event = "dial failed" if refusal.reason is RefusalReason.UNREACHABLE else "peer refused"
        facts = {
            "reason": str(refusal.reason),
            "detail": refusal.detail,
            "remote": connection.socket_address,
            "dialled": connection.dialled_id,
        }
        is_visit = self._seed_mode and connection.is_outbound and not is_persistent
        if is_visit or is_known:
            self._log.debug(event, **facts)
            return
        common = {"reason": str(refusal.reason), "prefix": prefix_of(connection.remote_ip)}
        lines = self._dials if connection.is_outbound else self._refusals
        self._say(lines, event, (facts["remote"], connection.dialled_id, refusal.detail), common, facts)

    def not_resolved(self, peer_id: str, address: str, error: Exception) -> None:
        """The name of a persistent peer does not resolve."""
        facts = {"peer": peer_id, "address": shown(address), "cause": str(error)}
        self._dials.say(self._log.warning, "persistent peer not resolved", address, {}, **facts)

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
