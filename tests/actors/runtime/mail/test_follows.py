"""Following a name, seen from the follower's side: a host table, and what is sent to whom."""

from __future__ import annotations

from itertools import count

import pytest

from peerage.actors.runtime import DownReason
from peerage.actors.runtime.errors import LimitReachedError
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.follows import Follow, Follows
from peerage.actors.runtime.mail.host_table import THREAD_BITS, HostFacts, HostTable

KILLED = DownReason("killed", "process ended by SIGKILL")
NONE: frozenset[int] = frozenset()


class Scene:
    """A port's follows, with the table they look at and the messages they send."""

    def __init__(self) -> None:
        self.table = HostTable()
        self.sent: list[tuple[int, Kind, int]] = []
        self.heard: list[str] = []
        self.has_room = True
        self.follows = Follows(self.table, self.send, count(1).__next__)

    def send(self, address: int, kind: int, corr: int, *, target: bytes) -> None:
        assert target == b"a"
        if not self.has_room:
            raise LimitReachedError("a way", "no descriptors")
        self.sent.append((address >> THREAD_BITS, Kind(kind), corr))

    def follow(self, **options: object) -> int:
        return self.follows.add(
            Follow(
                "h",
                "a",
                on_up=lambda: self.heard.append("up"),
                on_down=lambda reason: self.heard.append(reason.kind),
                **options,  # type: ignore[arg-type]  # as the test says
            )
        )

    def host_up(self, serial: int) -> None:
        self.table.up(HostFacts("h", serial, pid=1), NONE)
        self.follows.look()

    def host_down(self, serial: int, *, gracefully: bool = False) -> None:
        self.table.down(serial, KILLED, NONE, gracefully=gracefully)
        self.follows.sweep(lambda dead: self.table.is_dead(dead) and not gracefully)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_host_that_lives_is_asked_at_once(scene: Scene) -> None:
    """It knows whether the actor is up, and tells."""
    scene.host_up(2)
    number = scene.follow()
    assert scene.sent == [(2, Kind.FOLLOW, number)]
    scene.follows.on_news(2, number, None)
    assert scene.heard == ["up"]


def test_a_host_that_does_not_live_yet_is_asked_when_it_is_up(scene: Scene) -> None:
    """Until then nothing is sent, and nothing told."""
    number = scene.follow()
    assert (scene.sent, scene.heard) == ([], [])
    scene.host_up(2)
    assert scene.sent == [(2, Kind.FOLLOW, number)]


def test_a_restart_in_the_same_host_is_told_by_that_host(scene: Scene) -> None:
    """The host goes on telling; nothing more is sent there."""
    scene.host_up(2)
    number = scene.follow()
    for reason in (None, DownReason("exception"), None):
        scene.follows.on_news(2, number, reason)
    assert scene.heard == ["up", "exception", "up"]
    assert len(scene.sent) == 1


def test_a_host_that_dies_takes_the_actor_along(scene: Scene) -> None:
    """The reason is the host's; the next life is asked, and told in turn."""
    scene.host_up(2)
    number = scene.follow()
    scene.follows.on_news(2, number, None)
    scene.host_down(2)
    assert scene.heard == ["up", "killed"]
    scene.host_up(3)
    scene.follows.on_news(3, number, None)
    assert scene.heard == ["up", "killed", "up"]
    assert scene.sent == [(2, Kind.FOLLOW, number), (3, Kind.FOLLOW, number)]


def test_an_end_is_told_once(scene: Scene) -> None:
    """By the actor's host, or by the host's own end."""
    scene.host_up(2)
    number = scene.follow()
    scene.follows.on_news(2, number, None)
    scene.follows.on_news(2, number, DownReason("normal"))
    scene.host_down(2)
    assert scene.heard == ["up", "normal"]


def test_no_end_is_told_without_a_beginning(scene: Scene) -> None:
    """A host died before its actor was up."""
    scene.host_up(2)
    scene.follow()
    scene.host_down(2)
    assert scene.heard == []


def test_a_life_ends_before_its_successor_is_up(scene: Scene) -> None:
    """What the old one says later is of no interest."""
    scene.host_up(2)
    number = scene.follow()
    scene.follows.on_news(2, number, None)
    scene.host_down(2, gracefully=True)
    assert scene.heard == ["up"]
    scene.host_up(3)
    scene.follows.on_news(3, number, None)
    scene.follows.on_news(2, number, DownReason("normal"))
    assert scene.heard == ["up", "killed", "up"]


def test_a_follow_that_is_removed_is_called_off_at_its_host(scene: Scene) -> None:
    """And hears nothing more, even if it is on its way."""
    scene.host_up(2)
    number = scene.follow()
    scene.follows.remove(number)
    assert scene.sent[-1] == (2, Kind.UNFOLLOW, number)
    scene.follows.on_news(2, number, None)
    scene.follows.remove(number)
    assert (scene.heard, len(scene.sent), len(scene.follows)) == ([], 2, 0)


def test_no_unfollow_is_sent_to_a_dead_host(scene: Scene) -> None:
    """Nobody reads there."""
    scene.host_up(2)
    number = scene.follow()
    scene.table.down(2, KILLED, NONE, gracefully=False)
    scene.follows.remove(number)
    assert scene.sent == [(2, Kind.FOLLOW, number)]


def test_an_unwanted_follow_is_removed_at_the_next_look(scene: Scene) -> None:
    """Whoever lost interest may have done so in another thread."""
    is_wanted = True
    scene.follow(is_wanted=lambda: is_wanted)
    scene.follows.look()
    assert len(scene.follows) == 1
    is_wanted = False
    scene.follows.look()
    assert len(scene.follows) == 0


def test_without_room_for_a_way_to_its_host_nothing_is_followed(scene: Scene) -> None:
    """The caller is told; later, when a host comes up, it is tried again with the next news of hosts."""
    number = scene.follow()
    scene.has_room = False
    scene.host_up(2)
    assert scene.sent == []
    with pytest.raises(LimitReachedError):
        scene.follow()
    assert len(scene.follows) == 1
    scene.has_room = True
    scene.follows.look()
    assert scene.sent == [(2, Kind.FOLLOW, number)]


def test_a_callback_may_remove_its_follow(scene: Scene) -> None:
    """The next host is not asked then."""
    scene.host_up(2)
    number = scene.follows.add(Follow("h", "a", on_up=list, on_down=lambda _: scene.follows.remove(number)))
    scene.follows.on_news(2, number, None)
    scene.table.down(2, KILLED, NONE, gracefully=False)
    scene.host_up(3)
    assert scene.sent == [(2, Kind.FOLLOW, number)]


def test_closing_the_port_calls_on_close(scene: Scene) -> None:
    """An ask that waits for a successor has to fail."""
    scene.follow(on_close=lambda: scene.heard.append("closed"))
    scene.follow()
    scene.follows.close()
    assert (scene.heard, len(scene.follows)) == (["closed"], 0)
