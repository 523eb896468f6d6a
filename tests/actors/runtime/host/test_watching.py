"""Watches, without an actor: who is told of what, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.runtime.host.watching import Watchers, Watching
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.ref import ActorRef
from tests.actors.runtime.host.fakes import Post

OTHER = ActorRef("other", "host", 4, system="test")
GONE = DownReason("normal", "stopped")
EARLY, LATE = (7, 1), (8, 2)


class Ends:
    """A port that is told of ends by the test."""

    def __init__(self) -> None:
        self.watches: dict[int, tuple[ActorRef[Any], Callable[[ActorRef[Any], DownReason], object]]] = {}
        self.follows: dict[
            int, tuple[ActorRef[Any], Callable[[], object], Callable[[DownReason], object]]
        ] = {}

    def watch(self, ref: ActorRef[Any], fn: Callable[[ActorRef[Any], DownReason], object]) -> int:
        number = len(self.watches) + 1
        self.watches[number] = (ref, fn)
        return number

    def unwatch(self, number: int) -> None:
        del self.watches[number]

    def follow(
        self, ref: ActorRef[Any], on_up: Callable[[], object], on_down: Callable[[DownReason], object]
    ) -> int:
        number = 100 + len(self.follows)
        self.follows[number] = (ref, on_up, on_down)
        return number

    def unfollow(self, number: int) -> None:
        del self.follows[number]

    def end(self, reason: DownReason) -> None:
        for ref, fn in list(self.watches.values()):
            fn(ref, reason)


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def told() -> list[Any]:
    return []


@pytest.fixture
def watching(ends: Ends, told: list[Any]) -> Watching:
    return Watching(ends, lambda fn, *args: fn(*args), lambda ref, reason: told.append((ref, reason)))


def test_each_end_is_reported_once(watching: Watching, ends: Ends, told: list[Any]) -> None:
    """A second watch of the same actor adds nothing."""
    watching.watch(OTHER)
    watching.watch(OTHER)
    ends.end(GONE)
    ends.end(GONE)
    assert told == [(OTHER, GONE)]


def test_an_end_is_not_told_once_the_watch_is_given_up(ends: Ends, told: list[Any]) -> None:
    """Even if it was known already, and only the loop's turn was to come."""
    soon: list[tuple[Any, ...]] = []
    watching = Watching(ends, lambda *call: soon.append(call), lambda ref, _reason: told.append(ref))
    watching.watch(OTHER)
    ends.end(GONE)
    watching.unwatch(OTHER)
    for fn, *args in soon:
        fn(*args)
    assert told == []


def test_an_actor_that_ends_watches_nobody(watching: Watching, ends: Ends) -> None:
    """Neither those whom it has watched nor its owner."""
    watching.watch(OTHER)
    watching.link(ActorRef("owner", "host", 4, system="test"), lambda _owner: None)
    watching.drop()
    assert ends.watches == {}


def test_the_link_to_an_owner_is_no_watch_of_the_actors_own(
    watching: Watching, ends: Ends, told: list[Any]
) -> None:
    """It ends the actor, and is no matter of its `on_down`."""
    owners: list[Any] = []
    watching.link(OTHER, owners.append)
    ends.end(GONE)
    assert (owners, told) == ([OTHER], [])


def test_a_name_is_followed_until_that_is_called_off(watching: Watching, ends: Ends, told: list[Any]) -> None:
    """What is known by then, and not told yet, is not told."""
    following = watching.follow(OTHER, lambda: told.append("up"), lambda reason: told.append(reason.kind))
    [(_ref, on_up, on_down)] = ends.follows.values()
    on_up()
    on_down(GONE)
    following.cancel()
    following.cancel()
    on_up()
    assert (told, ends.follows) == (["up", "normal"], {})


def test_an_actor_that_ends_follows_nobody(watching: Watching, ends: Ends) -> None:
    """As with watches."""
    for _ in range(2):
        watching.follow(OTHER, lambda: None, lambda _reason: None)
    watching.drop()
    assert ends.follows == {}


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def watchers(post: Post) -> Watchers:
    watchers = Watchers(post)
    watchers.add(LATE)
    watchers.add_early(EARLY)
    return watchers


def down(watcher: tuple[int, int]) -> tuple[Any, ...]:
    return watcher[0], Kind.DOWN, watcher[1], GONE


def test_early_watchers_are_told_before_the_last_hook_and_the_others_behind_it(
    watchers: Watchers, post: Post
) -> None:
    """Each once."""
    watchers.leaves(GONE)
    assert post.sent == [down(EARLY)]
    watchers.ended(GONE)
    assert post.sent == [down(EARLY), down(LATE)]


def test_an_early_watcher_during_the_last_hook_is_told_at_once(watchers: Watchers, post: Post) -> None:
    """If it wants to know early."""
    watchers.leaves(GONE)
    watchers.add_early((9, 3))
    assert post.sent[-1] == down((9, 3))


def test_an_actor_that_was_never_told_to_leave_tells_all_at_its_end(watchers: Watchers, post: Post) -> None:
    """Its host has been stopped under it."""
    watchers.ended(GONE)
    assert sorted(post.sent) == [down(EARLY), down(LATE)]


def test_a_watcher_that_has_left_is_not_told(watchers: Watchers, post: Post) -> None:
    """Neither early nor late."""
    watchers.discard(EARLY)
    watchers.discard(LATE)
    watchers.leaves(GONE)
    watchers.ended(GONE)
    assert post.sent == []
