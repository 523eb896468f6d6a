"""Starts whose name is not free: when they go on, and when they are refused."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime.errors import ActorStartError, HostAliveError
from peerage.actors.runtime.host.stopping import Standing
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.processes.host_records import HostRecords, WaitingStart
from peerage.actors.runtime.processes.waiting_starts import NEWS_DELAY_S, WaitingStarts
from tests.actors.runtime.host.fakes import Post
from tests.actors.runtime.processes.fakes import ASKER, Timers, add_process, asker


@pytest.fixture
def records() -> HostRecords:
    return HostRecords()


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
def starts(records: HostRecords, timers: Timers) -> WaitingStarts:
    return WaitingStarts(records, timers, "root")


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def made() -> list[str]:
    return []


def start(post: Post, made: list[str], host: str = "host", number: int = 1) -> WaitingStart:
    return WaitingStart(host, "actor", asker(post, number), lambda: made.append(host))


def errors(post: Post) -> list[Any]:
    assert all(kind == Kind.FAIL for _address, kind, _number, _value in post.sent)
    return [value for _address, _kind, _number, value in post.sent]


def test_a_name_that_is_free_is_taken_at_once(starts: WaitingStarts, post: Post, made: list[str]) -> None:
    """Nobody waits."""
    starts.when_free(start(post, made))
    assert made == ["host"]


def test_the_roots_own_name_is_never_free(starts: WaitingStarts, post: Post, made: list[str]) -> None:
    """It would be taken for the root."""
    starts.when_free(start(post, made, "root"))
    [error] = errors(post)
    assert str(error).endswith("the host name 'root' is taken")


def test_nothing_starts_once_the_system_ends(starts: WaitingStarts, post: Post, made: list[str]) -> None:
    """The name may be free."""
    starts.is_over = True
    starts.when_free(start(post, made))
    [error] = errors(post)
    assert isinstance(error, ActorStartError)
    assert made == []


def test_a_start_is_refused_if_the_bearer_of_its_name_lives_on(
    starts: WaitingStarts, records: HostRecords, timers: Timers, post: Post, made: list[str]
) -> None:
    """After a moment, in which the news of its end might have come."""
    bearer = add_process(records, "host", 77)
    starts.when_free(start(post, made))
    timers.move(NEWS_DELAY_S / 2)
    assert post.sent == []
    timers.move(NEWS_DELAY_S)
    [error] = errors(post)
    assert isinstance(error, HostAliveError)
    assert (made, bearer.waiting) == ([], [])


@pytest.mark.parametrize("said", ["its last actor has ended", "goodbye"])
def test_a_start_waits_for_a_bearer_that_is_on_its_way_out(
    starts: WaitingStarts, records: HostRecords, timers: Timers, post: Post, made: list[str], said: str
) -> None:
    """However long that takes."""
    bearer = add_process(records, "host", 77)
    starts.when_free(start(post, made))
    if said == "its last actor has ended":
        bearer.standing = Standing(leaves=True)
    else:
        bearer.exit_reason = DownReason("normal")
    timers.move(NEWS_DELAY_S)
    assert [waiting.host for waiting in bearer.waiting] == ["host"]
    assert post.sent == []


def test_a_start_that_is_given_up_waits_no_longer(
    starts: WaitingStarts, records: HostRecords, post: Post, made: list[str]
) -> None:
    """Others of the same name do."""
    bearer = add_process(records, "host", 77)
    for number in (1, 2):
        starts.when_free(start(post, made, number=number))
    starts.give_up((ASKER, 1))
    assert [sent[2] for sent in post.sent] == [1]
    assert [waiting.asker.corr for waiting in bearer.waiting] == [2]
