"""What a host owes its senders, by itself: when it acknowledges, and what its handled counts say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime.host.loop import Loop
from peerage.actors.runtime.host.receipts import Receipts
from peerage.actors.runtime.mail import handled_counts
from peerage.actors.runtime.mail.envelope import EXEMPT, Kind
from peerage.actors.runtime.mail.handled_counts import DEAD, SETTLED
from peerage.actors.runtime.mail.window import ACK_BYTES, ACK_DELAY_S, ACK_MESSAGES
from tests.actors.runtime.host.fakes import Clock, Post
from tests.actors.runtime.host.fakes import loop as fake_loop

SENDER, SERIAL = 7 << 20, 4


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return handled_counts.path_of(str(tmp_path), SERIAL)


@pytest.fixture
def loop(clock: Clock) -> Iterator[Loop[Any]]:
    loop, _poller = fake_loop(clock)
    yield loop
    loop.close()


@pytest.fixture
def receipts(post: Post, loop: Loop[Any], path: str) -> Receipts:
    return Receipts(post, loop, path, lambda _name: True, "host")


def acknowledged(post: Post) -> list[Any]:
    """The actor, and messages, bytes, exempt ones and dead letters among them all."""
    assert all(sent[:3] == (SENDER, Kind.ACK, 0) for sent in post.sent)
    return [sent[3] for sent in post.sent]


def test_tells_are_acknowledged_together_a_moment_after_the_first(
    receipts: Receipts, post: Post, loop: Loop[Any]
) -> None:
    """Of each sender and actor: messages, bytes, exempt ones, dead letters."""
    first, second = receipts.counts(SENDER, b"a"), receipts.counts(SENDER, b"b")
    receipts.settle(first, 0, 100, 0)
    receipts.settle(first, EXEMPT, 50, 0)
    receipts.settle(second, 0, 10, 1)
    assert post.sent == []
    loop.turn(1.0)
    assert acknowledged(post) == [(b"a", (1, 100, 1, 0)), (b"b", (1, 10, 0, 1))]
    assert loop.now + ACK_DELAY_S <= 1.0


@pytest.mark.parametrize(("messages", "size"), [(ACK_MESSAGES, 1), (1, ACK_BYTES)], ids=["messages", "bytes"])
def test_a_quarter_of_the_window_is_acknowledged_at_once(
    receipts: Receipts, post: Post, messages: int, size: int
) -> None:
    """Its sender may be waiting for room."""
    receipts.settle(receipts.counts(SENDER, b"a"), 0, size, 0, messages)
    assert acknowledged(post) == [(b"a", (messages, size, 0, 0))]


def test_nothing_is_acknowledged_twice(receipts: Receipts, post: Post, loop: Loop[Any]) -> None:
    """An counts that was acknowledged early is passed over when its time comes, and counts anew."""
    counts = receipts.counts(SENDER, b"a")
    receipts.settle(counts, 0, 1, 0)
    receipts.settle(counts, 0, 1, 0, ACK_MESSAGES)
    loop.turn(1.0)
    receipts.settle(counts, 0, 1, 0)
    loop.turn(1.0)
    assert [counts[0] for _name, counts in acknowledged(post)] == [ACK_MESSAGES + 1, 1]


def test_a_tell_for_nobody_is_acknowledged_as_a_dead_letter(receipts: Receipts, post: Post) -> None:
    """At once, and it stands in the file of handled counts."""
    receipts.dead_on_arrival(SENDER, b"gone", 0, 30, 3)
    assert acknowledged(post) == [(b"gone", (3, 30, 0, 3))]


def test_the_file_of_counts_says_what_was_handled_after_the_host_was_killed(
    receipts: Receipts, path: str, tmp_path: Path
) -> None:
    """It is made with the first counts."""
    assert not Path(path).exists()
    counts = receipts.counts(SENDER, b"a")
    receipts.words[counts.entry + SETTLED] += 5
    receipts.words[counts.entry + DEAD] += 2
    found = handled_counts.read(str(tmp_path), SERIAL, SENDER)
    assert found == {handled_counts.name_hash(b"a"): (5, 2)}


def test_without_a_file_of_counts_messages_are_handled_all_the_same(
    post: Post, loop: Loop[Any], tmp_path: Path
) -> None:
    """Losses after a kill are then reported too high."""
    receipts = Receipts(post, loop, str(tmp_path / "missing" / "handled counts"), lambda _name: True, "host")
    counts = receipts.counts(SENDER, b"a")
    receipts.words[counts.entry + SETTLED] += 1
    receipts.settle(counts, 0, 1, 0)
    receipts.acknowledge(counts)
    assert acknowledged(post) == [(b"a", (1, 1, 0, 0))]


def test_a_file_of_counts_that_was_removed_is_written_again(
    receipts: Receipts, path: str, tmp_path: Path
) -> None:
    """With what stood in it."""
    counts = receipts.counts(SENDER, b"a")
    receipts.words[counts.entry + SETTLED] += 5
    Path(path).unlink()
    receipts.write_again()
    receipts.words[counts.entry + SETTLED] += 1
    assert handled_counts.read(str(tmp_path), SERIAL, SENDER) == {handled_counts.name_hash(b"a"): (6, 0)}


@pytest.mark.parametrize("end", [Receipts.close, Receipts.disown], ids=["closed", "in a forked child"])
def test_afterwards_nothing_is_counted_in_the_file_of_counts(
    receipts: Receipts, tmp_path: Path, end: Callable[[Receipts], None]
) -> None:
    """A handler that goes on counts for nobody."""
    counts = receipts.counts(SENDER, b"a")
    receipts.words[counts.entry + SETTLED] += 1
    end(receipts)
    receipts.words[counts.entry + SETTLED] += 1
    assert handled_counts.read(str(tmp_path), SERIAL, SENDER) == {handled_counts.name_hash(b"a"): (1, 0)}
