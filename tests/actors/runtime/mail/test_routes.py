"""actors/runtime/mail/routes.py: ways to actors, found again, acknowledged, and let go."""

from __future__ import annotations

from typing import cast

import pytest

from peerage.actors.runtime import LimitReachedError
from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.mail.envelope import HEADER, Kind
from peerage.actors.runtime.mail.host_table import HostTable
from peerage.actors.runtime.mail.routes import MANY_ROUTES, REMEMBERED_PREFIXES, Route, Routes
from peerage.actors.runtime.mail.window import ACK
from tests.actors.runtime.mail.fakes import ADDRESS, HOST, KEY, MINE, Table, path


class Scene:
    """Routes of one port, what they open, and what they hear to be lost."""

    def __init__(self) -> None:
        self.table = Table()
        self.opened: list[tuple[int, Purpose]] = []
        self.lost: list[tuple[str, int]] = []
        self.lack: LimitReachedError | None = None
        self.routes = Routes(KEY, MINE, cast("HostTable", self.table), self._open, self._lose)

    def _open(self, address: int, purpose: Purpose) -> None:
        if self.lack is not None:
            raise self.lack
        self.opened.append((address, purpose))

    def _lose(self, target: str, messages: int) -> None:
        self.lost.append((target, messages))

    def find(self, number: int) -> Route:
        route = self.routes.find(path(f"actor-{number}"))
        assert route is not None
        return route

    def acknowledge(self, target: bytes, *counts: int) -> None:
        self.routes.on_ack(0, ADDRESS, 0, target, b"", ACK.pack(*counts), (), ACK.size)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_route_is_found_again(scene: Scene) -> None:
    """The same one, with what is under way on it; the way is opened once."""
    route = scene.find(1)
    assert scene.find(1) is route
    assert scene.routes.by_key[path("actor-1").way] is route
    assert scene.opened == [(ADDRESS, Purpose.WORK)]


def test_an_actor_of_the_ports_own_host_needs_no_way(scene: Scene) -> None:
    scene.table.resolved = MINE >> 20
    assert scene.find(1).local
    assert scene.opened == []


def test_there_is_no_route_to_a_host_that_is_not_there(scene: Scene) -> None:
    scene.table.resolved = None
    assert scene.routes.find(path()) is None


def test_a_route_that_cannot_be_opened_is_not_kept(scene: Scene) -> None:
    """It may be there next time."""
    scene.lack = LimitReachedError("a way", "too many")
    with pytest.raises(LimitReachedError):
        scene.find(1)
    scene.lack = None
    assert scene.find(1)


def test_routes_to_actors_that_came_and_went_are_let_go(scene: Scene) -> None:
    """Those on which something is under way are kept, however many there are."""
    busy = scene.find(0)
    busy.window.exempt = 1
    for number in range(1, 10 * MANY_ROUTES):
        scene.find(number)
    assert len(scene.routes.by_key) <= MANY_ROUTES
    assert scene.find(0) is busy
    for number in range(10 * MANY_ROUTES, 13 * MANY_ROUTES):
        scene.find(number).window.messages = 1
    assert len(scene.routes.by_key) > 3 * MANY_ROUTES


def test_an_acknowledgement_opens_the_window(scene: Scene) -> None:
    """Tells that the host has refused are lost, and are counted among those that are settled."""
    route = scene.find(1)
    route.window.messages, route.window.size, route.window.exempt = 5, 50, 2
    scene.acknowledge(b"actor-1", 3, 30, 1, 2)
    assert (route.window.messages, route.window.size, route.window.exempt) == (2, 20, 1)
    assert (route.settled, route.dead) == (4, 2)
    assert scene.lost == [("host/actor-1", 2)]


def test_an_acknowledgement_of_a_route_that_was_let_go_is_passed_over(scene: Scene) -> None:
    scene.acknowledge(b"somebody", 1, 1, 0, 0)
    assert scene.lost == []


def test_routes_to_the_dead_wait_for_their_last_words(scene: Scene) -> None:
    """They cannot be found meanwhile, but are acknowledged."""
    route = scene.find(1)
    route.window.messages = 1
    scene.table.die(HOST)
    assert scene.routes.take_dead(lambda _serial: False) == []
    assert not scene.routes.by_key
    scene.acknowledge(b"actor-1", 1, 0, 0, 0)
    assert route.window.messages == 0
    assert scene.routes.take_dead(lambda _serial: True) == [route]
    assert scene.routes.take_dead(lambda _serial: True) == []


def test_the_beginning_of_a_tell_is_packed_once_for_each_sender() -> None:
    """Of so many as are remembered."""
    route = Route(KEY, MINE, path(), HOST)
    prefix = route.tell_prefix(b"sender", 8)
    assert HEADER.unpack_from(prefix) == (KEY, Kind.TELL, 8, 0, MINE, 0, len(b"actor"), len(b"sender"))
    assert prefix.endswith(b"actorsender")
    assert route.tell_prefix(b"sender", 8) is prefix
    for number in range(REMEMBERED_PREFIXES + 1):
        route.tell_prefix(b"%d" % number, 8)
    assert len(route._prefixes) <= REMEMBERED_PREFIXES
