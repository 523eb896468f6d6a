"""actors/peers/inbound_limit.py: which connections the hosts of a seed let in without asking the switch."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peerage.actors.ban_filter import BanFilter
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.messages import BansChanged, ConnectionFacts
from peerage.actors.peers.inbound_limit import InboundLimit
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.refusal import RefusalReason

MOST = 10
FACTS = ConnectionFacts("in", "host", "192.0.2.1", 4000, is_outbound=False)


@pytest.fixture
def table() -> Iterator[int]:
    fd = LoadTable.create(4)
    yield fd
    os.close(fd)


def reason_at(table: int, hosts: int, *held: int) -> RefusalReason | None:
    """Why the newest connection of host 0 is refused. Args: held, inbound connections of each host, it included."""
    loads = [LoadTable(table, index, hosts) for index in range(hosts)]
    for load, inbound in zip(loads, held, strict=True):
        load.set(inbound, inbound)
    refusal = InboundLimit(BanFilter(), loads[0], MOST, hosts).refusal(FACTS)
    return None if refusal is None else refusal.reason


def test_a_single_host_fills_every_place(table: int) -> None:
    """And none more."""
    assert reason_at(table, 1, MOST) is None
    assert reason_at(table, 1, MOST + 1) is RefusalReason.INBOUND_LIMIT


def test_all_hosts_count_together(table: int) -> None:
    assert reason_at(table, 2, 1, MOST) is RefusalReason.INBOUND_LIMIT
    assert reason_at(table, 2, 1, 1) is None


@pytest.mark.parametrize("hosts", [2, 3, 4])
def test_the_limit_holds_though_all_hosts_take_the_last_place_at_once(table: int, hosts: int) -> None:
    """Each counts its own newest connection before it looks, and may not see the others' newest ones."""
    before = MOST - hosts
    unseen = [0] * (hosts - 1)
    assert reason_at(table, hosts, before + 1, *unseen) is None  # every host: MOST connections
    assert reason_at(table, hosts, before + 2, *unseen) is RefusalReason.INBOUND_LIMIT


def test_a_banned_address_is_refused_before_anything_is_counted(table: int) -> None:
    """With the ban as the reason."""
    shut_out = BanFilter()
    ban = Ban("192.0.2.0/24", "abuse", since=0, until=2**62)
    shut_out.update(BansChanged((ban,)))
    refusal = InboundLimit(shut_out, LoadTable(table, 0, 1), MOST, 1).refusal(FACTS)
    assert refusal is not None
    assert refusal.reason is RefusalReason.BANNED
