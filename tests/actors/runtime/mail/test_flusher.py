"""actors/runtime/mail/flusher.py: what is gathered and left is handed over by somebody else, soon."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import zmq

from peerage.actors.runtime.mail.flusher import Flusher

PATIENCE_S = 20.0


class Gatherer:
    """Something that gathers; it says when it was flushed."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.gathered: list[str] = ["a tell"]
        self.flushed = threading.Event()
        self.by: list[threading.Thread] = []
        self._fault = fault

    def flush(self) -> None:
        self.by.append(threading.current_thread())
        self.gathered.clear()
        self.flushed.set()
        if self._fault is not None:
            raise self._fault


@pytest.fixture
def flusher() -> Iterator[Flusher]:
    made = Flusher()
    yield made
    made.end()


def test_what_is_gathered_is_flushed_by_another_thread(flusher: Flusher) -> None:
    """Its own may be at work, or asleep."""
    one = Gatherer()
    flusher.watch(one)
    assert one.flushed.wait(PATIENCE_S)
    assert one.by != [threading.current_thread()]


def test_it_is_called_again_whenever_something_is_gathered(flusher: Flusher) -> None:
    """Asleep or not: one thread sees to all."""
    one, other = Gatherer(), Gatherer()
    for gatherer in (one, other, one):
        gatherer.flushed.clear()
        gatherer.gathered.append("a tell")
        flusher.watch(gatherer)
        assert gatherer.flushed.wait(PATIENCE_S)
    assert len({*one.by, *other.by}) == 1


def test_what_has_closed_is_not_looked_at(flusher: Flusher) -> None:
    closed, other = Gatherer(), Gatherer()
    flusher._outboxes.add(closed)
    flusher.forget(closed)
    flusher.watch(other)
    assert other.flushed.wait(PATIENCE_S)
    assert not closed.by


def test_one_that_is_being_closed_holds_up_nobody(flusher: Flusher) -> None:
    """Its socket is gone in the middle."""
    broken, other = Gatherer(zmq.ZMQError()), Gatherer()
    flusher.watch(broken)
    assert broken.flushed.wait(PATIENCE_S)
    flusher.watch(other)
    assert other.flushed.wait(PATIENCE_S)


def test_where_no_thread_can_be_made_nothing_is_kept(
    flusher: Flusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is flushed at once, by whoever gathers."""

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    one = Gatherer()
    flusher.watch(one)
    assert one.by == [threading.current_thread()]


def test_it_ends_with_its_process() -> None:
    """Nothing is flushed afterwards: the sockets are being closed."""
    flusher = Flusher()
    one = Gatherer()
    flusher.watch(one)
    assert one.flushed.wait(PATIENCE_S)
    thread = one.by[0]
    flusher.end()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
