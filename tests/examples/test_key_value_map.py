"""examples/key_value_map.py: gossip, repair after a partition, and peers that do not behave."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
import pytest

from examples.key_value_map import (
    BUCKETS,
    DIGEST_BYTES,
    MAP,
    MOST_AHEAD,
    MOST_KEYS,
    Digests,
    Entries,
    Entry,
    Get,
    GetAll,
    KeyValueMap,
    Set,
    Table,
)
from peerage import Node
from peerage.testing import ReactorHarness, connected_nodes, wait_until

INTERVAL_S = 0.1
NEVER_S = 1000.0


def all_of(node: Node) -> dict[str, bytes]:
    found: dict[str, bytes] = node.reactor("MAP").ask(GetAll())
    return found


def has(node: Node, wanted: dict[str, bytes]) -> bool:
    return all_of(node) == wanted


def is_apart(node: Node, other: Node) -> bool:
    return other.node_id not in {peer.id for peer in node.peers()}


def wait_until_alike(nodes: Sequence[Node], wanted: dict[str, bytes]) -> None:
    for node in nodes:
        wait_until(partial(has, node, wanted))


def test_nodes_are_alike_again_after_a_partition() -> None:
    """What was set on both sides meanwhile is everywhere; of two values of a key the one with the higher version."""
    with connected_nodes(3, {"MAP": (KeyValueMap, INTERVAL_S)}) as nodes:
        anna, bert, cleo = nodes
        anna.reactor("MAP").ask(Set("colour", b"blue"))
        wait_until_alike(nodes, {"colour": b"blue"})
        for node in (anna, bert):
            cleo.disconnect(node.node_id)
            wait_until(partial(is_apart, node, cleo))
        wait_until(lambda: not cleo.peers())
        cleo.reactor("MAP").ask(Set("colour", b"red"))
        cleo.reactor("MAP").ask(Set("colour", b"green"))  # a clock of 3
        for number in range(120):  # more than one message
            bert.reactor("MAP").tell(Set(f"key {number}", b"%d" % number))
        bert.reactor("MAP").ask(Set("last", b"of bert"))
        written = {f"key {number}": b"%d" % number for number in range(120)} | {"last": b"of bert"}
        wait_until_alike([anna, bert], {"colour": b"blue", **written})
        assert all_of(cleo) == {"colour": b"green"}
        cleo.dial(anna.address)  # to one of them: what it learns it tells
        wait_until_alike(nodes, {"colour": b"green", **written})


def test_whoever_was_not_there_is_sent_what_it_misses() -> None:
    """Buckets that are alike are not."""
    with ReactorHarness(KeyValueMap, NEVER_S) as harness:
        harness.ask(Set("colour", b"blue"))
        peer = harness.connect()
        asked = msgspec.msgpack.decode(peer.expect(MAP), type=Entries | Digests)
        assert isinstance(asked, Digests)
        assert asked.wants_ours
        peer.send(MAP, msgspec.msgpack.encode(Digests(Table().digests(), wants_ours=False)))
        sent = msgspec.msgpack.decode(peer.expect(MAP), type=Entries)
        assert [(entry.key, entry.value) for entry in sent.entries] == [("colour", b"blue")]


def test_an_amplifier_is_none() -> None:
    """Digests count when they are wanted, or twice in a round: a short question gets no second long answer."""
    with ReactorHarness(KeyValueMap, NEVER_S) as harness:
        harness.ask(Set("colour", b"blue"))
        peer = harness.connect()
        peer.expect(MAP)
        for wants_ours, answers in ((True, 2), (False, 1)):
            digests = msgspec.msgpack.encode(Digests(Table().digests(), wants_ours=wants_ours))
            peer.send(MAP, digests, digests, digests)
            for _ in range(answers):
                peer.expect(MAP)
            peer.wait_until_handled()
        peer.send(MAP, msgspec.msgpack.encode(Entries([Entry("end", b"", 9, "x")])))
        last = msgspec.msgpack.decode(peer.expect(MAP), type=Entries)  # nothing was in between
        assert [entry.key for entry in last.entries] == ["end"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode(Digests(bytes(BUCKETS * DIGEST_BYTES - 1), wants_ours=True)),
        msgspec.msgpack.encode(Entries([Entry("k", bytes(1001), 1, "w")])),
        msgspec.msgpack.encode(Entries([Entry("k", b"", 0, "w")])),
        msgspec.msgpack.encode(Entries([Entry("k", b"", 1, "w")] * 51)),
    ],
)
def test_what_is_no_message_ends_the_connection(data: bytes) -> None:
    """Nonsense, too short, too long, no version, too many."""
    with ReactorHarness(KeyValueMap, NEVER_S) as harness:
        peer = harness.connect()
        peer.send(MAP, data)
        assert "nothing of the map's" in peer.expect_stopped()


def test_the_map_is_bounded_and_its_clock_is_not_driven_away() -> None:
    """A full one still takes new values of its keys."""
    table = Table()
    assert not table.merge(Entry("k", b"", MOST_AHEAD + 1, "w"))
    assert all(table.merge(Entry(f"key {number}", b"", 1, "w")) for number in range(MOST_KEYS))
    assert not table.merge(Entry("one more", b"", 2, "w"))
    assert table.merge(Entry("key 7", b"new", 2, "w"))
    assert len(table.entries()) == MOST_KEYS


def test_tables_with_the_same_writes_are_the_same_in_any_order() -> None:
    """Also when a liar gives two values one version."""
    writes = [
        Entry("k", b"1", 1, "a"),
        Entry("k", b"2", 1, "b"),
        Entry("k", b"3", 1, "b"),
        Entry("j", b"", 5, "a"),
    ]
    one, other = Table(), Table()
    for entry in writes:
        one.merge(entry)
    for entry in reversed(writes):
        other.merge(entry)
    assert one.digests() == other.digests()
    assert one.get("k") == other.get("k") == writes[2]
    assert one.differing(other.digests()) == []


def test_our_own_values_must_fit() -> None:
    """Whoever asks is told."""
    with ReactorHarness(KeyValueMap) as harness:
        with pytest.raises(ValueError, match="a key has up to"):
            harness.ask(Set("k" * 101, b""))
        assert harness.ask(Get("k" * 101)) is None
