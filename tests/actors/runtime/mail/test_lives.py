"""actors/runtime/mail/lives.py: how a port hears of the ends and successors of others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from peerage.actors.runtime import ActorDeadError, DownReason, ForeignRefError
from peerage.actors.runtime.mail.codec import Encoded, encode
from peerage.actors.runtime.mail.envelope import EXEMPT, Kind
from peerage.actors.runtime.mail.follows import Follows
from peerage.actors.runtime.mail.host_table import HostTable
from peerage.actors.runtime.mail.lives import Lives
from peerage.actors.runtime.mail.routes import Route
from peerage.actors.runtime.mail.watches import BEFORE_HOOKS, Watches
from tests.actors.runtime.mail.fakes import ADDRESS, HOST, MINE, Port, path


class FollowingPort(Port):
    """One that follows, too."""

    def __init__(self) -> None:
        super().__init__()
        self.network = SimpleNamespace(system="system")
        self.delays: list[float] = []
        self.fault: Exception | None = None

    def route(self, ref: Any) -> Route | None:
        if self.fault is not None:
            raise self.fault
        return super().route(ref)

    def call_later(self, delay: float, _fn: Any) -> None:
        self.delays.append(delay)


@pytest.fixture
def port() -> FollowingPort:
    return FollowingPort()


@pytest.fixture
def watches() -> Watches:
    return Watches()


@pytest.fixture
def follows(port: FollowingPort) -> Follows:
    return Follows(cast("HostTable", port.table), port.send, iter(range(1, 100)).__next__)


@pytest.fixture
def lives(port: FollowingPort, watches: Watches, follows: Follows) -> Lives:
    return Lives(cast("Any", port), watches, follows)


@pytest.fixture
def told() -> list[tuple[str, DownReason]]:
    return []


@pytest.fixture
def tell(told: list[tuple[str, DownReason]]) -> Any:
    return lambda ref, reason: told.append((ref.name, reason))


@pytest.mark.parametrize(("early", "body"), [(False, b""), (True, BEFORE_HOOKS)])
def test_its_host_is_asked_to_tell_of_an_end(
    port: Port, lives: Lives, watches: Watches, tell: Any, early: bool, body: bytes
) -> None:
    """Before the actor's last hook, if that is wanted."""
    number = lives.watch(path(), tell, before_hooks=early)
    assert port.sent == [(ADDRESS, Kind.WATCH, number, b"actor", body)]
    assert len(watches) == 1


def test_an_actor_that_is_not_there_has_ended(
    port: Port, lives: Lives, tell: Any, told: list[tuple[str, DownReason]]
) -> None:
    """That is told after the call, with the true reason if it is still known."""
    for name in ("lost", "known"):
        port.routes[path(name).way] = None
    port.table.ended["known"] = DownReason("normal", "stopped")
    lives.watch(path("lost"), tell)
    lives.watch(path("known"), tell)
    assert told == []
    for call in port.later_calls:
        call()
    assert told == [
        ("lost", DownReason("noproc", "Worker (lost in host) not found")),
        ("known", DownReason("normal", "stopped")),
    ]


def test_an_actor_of_another_system_has_ended_too(
    port: FollowingPort, lives: Lives, tell: Any, told: list[tuple[str, DownReason]]
) -> None:
    port.fault = ForeignRefError("Worker (actor)", "is elsewhere", False)
    lives.watch(path(), tell)
    port.later_calls[0]()
    assert told[0][1] == DownReason("noproc", str(port.fault))


def test_a_watch_is_taken_back_where_it_was_made(port: Port, lives: Lives, tell: Any) -> None:
    """Unless it has ended, or its host has."""
    number, other = lives.watch(path(), tell), lives.watch(path("other"), tell)
    port.sent.clear()
    lives.unwatch(number)
    lives.unwatch(number)
    assert port.sent == [(ADDRESS, Kind.UNWATCH, number, b"actor", b"")]
    port.table.dead.add(HOST)
    lives.unwatch(other)
    assert len(port.sent) == 1


def test_a_closed_port_watches_and_follows_nobody(port: Port, lives: Lives, tell: Any) -> None:
    port.closed = True
    with pytest.raises(ActorDeadError, match="closed"):
        lives.watch(path(), tell)
    with pytest.raises(ActorDeadError, match="closed"):
        lives.follow(path(), int, tell)


def test_a_name_is_followed_in_its_host(port: Port, lives: Lives, tell: Any) -> None:
    """Until it is unfollowed."""
    number = lives.follow(path(), int, tell)
    assert port.sent == [(ADDRESS, Kind.FOLLOW, number, b"actor", b"")]
    assert lives.following == 1
    lives.unfollow(number)
    assert port.sent[1][:3] == (ADDRESS, Kind.UNFOLLOW, number)
    assert lives.following == 0


def test_a_name_of_another_system_is_not_followed(port: FollowingPort, lives: Lives, tell: Any) -> None:
    port.network.system = "another"
    with pytest.raises(ForeignRefError):
        lives.follow(path(), int, tell)


def test_a_successor_is_asked_outside_the_window(port: Port, lives: Lives) -> None:
    """And in the name of the actor that asked its predecessor."""
    future = lives.ask_again(path(), Encoded(*encode("question")), b"asker")
    [(address, kind, number, target, _body)] = port.sent
    assert (address, kind, target) == (ADDRESS, Kind.ASK, b"actor")
    assert port.flags == [EXEMPT]
    assert port.asks.open[number].waiter is future
    route = port.routes[path().way]
    assert route is not None
    assert route.window.messages == 0


def test_a_successor_that_is_gone_again_cannot_be_asked(port: FollowingPort, lives: Lives) -> None:
    message = Encoded(*encode("question"))
    port.routes[path().way] = None
    assert "not found" in str(lives.ask_again(path(), message, b"").error)
    port.fault = ForeignRefError("Worker (actor)", "is elsewhere", False)
    assert lives.ask_again(path(), message, b"").error is port.fault
    assert not port.asks


def test_calls_for_later_are_passed_on_to_the_port(port: FollowingPort, lives: Lives) -> None:
    lives.call_later(2.5, int)
    assert port.delays == [2.5]
    assert port.address == MINE
