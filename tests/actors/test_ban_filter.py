"""The bans that the address book has published, as an admitting actor holds them."""

from __future__ import annotations

import time

from peerage.actors.ban_filter import BanFilter, stop_for_ban
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.loss import LossReason
from peerage.actors.messages import BansChanged
from peerage.actors.refusal import Refusal, RefusalReason
from tests.actors.discovery.nodes import node_id


def ban(subject: str, seconds: float = 3600.0, shut_until: int | None = None) -> Ban:
    now = int(time.time() * SECOND)
    return Ban(subject, "forged", now, now + int(seconds * SECOND), shut_until=shut_until)


def test_an_id_and_an_ip_are_refused_with_the_ban_that_hits_them() -> None:
    """Before the handshake the IP is known, after it the ID."""
    bans = BanFilter()
    bans.update(BansChanged((ban(node_id(1)), ban("9.9.0.0/16")), whole=True))
    by_id, by_ip = bans.refusal(node_id(1).upper()), bans.refusal(ip="9.9.1.2")
    assert by_id is not None
    assert by_ip is not None
    assert (by_id.reason, by_ip.reason) == (RefusalReason.BANNED, RefusalReason.BANNED)
    assert by_ip.detail.startswith("9.9.0.0/16 is banned until ")
    assert by_ip.detail.endswith("Z: forged")
    assert bans.refusal(node_id(2), "9.8.1.2") is None


def test_a_ban_that_is_over_and_one_of_an_address_alone_refuse_nobody() -> None:
    """A node whose address was given up may connect."""
    bans = BanFilter()
    bans.update(BansChanged((ban(node_id(1), -1.0), ban(node_id(2), shut_until=0)), whole=True))
    assert bans.refusal(node_id(1)) is None
    assert bans.refusal(node_id(2)) is None


def test_changes_are_added_and_the_whole_list_replaces_what_was_there() -> None:
    """A book that was restarted tells everything; the subjects are named, to part with those connected."""
    bans = BanFilter()
    assert bans.update(BansChanged((ban(node_id(1)), ban("9.9.9.9")), whole=True)) == [node_id(1), "9.9.9.9"]
    assert bans.update(BansChanged((ban(node_id(2)),), (node_id(1),))) == [node_id(2)]
    assert [bans.refusal(node_id(number)) is None for number in (1, 2)] == [True, False]
    assert bans.refusal(ip="9.9.9.9") is not None
    bans.update(BansChanged((ban(node_id(3)),), whole=True))
    assert [bans.refusal(node_id(number)) is None for number in (2, 3)] == [True, False]
    assert bans.refusal(ip="9.9.9.9") is None


def test_an_ip_is_not_even_parsed_while_no_network_is_banned() -> None:
    """The common case, at every connection."""
    bans = BanFilter()
    bans.update(BansChanged((ban(node_id(1)),), whole=True))
    assert bans.refusal(ip="no IP at all") is None


def test_a_peer_that_is_banned_is_stopped_for_that_reason() -> None:
    stop = stop_for_ban(Refusal(RefusalReason.BANNED, "until then"))
    assert (stop.is_error, stop.loss) == (True, LossReason.BANNED)
