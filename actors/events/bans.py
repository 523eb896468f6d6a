"""What the address book tells of bans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.timestamps import format_time
from peerage.actors.events.happenings import Banned, BanReason, Unbanned
from peerage.actors.events.teller import EventTeller
from peerage.wire.remote_text import shown

__all__ = ["tell_of_bans", "tell_of_unbans"]

_OFFENCES: Final = frozenset(offence.text for offence in Offence)


def tell_of_bans(teller: EventTeller, bans: Iterable[Ban]) -> None:
    """These were made or made longer. Those of an address alone are passed over: its node may still connect."""
    for ban in bans:
        if ban.shuts_out_until < ban.since:
            continue
        reason = BanReason.OFFENCE if ban.reason in _OFFENCES else BanReason.BY_ORDER
        if teller.may_tell(Banned.kind, reason):
            until = format_time(ban.shuts_out_until)
            teller.tell(Banned(reason, shown(ban.reason), ban.subject, until, ban.strikes))


def tell_of_unbans(teller: EventTeller, subjects: Iterable[str]) -> None:
    """These are banned no more, by order."""
    for subject in subjects:
        if teller.may_tell(Unbanned.kind):
            teller.tell(Unbanned(subject))
