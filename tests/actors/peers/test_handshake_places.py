"""actors/peers/handshake_places.py: who has a place while it shakes hands, and who has to go."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from peerage.actors.peers.handshake_places import (
    FEWEST_OF_PREFIX,
    GRACE_S,
    HOST_DESCRIPTORS,
    LEAST_OF_HOST,
    Entry,
    HandshakeLimits,
    HandshakePlaces,
    prefixes_of,
    spare_descriptors,
)

LIMITS = HandshakeLimits(total=8, narrow=2, wide=4)


class Stage:
    """The places, and a clock. Connections are numbered."""

    def __init__(self, limits: HandshakeLimits = LIMITS) -> None:
        self.time = 100.0
        self.places = HandshakePlaces(limits, lambda: self.time)
        self._count = 0

    def enter(self, *ips: str) -> list[Entry]:
        """One connection from each of these, at once."""
        entries = []
        for ip in ips:
            self._count += 1
            entries.append(self.places.enter(f"c-{self._count}", ip))
        return entries

    def wait(self, seconds: float = GRACE_S) -> None:
        self.time += seconds


IN = Entry(has_place=True)
OUT = Entry(has_place=False)


def elsewhere(count: int) -> list[str]:
    """Addresses of as many wide prefixes."""
    return [f"198.{number}.0.1" for number in range(count)]


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("192.0.2.1", "192.0.2.200", (True, True)),
        ("192.0.2.1", "192.0.3.1", (False, True)),
        ("192.0.2.1", "192.1.2.1", (False, False)),
        ("2001:db8:1:2::1", "2001:db8:1:3::9", (True, True)),
        ("2001:db8:1::1", "2001:db8:2::1", (False, True)),
        ("2001:db8:1::1", "2001:db9:1::1", (False, False)),
    ],
)
def test_prefixes(one: str, other: str, shared: tuple[bool, bool]) -> None:
    """Of IPv4 /24 and /16, of IPv6 /48 and /32."""
    pairs = zip(prefixes_of(one), prefixes_of(other), strict=True)
    assert tuple(first == second for first, second in pairs) == shared


def test_no_prefix_of_one_kind_is_one_of_another() -> None:
    """Whatever bytes an address has."""
    lengths = [len(prefix) for ip in ("1.2.3.4", "102:304::") for prefix in prefixes_of(ip)]
    assert len(set(lengths)) == len(lengths)


def test_a_narrow_prefix_has_its_share_and_no_more() -> None:
    """A third one has to wait until the oldest has had its moment, and takes the place of that one."""
    stage = Stage()
    assert stage.enter("192.0.2.1", "192.0.2.2", "192.0.2.3") == [IN, IN, OUT]
    assert stage.enter("192.0.3.1") == [IN]
    stage.wait()
    assert stage.enter("192.0.2.4") == [Entry(True, gone="c-1")]
    assert stage.enter("192.0.2.5") == [Entry(True, gone="c-2")]
    assert stage.enter("192.0.2.6") == [OUT]


def test_a_wide_prefix_has_its_share_and_no_more() -> None:
    """However many narrow ones it has; the oldest of the fullest of them goes."""
    stage = Stage()
    assert stage.enter("192.0.1.1", "192.0.2.1", "192.0.2.2", "192.0.3.1", "192.0.4.1") == [IN] * 4 + [OUT]
    stage.wait()
    assert stage.enter("192.0.5.1") == [Entry(True, gone="c-2")]
    assert stage.enter("192.1.5.1") == [IN]


def test_when_none_is_left_the_oldest_of_the_fullest_prefix_goes() -> None:
    """At once, for whoever comes from a prefix that has fewer."""
    stage = Stage()
    stage.enter(*elsewhere(4))  # c-1 to c-4
    stage.enter("192.0.1.1", "192.0.2.1", "192.0.3.1", "192.0.4.1")  # c-5 to c-8
    assert stage.enter("203.0.113.1") == [Entry(True, gone="c-5")]
    assert stage.enter("203.1.113.1") == [Entry(True, gone="c-6")]
    assert len(stage.places) == LIMITS.total


def test_among_equally_full_prefixes_the_oldest_of_all_goes() -> None:
    """So a flood from everywhere gives each handshake as long as there is."""
    stage = Stage()
    stage.enter(*elsewhere(LIMITS.total))
    for number in range(20):
        assert stage.enter(f"203.{number}.0.1") == [Entry(True, gone=f"c-{number + 1}")]


def test_a_newcomer_of_the_fullest_prefix_takes_no_place_of_another_prefix() -> None:
    """When none is left, it has what it has."""
    stage = Stage(HandshakeLimits(total=4, narrow=4, wide=4))
    stage.enter("198.0.0.1", "198.1.0.1", "192.0.1.1", "192.0.2.1")
    assert stage.enter("192.0.3.1") == [OUT]
    stage.wait()
    assert stage.enter("192.0.3.1") == [Entry(True, gone="c-3")]


def test_those_that_have_proved_who_they_are_go_last() -> None:
    """As long as there is anybody who has not."""
    stage = Stage()
    stage.enter(*elsewhere(LIMITS.total))
    for number in range(1, LIMITS.total):
        stage.places.prove(f"c-{number}")
        stage.places.prove(f"c-{number}")  # a second time does nothing
    assert stage.enter("203.0.0.1") == [Entry(True, gone="c-8")]
    stage.places.prove("c-9")
    assert stage.enter("203.1.0.1") == [Entry(True, gone="c-1")]


def test_those_that_have_proved_who_they_are_count_for_their_prefix() -> None:
    """Else a flood with keys would have twice the share."""
    stage = Stage()
    stage.enter("192.0.2.1", "192.0.2.2")
    stage.places.prove("c-1")
    stage.places.prove("c-2")
    stage.wait()
    assert stage.enter("192.0.2.3") == [Entry(True, gone="c-1")]


def test_a_place_that_is_left_is_free() -> None:
    """Whatever it was, and however often it is left."""
    stage = Stage()
    stage.enter("192.0.2.1", "192.0.2.2")
    stage.places.prove("c-2")
    for name in ("c-1", "c-2", "c-2", "never"):
        stage.places.leave(name)
    assert len(stage.places) == 0
    stage.places.prove("c-1")
    assert stage.enter("192.0.2.3", "192.0.2.4", "192.0.2.5") == [IN, IN, OUT]


def test_the_share_of_a_host() -> None:
    """All hosts together have what the node has, but none so few that a prefix could not shake hands."""
    plenty = 1 << 20
    assert HandshakeLimits.of_host(512, 2, plenty) == HandshakeLimits(total=256, narrow=64, wide=128)
    assert HandshakeLimits.of_host(1000, 3, plenty).total == 334
    many = HandshakeLimits.of_host(512, 100, plenty)
    assert many.total == LEAST_OF_HOST
    assert many.narrow >= FEWEST_OF_PREFIX
    assert HandshakeLimits.of_host(100, 0, plenty).total == 100  # each peer has a process: one listens


def test_no_place_is_without_a_descriptor() -> None:
    """A host that has run out of them accepts nobody, and hostile connections would hold all of them."""
    spare = spare_descriptors(limit=256, peers=50, hosts=2)
    assert spare == 256 - 64 - HOST_DESCRIPTORS - 25
    assert HandshakeLimits.of_host(512, 2, spare).total == spare
    assert spare_descriptors(limit=64, peers=500, hosts=1) < 0
    assert HandshakeLimits.of_host(512, 2, -400).total == FEWEST_OF_PREFIX


def test_whatever_happens_the_limits_hold() -> None:
    """Compared with a count of everybody who is inside, over a random history."""
    rng = random.Random(5)
    stage = Stage(HandshakeLimits(total=20, narrow=4, wide=9))
    inside: dict[str, str] = {}
    for number in range(5000):
        stage.wait(rng.random() * GRACE_S)
        what = rng.random()
        if what < 0.7:
            ip = f"192.{rng.choice('0001234')}.{rng.choice('00123')}.1"
            entry = stage.places.enter(f"n-{number}", ip)
            assert entry.gone is None or entry.gone in inside
            inside.pop(entry.gone or "", None)
            if entry.has_place:
                inside[f"n-{number}"] = ip
        elif inside:
            name = rng.choice(list(inside))
            if what < 0.85:
                stage.places.prove(name)
            else:
                stage.places.leave(name)
                del inside[name]
        sizes = Counter(prefix for ip in inside.values() for prefix in prefixes_of(ip))
        assert len(stage.places) == len(inside) <= 20
        assert all(size <= (4 if len(prefix) == 3 else 9) for prefix, size in sizes.items())
    for name in inside:
        stage.places.leave(name)
    assert len(stage.places) == 0
