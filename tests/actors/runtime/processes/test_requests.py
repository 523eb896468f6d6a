"""Requests are values that travel as plain tuples."""

from __future__ import annotations

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.processes.requests import Reservation, SpawnRequest
from tests.actors.runtime.processes.fakes import spawn_request


def test_a_request_arrives_as_it_was() -> None:
    """With its owner, which is a field of its own."""
    owner = ActorRef("owner", system="test")
    spawn = spawn_request("host", owner=owner, fd_names=("out",), signature={"node": "a"})
    assert SpawnRequest(*codec.decode(0, codec.dumps(tuple(spawn)), ())) == spawn
    reservation = Reservation("host", {"node": "a"}, owner, stops_others=True)
    assert Reservation(*codec.decode(0, codec.dumps(tuple(reservation)), ())) == reservation


def test_a_thread_belongs_to_nobody_unless_it_says_so() -> None:
    """Nor does its actor stop others."""
    assert Reservation("host", {}) == ("host", {}, None, False)
