"""Stopping an actor from outside."""

from __future__ import annotations

from typing import Any

import pytest
from pykka import ActorRegistry

from peerage.actors.runtime import ActorDeadError, ActorRef, ForeignRefError, Future
from peerage.actors.runtime.errors import LimitReachedError
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.stops import ask_to_stop, unregister, when_stopped


class Port:
    """Keeps what it is asked; the test answers."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answer: Future[Any] = Future()

    def ask(self, _ref: Any, _value: Any, *, kind: int) -> Future[Any]:
        self.asked.append(kind)
        return self.answer


class Ref:
    """Leads to it, or nowhere."""

    def __init__(self, error: ActorDeadError | None = None) -> None:
        self._error = error
        self.its_port = Port()

    def port(self) -> Port:
        if self._error is not None:
            raise self._error
        return self.its_port


def stopped_after(error: BaseException | None) -> Future[bool]:
    """What is said of an actor when the question is answered so."""
    asked: Future[Any] = Future()
    stopped = when_stopped(ActorRef("a", system="s"), asked)
    assert not stopped.is_ready()
    asked.resolve(None, error)
    return stopped


def test_the_actor_is_asked() -> None:
    """One that cannot be asked fails the answer, not the call."""
    ref = Ref()
    assert ask_to_stop(ref) is ref.its_port.answer
    assert ref.its_port.asked == [Kind.STOP]
    assert isinstance(ask_to_stop(Ref(ActorDeadError("gone"))).error, ActorDeadError)


def test_whether_it_was_there_is_the_answer() -> None:
    """Gone already, its system perhaps with it, is no error."""
    assert stopped_after(None).get(timeout=0) is True
    assert stopped_after(ActorDeadError("not found")).get(timeout=0) is False
    assert stopped_after(ForeignRefError("A (a)", "its system has ended", True)).get(timeout=0) is False


@pytest.mark.parametrize(
    "error",
    [
        LimitReachedError("a way", "no descriptors"),
        ForeignRefError("A (a)", "is the parent's", False),
        ValueError("no"),
    ],
)
def test_an_actor_that_may_live_on_is_an_error(error: Exception) -> None:
    """It has not been told."""
    with pytest.raises(type(error)):
        stopped_after(error).get(timeout=0)


def test_a_stopped_actor_is_in_no_registry() -> None:
    """One that never was there is taken out quietly."""
    ref = ActorRef("registered", system="s")
    ActorRegistry.register(ref)
    unregister(ref)
    unregister(ref)
    assert ActorRegistry.get_by_urn("registered") is None
