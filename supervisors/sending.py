"""How a message of a pool is sent, once it is known which workers it may go to: to the first that has room, or to all."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from peerage.actors.runtime import FAIL, ActorRef, Future, MailboxFullError, Timeout, Wait, WhenFull, packed
from peerage.actors.runtime.outlook import ends_at, has_host, wait_for_room

T = TypeVar("T")


def alive(refs: Iterable[ActorRef]) -> Iterator[ActorRef]:
    """Those that live, as far as this process has heard; the first of all if none does."""
    dead = None
    found = False
    for ref in refs:
        if has_host(ref):
            found = True
            yield ref
        else:
            dead = dead or ref
    if not found and dead is not None:
        yield dead


def send_to_one(
    refs: Iterable[ActorRef],
    send: Callable[[ActorRef, WhenFull | None], T],
    when_full: WhenFull | None,
    until: float | None,
) -> T:
    """Send to the first that has room; if all are full and the sender may wait, to the first that has room again.

    Args: until, monotonic seconds when a wait ends, if that is earlier than what `when_full` says.
    Raises: MailboxFullError.
    """
    tried = []
    for ref in refs:
        tried.append(ref)
        with contextlib.suppress(MailboxFullError):
            return send(ref, FAIL)
    choice = when_full or Wait()
    if not isinstance(choice, Wait) or len(tried) == 1:
        return send(tried[0], when_full)
    limits = [limit for limit in (ends_at(choice.timeout), until) if limit is not None]
    end = min(limits, default=None)
    ref_with_room = wait_for_room(tried, left_until(end))
    if ref_with_room is None:
        return send(tried[0], FAIL)  # raises, unless there is room by now
    return send(ref_with_room, Wait(left_until(end)))  # it may be too large for the room that there is


def left_until(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def tell_all(refs: Iterable[ActorRef], message: Any, when_full: WhenFull | None) -> None:
    """Tell each of them; those with room first, so that one that is full keeps none of the others waiting."""
    once = packed(message)
    full = []
    for ref in refs:
        try:
            ref.tell(once, when_full=FAIL)
        except MailboxFullError:
            full.append(ref)
    for ref in full:
        ref.tell(once, when_full=when_full)


def ask_one(
    refs: Iterable[ActorRef], message: Any, timeout: float | None, when_full: WhenFull | None
) -> Future[Any]:
    """Ask the first that has room. Raises: Timeout, when none has for so long."""
    until = ends_at(timeout)

    def send(ref: ActorRef, when_full: WhenFull | None) -> Future[Any]:
        return ref.ask(message, block=False, timeout=left_until(until), when_full=when_full)

    if when_full is None and _in_asyncio():  # the message waits in line, and not the loop
        first, refs = itertools.tee(refs)
        with contextlib.suppress(MailboxFullError):
            return send_to_one(refs, send, FAIL, None)
        return send(next(first), None)
    try:
        return send_to_one(refs, send, when_full, until)
    except MailboxFullError as error:
        if until is None or time.monotonic() < until:
            raise
        raise Timeout(f"{timeout} seconds: {error}") from error


def _in_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def each(sending: Iterable[Coroutine[Any, Any, None]]) -> None:
    for sent in sending:
        await sent


async def within(future: Future[Any], seconds: float | None) -> Any:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await future
    except TimeoutError:
        if limit.expired():
            raise Timeout(f"{seconds} seconds") from None
        raise
    finally:
        future.cancel()  # of no effect once it is answered
