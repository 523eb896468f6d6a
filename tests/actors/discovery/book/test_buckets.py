"""Placement in buckets, and the tables that hold entries."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.book.buckets import BookShape, Placement, Table
from peerage.actors.discovery.book.known_address import Entry
from tests.actors.discovery.nodes import address


def test_the_same_key_places_in_the_same_buckets() -> None:
    """These numbers must never change: they are stored beside the key."""
    placement = Placement("0123456789abcdef01234567", BookShape())
    assert placement.new_bucket("1.2.0.0", "3.4.0.0") == 242
    assert placement.old_bucket("1.2.0.0", "0" * 40 + "@1.2.3.4:26656") == 42


def test_another_key_places_elsewhere() -> None:
    """Nobody who does not know the key can aim at a bucket."""
    groups = [f"{number}.7.0.0" for number in range(1, 60)]
    one, other = (Placement(key, BookShape()) for key in ("1" * 24, "2" * 24))
    same = sum(one.new_bucket(group, "9.9.0.0") == other.new_bucket(group, "9.9.0.0") for group in groups)
    assert same < 5


def test_a_source_group_reaches_32_new_buckets_and_a_group_4_old_ones() -> None:
    """However many addresses it tells or has. Source: reference 9."""
    placement = Placement("k", BookShape())
    new = {placement.new_bucket(f"{n % 200}.{n // 200}.0.0", "9.9.0.0") for n in range(5000)}
    old = {placement.old_bucket("9.9.0.0", f"address {n}") for n in range(500)}
    assert 16 < len(new) <= 32
    assert 1 < len(old) <= 4


def test_any_text_is_a_key() -> None:
    """A key from a file may be empty or long."""
    for key in ("", "x" * 200, "\u20ac"):
        assert 0 <= Placement(key, BookShape()).new_bucket("a", "b") < 256


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=60))
def test_a_table_agrees_with_sets(moves: list[tuple[int, int]]) -> None:
    """Putting and taking in any order keeps counts, members and buckets right."""
    table = Table(6, 3)
    entries = [Entry(address(number), address(99), 0) for number in range(10)]
    model: set[tuple[int, int]] = set()
    for who, number in moves:
        if (who, number) in model:
            table.take(entries[who], number)
            model.remove((who, number))
        else:
            table.put(entries[who], number)
            model.add((who, number))
        assert table.references == len(model)
        assert set(table) == {entries[someone] for someone, _ in model}
        assert len(table) == len({someone for someone, _ in model})
        for bucket in range(6):
            assert set(table.buckets[bucket]) == {
                entries[someone] for someone, where in model if where == bucket
            }
        for someone, entry in enumerate(entries):
            assert entry.buckets == tuple(sorted(where for other, where in model if other == someone))
            assert entry.position == -1 or list(table)[entry.position] is entry


def test_a_random_entry_comes_from_any_bucket_with_equal_chance() -> None:
    """A bucket of one is as likely as a bucket of many. Source: reference 9, pick."""
    table = Table(8, 64)
    alone, crowd = Entry(address(1), address(9), 0), [Entry(address(n), address(9), 0) for n in range(2, 60)]
    table.put(alone, 3)
    for entry in crowd:
        table.put(entry, 5)
    rng = random.Random(1)
    picked = Counter(table.random_entry(rng) is alone for _ in range(2000))
    assert 900 < picked[True] < 1100


def test_a_sample_holds_each_entry_once() -> None:
    """Also one that lies in several buckets, and not more than there are."""
    table = Table(4, 8)
    entries = [Entry(address(n), address(9), 0) for n in range(5)]
    for entry in entries:
        table.put(entry, 0)
        table.put(entry, 2)
    sample = table.sample(random.Random(1), 100)
    assert len(sample) == 5
    assert set(sample) == set(entries)
