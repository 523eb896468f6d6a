"""What is known of actors without asking them."""

from __future__ import annotations

import os

import pytest

from peerage.actors.runtime import ActorRef, Place, System
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from peerage.actors.runtime.outlook import has_host, statistics_of, under_way_to, wait_for_room
from tests.actors.runtime.cast import Echo, Slow


def test_a_host_is_known_as_long_as_it_lives(system: System, place: Place) -> None:
    """Nobody is asked: what counts is what this process has heard."""
    ref = Echo.options(place=place).start()
    assert has_host(ref)
    assert not has_host(ActorRef.to("nobody"))
    ref.stop()
    assert here.port().wait(lambda: not has_host(ref), 30.0)  # type: ignore[attr-defined]


def test_what_is_under_way_is_counted(system: System, place: Place) -> None:
    """Until the actor is known to have handled it."""
    gate = os.eventfd(0)
    ref = Slow.options(place=place, fds={"gate": gate}).start()
    assert under_way_to(ref) == 0
    ref.tell("block")
    for number in range(3):
        ref.tell(number)
    assert under_way_to(ref) == 4
    os.eventfd_write(gate, 1)
    ref.ask("handled")
    assert here.port().wait(lambda: under_way_to(ref) == 0, 30.0)  # type: ignore[attr-defined]
    os.close(gate)


def test_whoever_has_room_first_is_waited_for(system: System, place: Place) -> None:
    """Of several that are full; nobody has to be asked. One that has died counts as well: its sender should hear of it."""
    gates = [os.eventfd(0) for _ in range(2)]
    refs = [Slow.options(place=place, fds={"gate": gate}).start() for gate in gates]
    for ref in refs:
        ref.tell("block")
        ref.tell_many(range(WINDOW_MESSAGES - 1))
    assert wait_for_room(refs, 0.0) is None
    os.eventfd_write(gates[1], 1)
    assert wait_for_room(refs, 30.0) == refs[1]
    os.eventfd_write(gates[0], 1)
    assert wait_for_room(refs[:1], None) == refs[0]
    for gate in gates:
        os.close(gate)


@pytest.mark.usefixtures("system")
def test_statistics_are_of_those_that_were_asked_for(place: Place) -> None:
    """Whoever is not there is left out."""
    refs = [Echo.options(place=place).start() for _ in range(2)]
    refs[1].ask("hello")
    found = statistics_of([*refs, ActorRef.to("nobody")])
    assert {ref: statistics.handled for ref, statistics in found.items()} == {refs[0]: 0, refs[1]: 1}
