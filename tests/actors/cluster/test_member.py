"""A node's line to the shared book: both books come to know the same."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.cluster import member
from peerage.actors.cluster.member import ClusterMember
from peerage.actors.cluster.messages import ClusterStatus
from peerage.actors.discovery.errors import StoreError
from peerage.actors.runtime import THREAD, ActorRef, System, watch
from tests.actors.cluster.stage import Book, Keeper, Line, context, start_parts
from tests.actors.discovery.nodes import address, book, node_id
from tests.nodes import wait_until

ME = address(90)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The own book and a keeper; the shared book is in this process, and there is no pause."""
    Line.begin()
    monkeypatch.setattr(member, "HubLine", Line)
    monkeypatch.setattr(member, "PERIOD_S", 0.01)
    with (tmp_path / "stdout").open("wb") as file:  # this process's own is not to be changed
        monkeypatch.setattr(member, "STDOUT", os.dup(file.fileno()))
        try:
            yield
        finally:
            System.current().shutdown()
            os.close(member.STDOUT)


def start(home: Path) -> ActorRef[Any]:
    """The member, beside what it needs."""
    keeper = start_parts()
    return ClusterMember.options(name="cluster-member", place=THREAD, extra=context(home)).start(keeper)


def wait_for_status(**fields: object) -> ClusterStatus:
    """Until the keeper was told so, last."""

    def found() -> ClusterStatus | None:
        told = Keeper.told[-1] if Keeper.told else None
        return told if all(getattr(told, name, None) == value for name, value in fields.items()) else None

    status: ClusterStatus = wait_until(found)
    return status


def knows(number: int) -> bool:
    """Whether the own book has that address."""
    return Book.latest.known.has(node_id(number))


def shared(number: int) -> bool:
    """Whether the shared book has it."""
    return Line.shared.get(("address", node_id(number))) is not None


def test_each_tells_the_other_what_it_does_not_know(stage: None, tmp_path: Path) -> None:
    """At the start, and whatever comes later. It says when they are level."""
    other = book(strict=False)
    other.add(address(1), ME)
    Line.elsewhere(other)
    start(tmp_path)
    wait_until(lambda: knows(1))
    status = wait_for_status(is_level=True)
    assert (status.nodes, status.book_at, status.visits) == (2, "10.0.0.2", 1)
    Book.latest.known.add(address(2), ME)
    Book.latest.known.drain()
    wait_until(lambda: shared(2))


def test_a_shared_book_that_was_started_anew_is_told_all(stage: None, tmp_path: Path) -> None:
    """It knows nothing of what its predecessor was told."""
    start(tmp_path)
    Book.latest.known.add(address(1), ME)
    Book.latest.known.drain()
    wait_until(lambda: shared(1))
    wait_for_status(is_level=True)
    with Line.lock:
        Line.shared = type(Line.shared)("two", clock=Line.shared._clock, ticks=Line.shared._ticks)
    wait_until(lambda: shared(1))
    wait_for_status(is_level=True)


def test_the_own_book_is_told_whom_to_visit(stage: None, tmp_path: Path) -> None:
    """Its share is that of the answer, and ends by itself."""
    start(tmp_path)
    wait_until(lambda: Book.latest.known.dials.share.key == b"one")
    share = Book.latest.known.dials.share
    assert (share.place, share.among) == (0, 1)
    assert share.until > 0


def test_while_the_own_book_does_not_answer_it_is_asked_again(stage: None, tmp_path: Path) -> None:
    """Nothing is told as stored that is not."""
    start(tmp_path)
    wait_for_status(is_level=True)
    other = book(strict=False)
    other.add(address(1), ME)
    Book.latest.fails = StoreError("addrbook.sqlite", "no space left")
    Line.elsewhere(other)
    Book.latest.fails = None
    wait_until(lambda: knows(1))


def test_when_the_cluster_is_lost_it_says_why_and_ends(stage: None, tmp_path: Path) -> None:
    """Its keeper starts another."""
    ref = start(tmp_path)
    ended = watch(ref)
    wait_for_status(is_level=True)
    Line.fails = ConnectionError("the node is dead\nand much more")
    assert ended.wait(10)
    wait_for_status(nodes=0, cause="ConnectionError: the node is dead")


def test_when_there_is_no_cluster_it_says_so_and_ends(stage: None, tmp_path: Path) -> None:
    """At the start, as later."""
    Line.fails = ConnectionError("nobody there")
    ended = watch(start(tmp_path))
    assert ended.wait(10)
    wait_for_status(nodes=0, cause="ConnectionError: nobody there")


def test_a_cluster_that_lets_nobody_join_is_given_up(
    stage: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it hangs in."""
    opened = threading.Event()
    monkeypatch.setattr(member, "HubLine", lambda *_: opened.wait(30))
    monkeypatch.setattr(member, "JOIN_S", 0.05)
    ended = watch(start(tmp_path))
    assert ended.wait(10)
    wait_for_status(nodes=0, cause="TimeoutError: the cluster has not let it join within 0.05 s")
    opened.set()
