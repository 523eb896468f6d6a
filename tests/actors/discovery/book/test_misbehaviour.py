"""actors/discovery/book/misbehaviour.py: scores that decay, and the bans that follow."""

from __future__ import annotations

import random
from ipaddress import ip_address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.facts import MOST, Fact, FactKind
from peerage.actors.discovery.book.misbehaviour import (
    BAN_AT,
    FIRST_BAN_S,
    FORGET_BANS_S,
    HALF_LIFE_S,
    LEAST,
    Misbehaviour,
)
from peerage.actors.discovery.book.offences import WEIGHTS, Offence
from peerage.actors.discovery.book.timestamps import SECOND, nanoseconds
from tests.actors.discovery.nodes import Clock, address, node_id

PEER = node_id(1)
HOST = ip_address("9.8.7.6")
HOUR_S = 3600.0


class Stage:
    """A misbehaviour book, its address book, and a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.book = self.opened()

    @property
    def scores(self) -> Misbehaviour:
        return self.book.misbehaviour

    def opened(self) -> AddrBook:
        return AddrBook(clock=self.clock, rng=random.Random(1))

    def restart(self) -> None:
        """Another process goes on with what the store has kept."""
        before, self.book = self.book, self.opened()
        self.book.restore(before.addresses(), before.bans, before.facts.all(), stored=True)

    def points(self, subject: str) -> float:
        """What counts against a host or a network, as the operator is shown it."""
        shown = {offender.subject: offender.score for offender in self.scores.offenders()}
        return shown.get(subject, 0.0)

    def ban_s(self, subject: str) -> float:
        """For how long the subject is banned from now on."""
        ban = self.book.bans.get(subject)
        return 0.0 if ban is None else max(0.0, ban.until / SECOND - self.clock.now)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_points_add_up_and_halve_every_hour(stage: Stage) -> None:
    stage.scores.charge(Offence.PROTOCOL_ERROR, PEER)
    stage.clock.pass_by(HALF_LIFE_S)
    assert stage.scores.score(PEER) == pytest.approx(10.0)
    stage.scores.charge(Offence.PROTOCOL_ERROR, PEER.upper())
    assert stage.scores.score(PEER) == pytest.approx(30.0)


def test_a_hundred_points_are_a_ban_with_the_offence_as_its_reason(stage: Stage) -> None:
    """What the book knew of the node is kept with the ban, and back when it is over."""
    node = address(1)
    stage.book.add(node, node)
    assert stage.scores.charge(Offence.PACKET_FLOOD, PEER) == ()
    (ban,) = stage.scores.charge(Offence.PACKET_FLOOD, PEER)
    assert (ban.subject, ban.reason) == (PEER, "flood of packets")
    assert stage.ban_s(PEER) == FIRST_BAN_S
    assert not stage.book.has(PEER)
    stage.clock.pass_by(FIRST_BAN_S)
    stage.book.bad_peers.reinstate()
    assert stage.book.has(PEER)


def test_each_ban_is_twice_as_long_as_the_one_before_up_to_what_the_offence_allows(stage: Stage) -> None:
    lengths = []
    for _ in range(12):
        while not stage.ban_s(PEER):
            stage.scores.charge(Offence.PACKET_FLOOD, PEER)
        lengths.append(stage.ban_s(PEER))
        stage.clock.pass_by(stage.ban_s(PEER))
    assert lengths[0] == FIRST_BAN_S
    assert all(later == min(2 * earlier, 24 * HOUR_S) for earlier, later in pairwise(lengths))
    assert lengths[-1] == WEIGHTS[Offence.PACKET_FLOOD].longest_ban == 24 * HOUR_S


def test_what_an_operator_mends_is_never_banned_for_long(stage: Stage) -> None:
    """A node with an invalid NodeInfo tries again every five seconds, for days."""
    for _ in range(10_000):
        if not stage.ban_s(PEER):
            stage.scores.charge(Offence.INVALID_NODE_INFO, PEER)
        assert stage.ban_s(PEER) <= 600.0
        stage.clock.pass_by(5.0)


def test_a_day_without_a_ban_makes_the_next_one_the_first(stage: Stage) -> None:
    for _ in range(2):
        stage.scores.charge(Offence.PACKET_FLOOD, PEER)
    stage.clock.pass_by(FIRST_BAN_S + FORGET_BANS_S)
    for _ in range(2):
        stage.scores.charge(Offence.PACKET_FLOOD, PEER)
    assert stage.ban_s(PEER) == FIRST_BAN_S


def test_a_ban_that_stands_is_not_made_longer(stage: Stage) -> None:
    """Several connections of a node may offend in the same moment."""
    for _ in range(20):
        stage.scores.charge(Offence.PACKET_FLOOD, PEER)
    assert stage.ban_s(PEER) == FIRST_BAN_S


def test_a_ban_by_peer_exchange_stays_as_it_is(stage: Stage) -> None:
    """For a day; points come beside that."""
    stage.book.bad_peers.ban(PEER, 24 * HOUR_S, "sent addresses unasked")
    assert stage.scores.charge(Offence.UNASKED_ADDRESSES, PEER) == ()
    ban = stage.book.bans.get(PEER)
    assert ban is not None
    assert (ban.strikes, ban.reason) == (1, "sent addresses unasked")


def test_an_address_that_was_given_up_is_no_ban_that_stands(stage: Stage) -> None:
    """Its node may connect, and so it may be banned."""
    node = address(1)
    stage.book.add(node, node)
    stage.book.bad_peers.give_up(PEER, 24 * HOUR_S, "nobody answers")
    assert len(stage.scores.charge(Offence.UNASKED_ADDRESSES, PEER)) == 1
    assert stage.book.bans.ban_of(PEER) is not None


def test_before_an_id_is_proved_the_host_is_charged(stage: Stage) -> None:
    """And banned; its networks are not, for they are the home of others."""
    bans = [ban for _ in range(10) for ban in stage.scores.charge(Offence.HANDSHAKE_GARBAGE, ip=HOST)]
    assert [ban.subject for ban in bans] == ["9.8.7.6"]
    assert stage.book.bans.ban_of(ip=ip_address("9.8.7.5")) is None


@pytest.mark.parametrize(
    ("ip", "host", "networks"),
    [
        ("9.8.7.6", "9.8.7.6", (("9.8.7.0/24", 25.0), ("9.8.0.0/16", 6.25))),
        (
            "2600:1:2:3::4",
            "2600:1:2:3::/64",
            (("2600:1:2::/48", 25.0), ("2600:1::/32", 6.25)),
        ),
        ("::ffff:9.8.7.6", "9.8.7.6", (("9.8.7.0/24", 25.0),)),
    ],
)
def test_the_networks_of_a_host_have_shares_of_its_points(
    stage: Stage, ip: str, host: str, networks: tuple[tuple[str, float], ...]
) -> None:
    """A /24 and /16 of IPv4; of IPv6, where a host has a /64, a /48 and /32."""
    for _ in range(10):
        stage.scores.charge(Offence.HANDSHAKE_GARBAGE, ip=ip_address(ip))
    assert stage.points(host) == BAN_AT
    assert [ban.subject for ban in stage.book.bans] == [host]
    assert [stage.points(network) for network, _ in networks] == [points for _, points in networks]


def test_one_bad_tenant_shuts_out_no_provider(stage: Stage) -> None:
    """Nor do a thousand hosts of one: each is banned for itself."""
    for number in range(1000):
        host = ip_address(f"9.8.{number % 250}.{number // 250}")
        for _ in range(20):
            stage.scores.charge(Offence.HANDSHAKE_GARBAGE, ip=host)
    assert len(stage.book.bans) == 1000
    assert stage.book.bans.ban_of(ip=ip_address("9.8.250.250")) is None
    assert stage.points("9.8.0.0/16") > BAN_AT


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "192.168.1.1", "fc00::1"])
def test_an_address_that_is_not_routable_may_stand_for_many_and_is_not_charged(stage: Stage, ip: str) -> None:
    """A proxy's, say. The ID is."""
    for _ in range(100):
        stage.scores.charge(Offence.HANDSHAKE_GARBAGE, ip=ip_address(ip))
    assert (len(stage.scores), stage.scores.offenders()) == (0, ())
    assert [ban.subject for ban in stage.scores.charge(Offence.UNASKED_ADDRESSES, PEER, ip_address(ip))] == [
        PEER
    ]


def test_nothing_counts_against_trusted_ids_nor_against_their_host_for_what_they_do(stage: Stage) -> None:
    stage.scores.charge(Offence.PACKET_FLOOD, PEER)
    stage.scores.trust([PEER.upper()])
    assert stage.scores.score(PEER) == 0.0
    for _ in range(100):
        assert stage.scores.charge(Offence.PACKET_FLOOD, PEER, HOST) == ()
    assert len(stage.scores) == 0


def test_the_host_of_a_trusted_address_is_not_banned_for_what_others_do_there(stage: Stage) -> None:
    """We would not be able to dial it. The others are charged by their IDs."""
    sentry = node_id(3)
    stage.scores.trust((), [f"{PEER}@9.8.7.6:26656", f"{sentry}@sentry.example.org:1", f"{PEER}@10.0.0.1:1"])
    assert stage.scores.charge(Offence.UNASKED_ADDRESSES, sentry) == ()
    bans = [ban for _ in range(20) for ban in stage.scores.charge(Offence.PACKET_FLOOD, node_id(2), HOST)]
    assert [ban.subject for ban in bans] == [node_id(2)]
    assert stage.points(str(HOST)) == 0.0


def test_who_was_forgiven_begins_anew(stage: Stage) -> None:
    """Over a restart, too: no ban, no points, and the next ban is as the first."""
    for _ in range(2):
        stage.scores.charge(Offence.PACKET_FLOOD, PEER)
    assert stage.scores.forgive(PEER.upper())
    assert not stage.scores.forgive(PEER)
    stage.restart()
    assert stage.scores.score(PEER) == stage.ban_s(PEER) == 0.0
    for _ in range(2):
        stage.scores.charge(Offence.PACKET_FLOOD, PEER)
    assert stage.ban_s(PEER) == FIRST_BAN_S


def test_points_can_be_forgiven_before_there_is_a_ban(stage: Stage) -> None:
    stage.scores.charge(Offence.HANDSHAKE_GARBAGE, ip=HOST)
    assert stage.scores.forgive("9.8.7.0/24")
    assert [each.subject for each in stage.scores.offenders()] == ["9.8.7.6", "9.8.0.0/16"]


def test_scores_survive_a_restart_and_decay_meanwhile(stage: Stage) -> None:
    stage.scores.charge(Offence.PACKET_FLOOD, PEER, HOST)
    stage.clock.pass_by(HALF_LIFE_S)
    stage.restart()
    found = {each.subject: each for each in stage.scores.offenders()}
    assert found[PEER].score == pytest.approx(30.0)
    assert (found[PEER].last, found[PEER].offences) == (Offence.PACKET_FLOOD, 1)
    assert found["9.8.7.6"].score == pytest.approx(10.0)
    assert list(found) == [PEER, "9.8.7.6", "9.8.7.0/24", "9.8.0.0/16"]


def test_what_has_decayed_is_forgotten_on_disk_too(stage: Stage) -> None:
    """Nobody is kept in the book for ever."""
    stage.scores.charge(Offence.PROTOCOL_ERROR, PEER)
    stage.book.drain()
    stage.clock.pass_by(24 * HOUR_S)
    facts = stage.book.facts.all()
    stage.book = stage.opened()
    stage.book.restore((), (), facts, stored=True)
    assert stage.scores.offenders() == ()
    assert stage.book.drain().facts == (Fact(FactKind.OFFENCES, PEER),)


def test_facts_of_a_later_version_are_left_out(stage: Stage) -> None:
    """An offence that we do not know, or another number of numbers."""
    now = nanoseconds(stage.clock.now)
    facts = [
        Fact(FactKind.OFFENCES, "a", (50_000, now, 1, 99, 0, 0)),
        Fact(FactKind.OFFENCES, "b", (50_000, now)),
        Fact(FactKind.OFFENCES, "c", (50_000,)),
    ]
    stage.book.restore((), (), facts, stored=True)
    assert stage.scores.offenders() == ()


def test_a_clock_that_is_set_back_makes_nobody_worse(stage: Stage) -> None:
    stage.scores.charge(Offence.PROTOCOL_ERROR, PEER)
    stage.clock.pass_by(-HALF_LIFE_S)
    assert stage.scores.score(PEER) == 20.0


def test_the_number_of_records_is_bounded_and_the_oldest_makes_room(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In memory and on disk."""
    monkeypatch.setitem(MOST, FactKind.OFFENCES, 10)
    for number in range(1, 30):
        stage.scores.charge(Offence.PROTOCOL_ERROR, node_id(1))
        stage.scores.charge(Offence.PROTOCOL_ERROR, node_id(number))
    assert len(stage.scores) == len(stage.book.facts.of(FactKind.OFFENCES)) == 10
    assert stage.scores.score(node_id(1)) > 0.0
    assert stage.scores.score(node_id(29)) > 0.0
    assert stage.scores.score(node_id(2)) == 0.0


def test_after_a_restart_the_one_whose_last_offence_is_longest_ago_makes_room(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store gives its rows back in an order of its own."""
    monkeypatch.setitem(MOST, FactKind.OFFENCES, 3)
    for number in (3, 1, 2):
        stage.scores.charge(Offence.PROTOCOL_ERROR, node_id(number))
        stage.clock.pass_by(1.0)
    kept = sorted(stage.book.facts.all(), key=lambda fact: fact.name)
    stage.book = stage.opened()
    stage.book.restore((), (), kept, stored=True)
    stage.scores.charge(Offence.PROTOCOL_ERROR, node_id(4))
    left = {fact.name for fact in stage.book.facts.of(FactKind.OFFENCES)}
    assert left == {node_id(1), node_id(2), node_id(4)}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Offence), st.integers(1, 3), st.booleans(), st.floats(0, 100_000, allow_nan=False)
        ),
        max_size=60,
    )
)
def test_no_history_makes_a_score_negative_or_a_ban_longer_than_its_offence_allows(
    history: list[tuple[Offence, int, bool, float]],
) -> None:
    stage = Stage()
    for offence, number, has_host, pause in history:
        for ban in stage.scores.charge(offence, node_id(number), HOST if has_host else None):
            assert 0 < (ban.until - ban.since) / SECOND <= WEIGHTS[offence].longest_ban
        stage.clock.pass_by(pause)
    scores = [each.score for each in stage.scores.offenders()]
    assert scores == sorted(scores, reverse=True)
    assert all(score >= LEAST for score in scores)
    before = stage.scores.offenders()
    stage.restart()
    after = stage.scores.offenders()
    assert {each.subject for each in after} <= {each.subject for each in before}
    assert [each.score for each in after] == pytest.approx(scores[: len(after)], abs=0.001)
