"""Following a name, seen from the host that its actor lives in."""

from __future__ import annotations

import pytest

from peerage.actors.runtime import DownReason
from peerage.actors.runtime.host.followers import Followers

ONE, TWO = (7 << 20, 1), (8 << 20, 1)
ENDED = DownReason("normal", "stopped")


class Scene:
    """A host's followers, and what each of them is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []
        self.followers = Followers(self.tell)

    def tell(self, address: int, _number: int, reason: DownReason | None) -> None:
        self.told.append((address >> 20, "up" if reason is None else reason.kind))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_following_an_actor_that_is_up_tells_so_at_once(scene: Scene) -> None:
    """One whose actor has not started yet is told when it has."""
    scene.followers.add(b"a", ONE, is_up=True)
    scene.followers.add(b"b", TWO, is_up=False)
    assert scene.told == [(7, "up")]
    scene.followers.started(b"b")
    assert scene.told == [(7, "up"), (8, "up")]


def test_followers_hear_of_each_life(scene: Scene) -> None:
    """For as long as the follower wants."""
    scene.followers.add(b"a", ONE, is_up=True)
    scene.followers.ended(b"a", ENDED)
    scene.followers.started(b"a")
    scene.followers.remove(b"a", ONE)
    scene.followers.ended(b"a", ENDED)
    assert scene.told == [(7, "up"), (7, "normal"), (7, "up")]
    assert not scene.followers


def test_the_end_of_an_actor_that_never_was_up_is_not_told(scene: Scene) -> None:
    """Its constructor or `on_start` failed; whoever was told of the one before hears no second end."""
    scene.followers.add(b"a", ONE, is_up=False)
    scene.followers.ended(b"a", ENDED)
    assert scene.told == []


def test_names_without_followers_are_not_remembered(scene: Scene) -> None:
    """A host may see thousands of them come and go."""
    scene.followers.started(b"a")
    scene.followers.ended(b"a", ENDED)
    assert not scene.followers


def test_followers_that_are_gone_are_forgotten(scene: Scene) -> None:
    """Nobody unfollows for a process that was killed."""
    scene.followers.add(b"a", ONE, is_up=True)
    scene.followers.add(b"a", TWO, is_up=False)
    scene.followers.forget(lambda address: address == ONE[0])
    assert len(scene.followers) == 1
    scene.followers.ended(b"a", ENDED)
    scene.followers.started(b"a")
    assert scene.told == [(7, "up"), (8, "up")]
