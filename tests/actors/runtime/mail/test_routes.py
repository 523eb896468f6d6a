"""actors/runtime/mail/routes.py: ways to actors, found again, and let go."""

from __future__ import annotations

from typing import cast

from peerage.actors.runtime.mail.host_table import HostTable
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.routes import MANY_ROUTES, Routes


class OneHost:
    """A table with one host that is always alive."""

    def resolve(self, _host: str, _serial: int | None) -> int:
        return 7

    def is_dead(self, _serial: int) -> bool:
        return False


def ref(number: int) -> ActorRef:
    return ActorRef(f"actor-{number}", "host", 7, "path")


def test_a_route_is_found_again_by_ref_and_by_receiver() -> None:
    """The same one, with what is under way on it."""
    routes = Routes(
        1, cast("HostTable", OneHost()), lambda _address, _purpose: None, lambda _target, _messages: None
    )
    route = routes.find(ref(1))
    assert route is not None
    assert routes.find(ref(1)) is route
    assert routes.of_receiver(route.address, b"actor-1") is route


def test_routes_to_actors_that_came_and_went_are_let_go() -> None:
    """Those on which something is under way are kept, however many there are."""
    routes = Routes(
        1, cast("HostTable", OneHost()), lambda _address, _purpose: None, lambda _target, _messages: None
    )
    busy = routes.find(ref(0))
    assert busy is not None
    busy.window.exempt = 1
    for number in range(1, 10 * MANY_ROUTES):
        routes.find(ref(number))
    assert len(routes.by_key) <= MANY_ROUTES
    assert routes.find(ref(0)) is busy
    for number in range(10 * MANY_ROUTES, 13 * MANY_ROUTES):
        route = routes.find(ref(number))
        assert route is not None
        route.window.messages = 1
    assert len(routes.by_key) > 3 * MANY_ROUTES
