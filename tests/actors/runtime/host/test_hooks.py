"""Hooks that nobody would await are refused when the class is made, if they are `async def`."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from peerage.actors.runtime import ActorRef, ProcessActor, System
from peerage.actors.runtime.host.hooks import AWAITED, HOOKS


async def never_awaited(*_args: Any) -> None:
    """What no hook may be."""


async def never_iterated(*_args: Any) -> Any:
    yield


class Callable:
    async def __call__(self, *_args: Any) -> None:
        """An object in a hook's place."""


@pytest.mark.parametrize("name", AWAITED)
def test_hooks_that_are_awaited_may_be_async(name: str) -> None:
    """A host runs what they return, on the actor's asyncio loop."""
    type("Greeter", (ProcessActor,), {name: never_awaited})


@pytest.mark.parametrize("name", HOOKS)
def test_an_asynchronous_generator_is_refused_with_its_class_and_name(name: str) -> None:
    """Nobody can await it: messages would be lost in silence."""
    with pytest.raises(TypeError, match=rf"Greeter\.{name} is an asynchronous generator"):
        type("Greeter", (ProcessActor,), {name: never_iterated})


@pytest.mark.parametrize("name", sorted({*HOOKS} - {*AWAITED}))
def test_an_async_hook_that_is_not_awaited_is_refused_with_its_class_and_name(name: str) -> None:
    """Nobody would await it."""
    with pytest.raises(TypeError, match=rf"Greeter\.{name} is `async def`"):
        type("Greeter", (ProcessActor,), {name: never_awaited})


@pytest.mark.parametrize(
    "hook",
    [
        never_iterated,
        staticmethod(never_awaited),
        classmethod(never_awaited),
        functools.partial(never_awaited, 1),
        functools.partialmethod(never_awaited, 1),
        functools.partialmethod(functools.partial(never_awaited, 1), 2),
        Callable(),
    ],
    ids=["generator", "staticmethod", "classmethod", "partial", "partialmethod", "both", "object"],
)
def test_an_async_hook_is_refused_in_every_wrapping(hook: Any) -> None:
    """What counts is what the call would give."""
    with pytest.raises(TypeError, match="on_failure"):
        type("Greeter", (ProcessActor,), {"on_failure": hook})


def test_an_async_hook_is_refused_wherever_it_comes_from() -> None:
    """From a mixin, with its name, and in a subclass of a subclass."""
    mixin = type("Polite", (), {"on_failure": never_awaited})
    with pytest.raises(TypeError, match=r"Greeter\.on_failure \(from Polite\)"):
        type("Greeter", (mixin, ProcessActor), {})
    greeter = type("Greeter", (ProcessActor,), {"on_receive": lambda self, message: message})
    with pytest.raises(TypeError, match=r"Later\.on_failure is"):
        type("Later", (greeter,), {"on_failure": never_awaited})


def test_an_async_hook_that_was_put_in_later_is_refused_at_the_start() -> None:
    """Before anything is started."""
    greeter = type("Greeter", (ProcessActor,), {})
    greeter.on_failure = never_awaited  # type: ignore[attr-defined]  # just that
    with pytest.raises(TypeError, match=r"Greeter\.on_failure is"):
        greeter.start()  # type: ignore[attr-defined]  # a class made by hand


def in_a_loop_of_its_own(hook: Any) -> Any:
    @functools.wraps(hook)
    def run(self: Any, message: Any) -> Any:
        return asyncio.run(hook(self, message))

    return run


class Runs(ProcessActor):
    @in_a_loop_of_its_own
    async def on_receive(self, message: Any) -> Any:
        await asyncio.sleep(0)
        return message

    async def helper(self) -> None:
        """No hook: nobody but the class itself calls it."""


def test_a_plain_hook_may_run_a_coroutine(system: System) -> None:
    """A wrapper that gives the answer itself is none of ours, nor is any other async method."""
    ref: ActorRef[Runs] = Runs.start()
    assert ref.ask("x", timeout=10) == "x"
