"""What a ref gives to asyncio: coroutines, where something must happen before or after the call itself.

`ask_async` and `tell_async` are plain functions that return coroutines. They must take the message at once, so that its
sender may change it afterwards, and an `async def` begins to run only when it is awaited. What can wait until then is here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError, Timeout
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.patience import PatientAsk, is_gone
from peerage.actors.runtime.mail.window import WhenFull


class Ref(Protocol):
    """What of a ref it takes."""

    def ask_async(
        self,
        message: Any,
        timeout: float | None = None,
        *,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> Coroutine[Any, Any, Any]: ...

    def tell_async(
        self, message: Any, *, when_full: WhenFull | None = None, exempt: bool = False
    ) -> Coroutine[Any, Any, None]: ...


async def ask_later(
    ref: Ref,
    message: Any,
    timeout: float | None,  # noqa: ASYNC109 - Pykka's word for it
    when_full: WhenFull | None,
    exempt: bool,
    patience: float | None,
) -> Any:
    """Ask when this is awaited: the call was made where no loop runs, so that nothing could be sent yet. Args: as there."""
    return await ref.ask_async(message, timeout, when_full=when_full, exempt=exempt, patience=patience)


async def tell_later(ref: Ref, message: Any, when_full: WhenFull | None, exempt: bool) -> None:
    """As `ask_later`, for a tell."""
    await ref.tell_async(message, when_full=when_full, exempt=exempt)


async def fail(error: Exception) -> Any:
    """Raise what went wrong at the call when it is awaited: there is one place where a caller must expect errors."""
    raise error


async def ask_on(
    first: Coroutine[Any, Any, Any],
    patient: PatientAsk,
    answer: Future[Any],
    until: float | None,
    timeout: float | None,  # noqa: ASYNC109 - as above
) -> Any:
    """Await the answer of an actor, and if it is gone, that of its successor.

    Args:
        first: the ask of the actor that is there now.
        patient: waits for a successor, and asks it, once the first one has failed.
        answer: what `patient` resolves.
        until: monotonic seconds when the whole call is over; None for never.
        timeout: what the caller had given, for the text of the error.
    """
    try:
        return await first
    except ActorDeadError as error:
        if not is_gone(error):  # the actor's own error, or one of ours: that is an answer
            raise
        patient.failed(error)
    try:
        # What is left of the call's time; patience has a limit of its own, which `patient` keeps.
        left = None if until is None else max(0.0, until - time.monotonic())
        return await answer_within(answer, left, timeout)
    finally:
        answer.cancel()  # after a timeout or a cancellation no successor need be asked


async def answer_within(future: Future[Any], left: float | None, timeout: float | None) -> Any:  # noqa: ASYNC109 - Pykka's word
    """Await it for the seconds that are `left` of the caller's `timeout`.

    Raises: Timeout, Pykka's and not Python's, which may be the actor's own error.
    """
    try:
        async with asyncio.timeout(left):
            return await future
    except TimeoutError:
        if future.is_ready():  # the actor has raised a TimeoutError of its own
            raise
        raise Timeout(f"{timeout} seconds") from None
