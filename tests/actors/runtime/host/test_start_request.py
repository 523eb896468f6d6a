"""The message that asks a host to start an actor."""

from __future__ import annotations

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.host.start_request import Endowment, StartRequest
from peerage.actors.runtime.mail import codec


def test_it_travels_with_its_owner_beside_what_the_user_has_given() -> None:
    """Whatever that is: nothing is smuggled in it."""
    owner = ActorRef("owner", system="test")
    request = StartRequest("actor", b"what", {"extra": 1}, owner)
    assert StartRequest(*codec.decode(0, request.packed(), ())) == request


def test_nothing_but_arguments_need_be_given() -> None:
    """Each actor has descriptors of its own."""
    first, second = Endowment(), Endowment()
    first.fds["life"] = 3
    assert (second.fds, second.extra, second.owner) == ({}, None, None)
