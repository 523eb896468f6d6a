"""Bans as events."""

from __future__ import annotations

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.timestamps import NEVER, SECOND
from peerage.actors.events.bans import tell_of_bans, tell_of_unbans
from peerage.actors.events.happenings import Banned, BanReason, Unbanned
from tests.actors.events.parts import ANNA
from tests.actors.events.test_teller import Stage

DAY = 86_400 * SECOND


def told(*bans: Ban) -> list[object]:
    stage = Stage()
    tell_of_bans(stage.teller, bans)
    stage.runtime.up()
    return stage.heard


def test_who_wanted_it_is_the_reason() -> None:
    until = "1970-01-02T00:00:00Z"
    assert told(Ban(ANNA, "wrong ID", 10 * SECOND, DAY, strikes=2)) == [
        Banned(BanReason.OFFENCE, "wrong ID", ANNA, until, 2)
    ]
    assert told(Ban("192.0.2.0/24", "scans\nus", 10 * SECOND, DAY)) == [
        Banned(BanReason.BY_ORDER, r"scans\nus", "192.0.2.0/24", until, 1)
    ]


def test_an_address_that_is_given_up_is_no_ban() -> None:
    assert told(Ban(ANNA, "nobody answers", 10 * SECOND, DAY, shut_until=NEVER)) == []


def test_an_end_by_order() -> None:
    stage = Stage()
    tell_of_unbans(stage.teller, [ANNA])
    stage.runtime.up()
    assert stage.heard == [Unbanned(ANNA)]
