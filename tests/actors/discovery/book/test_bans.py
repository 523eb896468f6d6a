"""Who is banned."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.book.bans import MADE_ROOM, MAX_BANS, Ban, BanList, normal_subject
from peerage.actors.discovery.errors import BanSubjectError
from tests.actors.discovery.nodes import Clock, node_id

PEER = node_id(1)
few = st.integers(1, 3)
some_bans = st.builds(
    Ban, st.just(PEER), st.sampled_from(("forged", "too soon")), few, few, few, st.none(), st.none() | few
).map(lambda ban: replace(ban, shut_until=None) if ban.shut_until == ban.until else ban)


def test_an_id_is_banned_until_its_time_is_over() -> None:
    """It stays on the list, but keeps nobody out any more."""
    clock = Clock()
    bans = BanList(clock)
    ban = bans.add(PEER, 60.0, "too soon")
    assert bans.ban_of(PEER) == ban
    assert ban.reason == "too soon"
    clock.pass_by(60.0)
    assert bans.ban_of(PEER) is None
    assert bans.holds(PEER)
    assert bans.over() == [ban]


def test_a_second_ban_never_ends_sooner_and_counts_as_a_strike() -> None:
    """The later end holds, and the last reason."""
    bans = BanList(Clock())
    long = bans.add(PEER, 3600.0, "forged")
    short = bans.add(PEER, 60.0, "too soon")
    assert short.until == long.until
    assert (short.strikes, short.reason) == (2, "too soon")
    assert len(bans) == 1


@pytest.mark.parametrize(
    ("subject", "ip", "banned"),
    [
        ("1.2.3.4", "1.2.3.4", True),
        ("1.2.3.4", "1.2.3.5", False),
        ("1.2.3.0/24", "1.2.3.255", True),
        ("1.2.3.9/24", "1.2.3.255", True),
        ("1.2.3.0/24", "1.2.4.0", False),
        ("0.0.0.0/0", "9.9.9.9", True),
        ("0.0.0.0/0", "::1", False),
        ("2600::/16", "2600:1::1", True),
        ("::/0", "2600::1", True),
        ("::ffff:1.2.3.0/120", "1.2.3.4", True),
        ("1.2.3.0/24", "::ffff:1.2.3.4", True),
    ],
)
def test_an_ip_is_banned_by_itself_or_by_its_network(subject: str, ip: str, banned: bool) -> None:
    """Both versions, and IPv4 inside IPv6 as IPv4."""
    bans = BanList(Clock())
    bans.add(subject, 60.0, "x")
    assert (bans.ban_of(ip=ip_address(ip)) is not None) is banned


def test_a_lifted_ban_is_over_at_once() -> None:
    """IDs and networks alike; the other bans stay."""
    bans = BanList(Clock())
    for subject in (PEER, "1.2.3.0/24", "1.2.0.0/16"):
        bans.add(subject, 60.0, "x")
    assert bans.lift("1.2.3.0/24")
    assert not bans.lift("1.2.3.0/24")
    assert bans.lift(PEER)
    assert bans.ban_of(PEER) is None
    assert bans.ban_of(ip=ip_address("1.2.3.4")) is not None
    assert bans.lift("1.2.0.0/16")
    assert bans.ban_of(ip=ip_address("1.2.3.4")) is None


def test_a_ban_that_is_over_does_not_hide_a_wider_one() -> None:
    """Each network counts by its own time."""
    clock = Clock()
    bans = BanList(clock)
    bans.add("1.2.3.4", 1.0, "x")
    bans.add("1.2.0.0/16", 60.0, "y")
    clock.pass_by(2.0)
    ban = bans.ban_of(ip=ip_address("1.2.3.4"))
    assert ban is not None
    assert ban.reason == "y"


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1.2.3.4/33", "f" * 39, PEER + "@1.2.3.4:1"])
def test_only_ids_and_networks_can_be_banned(text: str) -> None:
    """Anything else is a mistake of the operator's."""
    with pytest.raises(BanSubjectError):
        BanList(Clock()).add(text, 60.0, "x")


def test_a_subject_has_one_way_to_be_written() -> None:
    """So that what was banned in one way can be lifted in the other."""
    assert normal_subject("1.2.3.4/32") == "1.2.3.4"
    assert normal_subject("1.2.3.4/24") == "1.2.3.0/24"
    assert normal_subject("2600:0::/16") == "2600::/16"


def test_the_list_is_bounded() -> None:
    """The bans that end first make room."""
    bans = BanList(Clock())
    for number in range(MAX_BANS + 1):
        bans.add(node_id(number), 60.0 + number, "x")
    assert len(bans) == MAX_BANS - MADE_ROOM + 1
    assert not bans.holds(node_id(MADE_ROOM - 1))
    assert bans.holds(node_id(MADE_ROOM))


def test_a_ban_of_an_address_shuts_nobody_out() -> None:
    """Others may have told a wrong address of him. What he did himself counts for its own time."""
    clock = Clock()
    bans = BanList(clock)
    bans.add(PEER, 3600.0, "nobody answers", address_only=True)
    assert bans.holds(PEER)
    assert bans.ban_of(PEER) is None
    assert bans.in_force() == []
    bans.add(PEER, 60.0, "too soon")
    assert bans.ban_of(PEER) is not None
    clock.pass_by(61.0)
    assert bans.ban_of(PEER) is None
    assert bans.over() == []
    clock.pass_by(3600.0)
    assert [ban.subject for ban in bans.over()] == [PEER]


def test_changes_are_told_once() -> None:
    """As a store needs them."""
    bans = BanList(Clock())
    bans.add(PEER, 60.0, "x")
    bans.add("1.2.3.4", 60.0, "x")
    bans.lift("1.2.3.4")
    changed, gone = bans.drain()
    assert [ban.subject for ban in changed] == [PEER]
    assert gone == ("1.2.3.4",)
    assert bans.drain() == ((), ())


@given(some_bans, some_bans, some_bans)
def test_bans_that_were_decided_apart_are_joined_in_any_order(one: Ban, two: Ban, three: Ban) -> None:
    """And however often: each end is the later one."""
    assert one.joined(two) == two.joined(one)
    assert one.joined(two).joined(three) == one.joined(two.joined(three))
    assert one.joined(two).joined(two) == one.joined(two)
    joined = one.joined(two)
    assert joined.until == max(one.until, two.until)
    assert joined.shuts_out_until == max(one.shuts_out_until, two.shuts_out_until)


def test_a_ban_of_elsewhere_is_taken_over_once() -> None:
    """Joined with that of here; what changes nothing is not told again."""
    clock = Clock()
    bans = BanList(clock)
    here = bans.add("1.2.3.0/24", 60.0, "here")
    bans.drain()
    longer = replace(here, subject="1.2.3.4/24", until=here.until + 5, reason="there")
    assert bans.adopt(longer)
    assert not bans.adopt(longer)
    assert not bans.adopt(here)
    ((told,), gone) = bans.drain()
    assert (told.subject, told.until, told.reason, gone) == ("1.2.3.0/24", longer.until, "there", ())
    assert bans.ban_of(ip=ip_address("1.2.3.9")) == told
    assert bans.adopt(replace(here, subject="5.6.7.8"))
    assert bans.ban_of(ip=ip_address("5.6.7.8")) is not None
