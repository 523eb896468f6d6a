"""Persistent peers that are sought, on a clock that the test sets."""

from __future__ import annotations

import random

import pytest
from structlog.testing import capture_logs

from peerage.actors.messages import Admission, ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.switch.redial import STABLE_S, Redials, addresses_of
from peerage.actors.switch.resolver import Resolver
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from tests.actors.switch.parts import ANNA, Names, Told, facts, table
from tests.fake_clock import FakeClock

HOME, AWAY = (f"{ANNA}@{host}:26656" for host in ("10.0.0.2", "10.0.0.3"))
HOUR_S = 3600.0


class Search:
    """`dialled` are the addresses that were dialled; `refusal` is why not."""

    def __init__(self, max_period: float = 0.0) -> None:
        self.clock, self.names, self.table = FakeClock(), Names(), table()
        self.table.persistent[ANNA] = HOME
        self.dialled: list[str] = []
        self.unresolved: list[str] = []
        self.given_up: list[tuple[str, int]] = []
        self.refusal: Refusal | None = None
        self.redials = Redials(
            self.table,
            max_period,
            random.Random(1),
            call_later=self.clock.call_later,
            resolver=Resolver(
                self.names, call_threadsafe=self.names.call_threadsafe, call_later=self.clock.call_later
            ),
            dial=self.dial,
            not_resolved=lambda _peer, text, _error: self.unresolved.append(text),
            gave_up=lambda peer_id, tries: self.given_up.append((peer_id, tries)),
        )

    def dial(self, address: NetAddress) -> Refusal | None:
        self.dialled.append(f"{address.id}@{address.host}:{address.port}")
        return self.refusal

    def pass_by(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.pass_by(1.0)
            self.names.answer("gone.example")
            self.names.run_loop()


@pytest.fixture
def search() -> Search:
    return Search()


def test_the_first_try_is_at_once_and_a_dial_that_is_under_way_is_waited_for(search: Search) -> None:
    """Its end is the next occasion."""
    search.redials.seek(ANNA, [HOME])
    search.pass_by(HOUR_S)
    assert search.dialled == [HOME]


def test_addresses_take_turns(search: Search) -> None:
    """A peer that came to us may be where it says it listens."""
    search.refusal = Refusal(RefusalReason.UNREACHABLE)
    search.redials.seek(ANNA, [AWAY, HOME])
    search.pass_by(20.0)
    assert search.dialled[:3] == [AWAY, HOME, AWAY]


def test_seeking_twice_does_not_dial_twice(search: Search) -> None:
    """A try is due already."""
    search.redials.seek(ANNA, [HOME])
    search.redials.seek(ANNA, [HOME])
    search.pass_by(1.0)
    assert search.dialled == [HOME]


def test_a_name_that_does_not_resolve_is_told_and_tried_again(search: Search) -> None:
    """It may be back later."""
    text = f"{ANNA}@gone.example:26656"
    search.redials.seek(ANNA, [text])
    search.pass_by(12.0)
    assert search.unresolved[:2] == [text, text]
    assert search.dialled == []


@pytest.mark.parametrize("is_connected", [True, False])
def test_nobody_is_dialled_who_is_there_or_persistent_no_more(search: Search, is_connected: bool) -> None:
    """Things may have changed since the try was planned."""
    search.redials.seek(ANNA, [HOME])
    if is_connected:
        search.table.admit(facts(), ANNA, Told(), 0.0)
    else:
        search.table.persistent.clear()
    search.pass_by(1.0)
    assert search.dialled == []


def test_a_peer_that_is_there_is_let_be(search: Search) -> None:
    """Lost again soon, it is not dialled at once."""
    search.redials.seek(ANNA, [HOME])
    search.pass_by(1.0)
    search.redials.seek(ANNA, [HOME])
    search.redials.pause(ANNA)
    search.pass_by(60.0)
    search.redials.seek(ANNA, [HOME])
    search.pass_by(1.0)
    assert search.dialled == [HOME]


def test_a_search_that_was_forgotten_begins_anew(search: Search) -> None:
    """With a try at once."""
    search.redials.seek(ANNA, [HOME])
    search.pass_by(1.0)
    search.redials.forget(ANNA)
    search.redials.seek(ANNA, [HOME])
    search.pass_by(1.0)
    assert search.dialled == [HOME, HOME]


def test_a_peer_of_another_network_is_tried_with_longer_pauses(search: Search) -> None:
    """It is there, and will not change its mind soon."""
    search.redials.seek(ANNA, [HOME])
    search.pass_by(1.0)
    search.redials.let_be(ANNA)
    search.redials.seek(ANNA, [HOME])
    search.pass_by(8.0)
    assert len(search.dialled) == 1


@pytest.mark.parametrize(
    ("is_outbound", "listen_addr", "first"),
    [
        (False, "tcp://10.0.0.9:26656", f"{ANNA}@10.0.0.9:26656"),
        (False, "10.0.0.9:26656", f"{ANNA}@10.0.0.9:26656"),
        (False, "tcp://0.0.0.0:26656", HOME),
        (False, "tcp://[::]:26656", HOME),
        (False, "", HOME),
        (True, "tcp://10.0.0.9:26656", HOME),
    ],
    ids=str,
)
def test_a_caller_that_is_lost_is_sought_where_it_says_that_it_listens(
    is_outbound: bool, listen_addr: str, first: str
) -> None:
    """And then where the operator has it."""
    peer = PeerInfo.of(
        facts(outbound=is_outbound), ANNA, NodeInfo(listen_addr=listen_addr), Told(), Admission(True, False)
    )
    assert addresses_of(peer, HOME) == list(dict.fromkeys([first, HOME]))


def test_it_is_given_up_in_the_end(search: Search) -> None:
    """That is said; it may be sought again."""
    search.refusal = Refusal(RefusalReason.UNREACHABLE)
    with capture_logs() as lines:
        search.redials.seek(ANNA, [HOME])
        for _ in range(40):
            search.clock.pass_by(100_000.0)
            search.names.run_loop()
    assert [line["event"] for line in lines] == ["persistent peer given up"]
    assert lines[0]["tries"] == len(search.dialled)


def lost(*, outbound: bool, listens: str) -> PeerInfo:
    node_info = NodeInfo(id=ANNA, listen_addr=listens, network="test", moniker="m", channels=b"")
    connection = ConnectionFacts("c", "host", "10.0.0.9", 7, is_outbound=outbound)
    return PeerInfo.of(connection, ANNA, node_info, Told(), Admission(True, False))


@pytest.mark.parametrize(
    ("peer", "first"),
    [
        (lost(outbound=True, listens="tcp://10.0.0.3:26656"), HOME),
        (lost(outbound=False, listens="tcp://10.0.0.3:26656"), AWAY),
        (lost(outbound=False, listens="tcp://0.0.0.0:26656"), HOME),
    ],
    ids=["dialled", "came to us", "says not where it listens"],
)
def test_one_that_was_lost_is_sought_where_it_was_or_says_it_listens(
    search: Search, peer: PeerInfo, first: str
) -> None:
    search.redials.lost(peer, 0.0)
    search.pass_by(1.0)
    assert search.dialled == [first]


@pytest.mark.parametrize(("seconds", "tries"), [(STABLE_S, 2), (STABLE_S - 1.0, 1)])
def test_one_that_was_here_for_a_while_is_dialled_at_once(search: Search, seconds: float, tries: int) -> None:
    search.redials.seek(ANNA, [HOME])
    search.pass_by(1.0)
    search.redials.lost(lost(outbound=True, listens=""), seconds)
    search.pass_by(1.0)
    assert search.dialled == [HOME] * tries


def test_one_that_is_sought_no_more_is_told_with_the_number_of_tries() -> None:
    search = Search()
    search.refusal = Refusal(RefusalReason.UNREACHABLE)
    search.redials.seek(ANNA, [HOME])
    search.pass_by(48 * HOUR_S)
    assert search.given_up == [(ANNA, len(search.dialled))]
