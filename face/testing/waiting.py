"""Waiting for things that should happen soon, and actors that live as long as a `with` block."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from peerage.actors.runtime import THREAD, ActorDeadError, ActorRef, Place, ProcessActor

TIMEOUT_S = 10.0  # how long to wait for what should happen soon
POLL_S = 0.005

A = TypeVar("A", bound=ProcessActor)


def wait_until(condition: Callable[[], Any], timeout: float = TIMEOUT_S) -> Any:
    """Call `condition` until its result is true, and return that. Raises: AssertionError when the time is over."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {condition}")
        time.sleep(POLL_S)
    return result


@contextmanager
def run_actor(
    actor_class: type[A], *args: Any, place: Place = THREAD, **options: Any
) -> Iterator[ActorRef[A]]:
    """Start an actor that lives as long as the `with` block.

    Args:
        actor_class: what to start.
        *args: of its constructor.
        place: THREAD (fast, and visible to a debugger) or PROCESS (as it will run).
        options: as for ProcessActor.options.
    """
    ref = actor_class.options(place=place, **options).start(*args)
    try:
        yield ref
    finally:
        with suppress(ActorDeadError):
            ref.stop(timeout=TIMEOUT_S)
