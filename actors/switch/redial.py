"""Persistent peers that are not connected: each is redialled until it is (reference 6)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from peerage.actors.messages import PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import Timer
from peerage.actors.runtime.log import get_logger
from peerage.actors.switch.peer_table import PeerTable
from peerage.actors.switch.redial_schedule import ReconnectSchedule
from peerage.wire.net_address import NetAddress

log = get_logger("peerage.switch")

STABLE_S = 5.0  # a persistent peer that is lost sooner is not redialled at once


class Resolver(Protocol):
    """Parses addresses beside the loop."""

    def parse(self, text: str, then: Callable[[NetAddress | Exception], None]) -> None: ...


@dataclass(slots=True)
class _Redial:
    schedule: ReconnectSchedule
    addresses: list[str]  # tried in turn
    timer: Timer | None = None


class Redials:
    """The persistent peers that are being redialled.

    Args: max_period, as in ReconnectSchedule. dial, returns why an address cannot be dialled, or None when the dial is
        under way. not_resolved, called with a peer, an address and its error. gave_up, with a peer that is sought no more,
        and how often it was dialled.
    """

    def __init__(
        self,
        table: PeerTable,
        max_period: float,
        rng: random.Random,
        *,
        call_later: Callable[..., Timer],
        resolver: Resolver,
        dial: Callable[[NetAddress], Refusal | None],
        not_resolved: Callable[[str, str, Exception], None],
        gave_up: Callable[[str, int], object] = lambda _peer, _tries: None,
    ) -> None:
        self._table, self._max_period, self._rng = table, max_period, rng
        self._call_later, self._resolver = call_later, resolver
        self._dial, self._not_resolved, self._gave_up = dial, not_resolved, gave_up
        self._sought: dict[str, _Redial] = {}

    def seek(self, peer_id: str, addresses: list[str]) -> None:
        """Start or continue to redial a peer."""
        state = self._sought.get(peer_id)
        if state is None:
            schedule = ReconnectSchedule(self._max_period, self._rng)
            state = self._sought[peer_id] = _Redial(schedule, addresses)
        if state.timer is not None:
            return
        pause = state.schedule.next_pause()
        if pause is None:
            log.error("persistent peer given up", peer=peer_id, tries=state.schedule.tries - 1)
            self._gave_up(peer_id, state.schedule.tries - 1)
            del self._sought[peer_id]
            return
        state.timer = self._call_later(pause, self._try_again, peer_id)

    def lost(self, peer: PeerInfo, seconds: float) -> None:
        """Redial a persistent peer that was lost. Args: seconds, how long it was one."""
        if seconds >= STABLE_S:
            self.forget(peer.id)
        self.seek(peer.id, addresses_of(peer, self._table.persistent[peer.id]))

    def pause(self, peer_id: str) -> None:
        """The peer is connected: stop redialling. If it is lost soon, its schedule continues where it was."""
        state = self._sought.get(peer_id)
        if state is not None and state.timer is not None:
            state.timer.cancel()
            state.timer = None

    def forget(self, peer_id: str) -> None:
        """Reset the schedule: the next dial is made at once."""
        self.pause(peer_id)
        self._sought.pop(peer_id, None)

    def let_be(self, peer_id: str) -> None:
        """The peer belongs to another network: let the pauses grow."""
        if (state := self._sought.get(peer_id)) is not None:
            state.schedule.let_be()

    def _try_again(self, peer_id: str) -> None:
        state = self._sought.get(peer_id)
        if state is None:
            return
        state.timer = None
        if peer_id not in self._table.persistent or self._table.of_id(peer_id) is not None:
            return
        text = state.addresses[(state.schedule.tries - 1) % len(state.addresses)]

        def resolved(result: NetAddress | Exception) -> None:
            if peer_id not in self._sought:
                return
            if isinstance(result, Exception):
                self._not_resolved(peer_id, text, result)
                refusal: Refusal | None = Refusal(RefusalReason.UNREACHABLE, str(result))
            else:
                refusal = self._dial(result)
            if refusal is not None:
                self.seek(peer_id, state.addresses)

        self._resolver.parse(text, resolved)


def addresses_of(peer: PeerInfo, given: str) -> list[str]:
    """Return where a lost persistent peer is sought: first where a caller has said that it listens.

    Args: given, its address as the operator wrote it.
    """
    listens_at = peer.node_info.listen_addr.rpartition("://")[2]
    host = listens_at.rpartition(":")[0].strip("[]")
    is_dialable = not peer.is_outbound and host not in {"", "0.0.0.0", "::"}
    return [f"{peer.id}@{listens_at}", given] if is_dialable else [given]
