"""Declarations of messages are for type checkers (`tests/typing`): when the program runs they change nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peerage.actors.runtime import ActorRef, Place, ProcessActor, System
from tests.actors.runtime.producers import Declared


def test_a_declared_actor_is_started_and_asked_like_others(system: System, place: Place) -> None:
    """Of a module, in every place."""
    ref = Declared.options(place=place).start()
    assert ref.ask("text") == 4
    assert asyncio.run(ref.ask_async("text")) == 4


def test_what_crosses_the_declaration_arrives(system: System, place: Place) -> None:
    """Nobody looks while the program runs."""
    ref: ActorRef[Any] = Declared.options(place=place).start()
    assert ref.ask([1, 2]) == 2


def test_a_local_class_may_declare_too(system: System, place: Place) -> None:
    """It travels by value, with what it declares."""

    class Message:
        text = "abc"

    class Local(ProcessActor[Message | str, int]):
        def on_receive(self, message: Message | str) -> int:
            return len(message if isinstance(message, str) else message.text)

    ref = Local.options(place=place).start()
    assert (ref.ask(Message()), ref.ask("a")) == (3, 1)


def test_an_actor_that_handles_nothing_answers_nothing(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    """As Pykka's: a warning says so."""
    assert ProcessActor[str, None]().on_receive("text") is None
    assert "message not handled" in caplog.text
