"""actors/runtime/mail/systems.py: what tells one actor system from another."""

from __future__ import annotations

import pytest

from peerage.actors.runtime import HERE, ActorRef, Place, ProcessActor, System
from peerage.actors.runtime.mail import here, systems


class Token(ProcessActor):
    """Says which system it finds itself in; starts another one where it is told."""

    def on_receive(self, message: Place | None) -> str | ActorRef[Token]:
        if message is not None:
            return Token.options(place=message).start()
        return here.system()


def test_no_two_systems_have_the_same_token() -> None:
    """Of a thousand."""
    assert len({systems.new() for _ in range(1000)}) == 1000


def test_all_processes_of_a_system_know_its_token(system: System, place: Place) -> None:
    """In a process and in a thread, in the same host and in one that was started from there."""
    first = Token.options(place=place).start()
    started = [first.ask(Place.PROCESS), first.ask(Place.THREAD), first.ask(HERE)]
    assert {ref.ask(None) for ref in [first, *started]} == {system.process.system}


@pytest.mark.timeout(60)
def test_the_next_system_has_another_token() -> None:
    """Whatever leads to an actor of the first must not lead to one of the second."""
    System.current().shutdown()
    with System() as first:
        token = first.process.system
    with System() as second:
        assert second.process.system != token
