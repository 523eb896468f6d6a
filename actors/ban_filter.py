"""The bans that the address book has published, as each admitting actor holds them."""

from __future__ import annotations

import time

from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.timestamps import SECOND, format_time
from peerage.actors.loss import LossReason
from peerage.actors.messages import BansChanged, StopPeer
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.ip_ranges import parse_ip

__all__ = ["BanFilter", "stop_for_ban"]


class BanFilter:
    """Judges connections: by IP before their handshake, by ID after it."""

    def __init__(self) -> None:
        self._bans = BanList(time.time)

    def update(self, message: BansChanged) -> list[str]:
        """Apply what the book has published. Returns: the subjects that are refused from now on."""
        if message.whole:
            self._bans = BanList(time.time)
        for subject in message.lifted:
            self._bans.lift(subject)
        self._bans.drain()  # only the book has a store that this would be for
        for ban in message.bans:
            self._bans.restore(ban)
        return [ban.subject for ban in message.bans]

    def refusal(self, peer_id: str | None = None, ip: str | None = None) -> Refusal | None:
        """Why this ID, or this IP, is refused; None when it is not."""
        where = parse_ip(ip) if ip is not None and self._bans.any_network else None
        ban = self._bans.ban_of(peer_id, where)
        if ban is None:
            return None
        until = format_time(ban.shuts_out_until // SECOND * SECOND)
        return Refusal(RefusalReason.BANNED, f"{ban.subject} is banned until {until}: {ban.reason}")


def stop_for_ban(refusal: Refusal) -> StopPeer:
    """What a peer is told that has just been banned."""
    return StopPeer(str(refusal), is_error=True, loss=LossReason.BANNED)
