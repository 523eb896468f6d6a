"""actors/runtime/mail/watches.py: each watch ends once, whatever ends it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from peerage.actors.runtime import DownReason, Timeout
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.watches import OnDown, Watch, Watches

STOPPED, KILLED = DownReason("normal", "stopped"), DownReason("killed", "by SIGKILL")


def path(name: str) -> ActorPath:
    return ActorPath(name, "host", 3, system="one")


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, DownReason]] = []

    def __call__(self, actor: ActorPath, reason: DownReason) -> None:
        self.ends.append((actor.name, reason))


def test_a_watch_ends_once() -> None:
    """The news of an end and that of the host's death may both come."""
    watches, told = Watches(), Told()
    number = watches.add(path("a"), 3, told)
    watches.end(number, STOPPED)
    watches.end(number, KILLED)
    watches.end_on(lambda _serial: True, lambda _serial, _name: KILLED)
    assert told.ends == [("a", STOPPED)]
    assert not watches


def test_a_watch_that_was_dropped_does_not_end() -> None:
    watches, told = Watches(), Told()
    number = watches.add(path("a"), 3, told)
    watched = watches.drop(number)
    assert watched is not None
    assert watched[:2] == (path("a"), 3)
    assert watches.drop(number) is None
    watches.end(number, STOPPED)
    assert not told.ends


def test_the_death_of_a_host_ends_the_watches_of_its_actors() -> None:
    """Each with the reason of its own actor; the other hosts' stay."""
    watches, told = Watches(), Told()
    for name, serial in (("a", 3), ("b", 3), ("c", 4)):
        watches.add(path(name), serial, told)
    reasons = {"a": STOPPED, "b": KILLED}
    watches.end_on(lambda serial: serial == 3, lambda _serial, name: reasons[name])
    assert told.ends == [("a", STOPPED), ("b", KILLED)]
    assert len(watches) == 1


def test_a_callback_may_drop_another_watch() -> None:
    """That one is told no more."""
    watches, told = Watches(), Told()

    def drop_second(actor: ActorPath, reason: DownReason) -> None:
        told(actor, reason)
        watches.drop(second)

    watches.add(path("a"), 3, drop_second)
    second = watches.add(path("b"), 3, told)
    watches.end_on(lambda _serial: True, lambda _serial, _name: KILLED)
    assert told.ends == [("a", KILLED)]


class Port:
    """A thread's port, whose actors end while it waits."""

    def __init__(self, reason: DownReason | None) -> None:
        self.reason, self.lives = reason, self
        self.watched: dict[int, OnDown] = {}
        self.waited: list[tuple[float | None, bool]] = []

    def watch(self, _ref: Any, on_down: OnDown) -> int:
        self.watched[7] = on_down
        return 7

    def unwatch(self, number: int) -> None:
        del self.watched[number]

    def route(self, _ref: Any) -> Any:
        return SimpleNamespace(local=True)

    def wait(self, done: Callable[[], bool], timeout: float | None, *, nested: bool = False) -> bool:
        self.waited.append((timeout, nested))
        if self.reason is not None:
            self.watched[7](path("a"), self.reason)
        return done()


def test_a_thread_waits_for_an_end() -> None:
    """The actors of its own host run meanwhile: one of them is to end."""
    port = Port(STOPPED)
    assert Watch(port, path("a")).wait(5.0) == STOPPED
    assert port.waited == [(5.0, True)]


def test_waiting_for_an_end_has_a_timeout() -> None:
    port = Port(None)
    with pytest.raises(Timeout, match=r"Actor \(a in host\) still lives after 0.5 s"):
        Watch(port, path("a")).wait(0.5)


def test_an_actor_out_of_reach_is_not_waited_for() -> None:
    reason = DownReason("noproc", "of another system")
    watch = Watch(None, path("a"), reason)
    assert watch.wait() == reason
    watch.cancel()


def test_a_watch_can_be_cancelled() -> None:
    port = Port(None)
    Watch(port, path("a")).cancel()
    assert not port.watched
