"""Messages go to the methods that an actor's class lists for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from peerage.actors.runtime import ActorRef, Place, ProcessActor, System
from peerage.actors.runtime.host.dispatch import nearest, receivers_of


@dataclass(frozen=True)
class Dial:
    address: str


@dataclass(frozen=True)
class DialAgain(Dial):
    pause: float = 1.0


@dataclass(frozen=True)
class Stop:
    pass


class Dialler(ProcessActor):
    """Answers with what it has done."""

    receives: ClassVar[Mapping[type, str]] = {Dial: "_dial"}

    def _dial(self, message: Dial) -> str:
        return f"dialled {message.address}"


class Careful(Dialler):
    """Does one thing otherwise, and one thing more."""

    receives: ClassVar[Mapping[type, str]] = {Stop: "_stop_dialling"}

    def _dial(self, message: Dial) -> str:
        return f"carefully {super()._dial(message)}"

    def _stop_dialling(self, _message: Stop) -> str:
        return "stopped"

    def on_unlisted(self, message: Any) -> str:
        return f"unlisted {message}"


class Redirected(Careful):
    """Sends one kind of message elsewhere."""

    receives: ClassVar[Mapping[type, str]] = {Dial: "_refuse"}

    def _refuse(self, message: Dial) -> str:
        return f"refused {message.address}"


def test_a_message_goes_to_the_method_that_is_listed_for_its_class() -> None:
    """Its result is the answer."""
    assert Dialler().on_receive(Dial("x")) == "dialled x"


def test_a_subclass_adds_to_the_table_of_its_base() -> None:
    """And may override the methods that the base has listed."""
    actor = Careful()
    assert actor.on_receive(Dial("x")) == "carefully dialled x"
    assert actor.on_receive(Stop()) == "stopped"


def test_a_subclass_may_send_a_message_elsewhere() -> None:
    """Its own table goes first; that of the base stands as it was."""
    assert Redirected().on_receive(Dial("x")) == "refused x"
    assert Redirected().on_receive(Stop()) == "stopped"
    assert Careful().on_receive(Dial("x")) == "carefully dialled x"


def test_a_message_of_a_derived_class_goes_where_its_nearest_base_goes() -> None:
    """As with isinstance, but found once."""
    receivers = receivers_of(Dialler)
    assert nearest(receivers, DialAgain) is Dialler._dial
    assert receivers[DialAgain] is Dialler._dial
    assert Dialler().on_receive(DialAgain("x")) == "dialled x"


def test_what_is_not_listed_goes_to_on_unlisted(caplog: pytest.LogCaptureFixture) -> None:
    """By default a warning says so, as Pykka's on_receive does, also where nobody has set up a log."""
    assert Careful().on_receive("hello") == "unlisted hello"
    assert Dialler().on_receive("hello") is None
    (line,) = caplog.records
    assert line.name == "peerage.runtime"  # Pykka's own logger is silent until a program gives it a handler
    assert line.getMessage().startswith("message not handled: actor=Dialler")
    assert line.getMessage().endswith(" message=str")


def test_a_name_that_is_no_method_is_refused_when_the_class_is_made() -> None:
    """The error names class, message class and method."""
    fault = r"Forgetful.receives: Stop goes to '_forgotten', which is no method of .*Forgetful"
    with pytest.raises(TypeError, match=fault):

        class Forgetful(ProcessActor):
            receives: ClassVar[Mapping[type, str]] = {Stop: "_forgotten"}


def test_an_attribute_that_is_no_method_is_refused_too() -> None:
    """A constant, say, or a static method, which would get one argument too many."""
    for attribute in (7, staticmethod(print)):
        with pytest.raises(TypeError, match="which is no method"):
            type("Wrong", (ProcessActor,), {"receives": {Stop: "_thing"}, "_thing": attribute})


def test_an_asynchronous_generator_is_refused() -> None:
    """As for the hooks: nobody could await it."""
    with pytest.raises(TypeError, match="_wait', which is an asynchronous generator"):

        class Awaiting(ProcessActor):
            receives: ClassVar[Mapping[type, str]] = {Stop: "_wait"}

            async def _wait(self, _message: Stop) -> AsyncIterator[None]:
                yield


class Patient(ProcessActor):
    receives: ClassVar[Mapping[type, str]] = {Stop: "_wait"}

    async def _wait(self, _message: Stop) -> str:
        await asyncio.sleep(0)
        return "waited"


def test_a_receiver_may_be_a_coroutine_function(system: System, place: Place) -> None:
    """It is awaited, as `on_receive` is."""
    ref: ActorRef[Any] = Patient.options(place=place).start()
    assert ref.ask(Stop()) == "waited"


def test_an_actor_dispatches_what_it_is_sent(system: System, place: Place) -> None:
    """Asks are answered, wherever it lives."""
    ref: ActorRef[Any] = Careful.options(place=place).start()
    assert ref.ask(Dial("x")) == "carefully dialled x"
    assert ref.ask(3) == "unlisted 3"


def test_a_table_travels_with_a_class_of_the_program_itself(system: System, place: Place) -> None:
    """A class of a local scope is pickled by value."""

    class Local(ProcessActor):
        receives: ClassVar[Mapping[type, str]] = {Dial: "_dial"}

        def _dial(self, message: Dial) -> str:
            return f"local {message.address}"

    assert Local.options(place=place).start().ask(Dial("x")) == "local x"
