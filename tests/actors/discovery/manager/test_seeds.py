"""The configured seeds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import permutations

import pytest

from peerage.actors.discovery.errors import SeedError
from peerage.actors.discovery.manager.seeds import SeedList
from tests.actors.discovery.nodes import address, node_id

NAMED = f"{node_id(1)}@seed.example.org:26656"
PLAIN = f"tcp://{node_id(2)}@1.2.3.4:26656"


def test_a_name_is_looked_up_at_each_use() -> None:
    """An operator may move a seed (reference 12, tendermint #1521). All its addresses count, in the order of a dial."""
    answers = iter([["9.9.9.9"], ["8.8.8.8", "7.7.7.7", "2600::1"]])

    def resolve(_name: str) -> Sequence[str]:
        return next(answers)

    seeds = SeedList([NAMED])
    for expected in (["9.9.9.9"], ["8.8.8.8", "2600::1", "7.7.7.7"]):
        assert seeds.resolve(resolve).addresses == tuple(address(1, ip) for ip in expected)


def test_a_seed_that_does_not_resolve_is_told_with_the_reason() -> None:
    """The others are there."""

    def resolve(name: str) -> Sequence[str]:
        raise OSError(f"no {name}")

    resolved = SeedList([NAMED, PLAIN]).resolve(resolve)
    assert [found.id for found in resolved.addresses] == [node_id(2)]
    ((text, reason),) = resolved.failures
    assert text == NAMED
    assert "seed.example.org" in reason


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3.4:26656",
        f"{node_id(1)}@1.2.3.4",
        f"{node_id(1)}@1.2.3.4:99999",
        f"{node_id(1)}@seed.example.org:x",
        f"{node_id(1)}@seed.example.org",
        f"{node_id(1)}@:26656",
        "xyz@1.2.3.4:26656",
    ],
)
def test_a_seed_that_can_be_no_address_is_refused_at_once(text: str) -> None:
    """All such seeds are named, with what is wrong."""
    with pytest.raises(SeedError) as caught:
        SeedList([NAMED, text, "y"])
    assert [seed for seed, _ in caught.value.faults] == [text, "y"]
    assert text in str(caught.value)


def test_seeds_are_known_by_their_id() -> None:
    """Blank entries are none."""
    seeds = SeedList([NAMED, " ", "", PLAIN])
    assert len(seeds) == 2
    assert seeds.is_seed(node_id(1))
    assert seeds.is_seed(node_id(2))
    assert not seeds.is_seed(node_id(3))


def test_the_order_is_random_and_complete() -> None:
    """So that not all nodes come to the first one. Those with an IP address come first: they wait for no name server."""
    named, plain = f"{node_id(3)}@other.example.org:26656", f"{node_id(4)}@1.2.3.5:26656"
    seeds = SeedList([NAMED, PLAIN, named, plain])
    orders = {tuple(seeds.order(random.Random(seed))) for seed in range(50)}
    assert orders == {
        (*first, *then) for first in permutations([PLAIN, plain]) for then in permutations([NAMED, named])
    }


def test_the_names_that_have_to_be_looked_up_are_told() -> None:
    """By seed; not what is neither an IP address nor a name, which is no use to look up."""
    assert SeedList([NAMED, PLAIN, f"{node_id(3)}@no..name:1"]).names == {NAMED: "seed.example.org"}


def test_we_are_no_seed_of_ours() -> None:
    """As in a list that all nodes share, however the ID is written."""
    ours, other = f"{node_id(0xA1).upper()}@1.2.3.4:5", f"tcp://{node_id(0xA2)}@1.2.3.4:6"
    seeds = SeedList([ours, other], node_id(0xA1))
    assert (seeds.texts, seeds.without_us) == ((other,), True)
    assert not seeds.is_seed(node_id(0xA1))
    assert not SeedList([other], node_id(0xA1)).without_us
