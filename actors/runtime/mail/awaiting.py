"""What a ref gives to asyncio: coroutines, where something must happen before or after the call itself."""

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
    """What can be asked and told from a loop."""

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
    return await ref.ask_async(message, timeout, when_full=when_full, exempt=exempt, patience=patience)


async def tell_later(ref: Ref, message: Any, when_full: WhenFull | None, exempt: bool) -> None:
    await ref.tell_async(message, when_full=when_full, exempt=exempt)


async def fail(error: Exception) -> Any:
    raise error


async def ask_on(
    first: Coroutine[Any, Any, Any],
    patient: PatientAsk,
    answer: Future[Any],
    until: float | None,
    timeout: float | None,  # noqa: ASYNC109 - as above
) -> Any:
    """Await the answer of the first actor, then of its successors."""
    try:
        return await first
    except ActorDeadError as error:
        if not is_gone(error):
            raise
        patient.failed(error)
    try:
        left = None if until is None else max(0.0, until - time.monotonic())
        return await answer_within(answer, left, timeout)
    finally:
        answer.cancel()


async def answer_within(future: Future[Any], left: float | None, timeout: float | None) -> Any:  # noqa: ASYNC109 - Pykka's word
    """Await it for the seconds that are `left` of the caller's `timeout`."""
    try:
        async with asyncio.timeout(left):
            return await future
    except TimeoutError:
        if future.is_ready():
            raise
        raise Timeout(f"{timeout} seconds") from None
