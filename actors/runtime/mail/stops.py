"""Stopping an actor from outside: it is asked to, and answers when it has ended.

The question (STOP) waits in the mailbox like any message, behind those sent before. What it means that no answer came is
decided here: in most cases that the actor is gone, which is what was wanted.
"""

from __future__ import annotations

from typing import Any, Protocol

import pykka
from pykka import ActorRegistry

from peerage.actors.runtime.errors import ActorDeadError, ForeignRefError, LimitReachedError
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future


class AskingPort(Protocol):
    """What of a thread's port it takes to stop an actor."""

    def ask(self, ref: Any, value: Any, *, kind: int) -> Future[Any]: ...


class Ref(Protocol):
    """What leads to an actor."""

    def port(self) -> Any:
        """The port to ask by, an `AskingPort`. Raises: ActorDeadError, if it does not lead to the actor."""


def ask_to_stop(ref: Ref) -> Future[Any]:
    """Ask an actor to stop. Returns: resolved when it has ended, or with the reason why it cannot be asked; never raises."""
    try:
        port: AskingPort = ref.port()
        return port.ask(ref, None, kind=Kind.STOP)
    except ActorDeadError as error:
        future: Future[Any] = Future()
        future.resolve(None, error)
        return future


def when_stopped(ref: pykka.ActorRef[Any], asked: Future[Any]) -> Future[bool]:
    """What `ActorRef.stop` returns: a future of whether the actor was there to be stopped, resolved when it has ended.

    Args: asked, what `ask_to_stop` has returned.
    """
    stopped: Future[bool] = Future()

    def finish() -> None:
        error = asked.error
        if isinstance(error, LimitReachedError):  # the question was not sent: the actor lives on
            stopped.resolve(None, error)
            return
        unregister(ref)
        # Asks from this thread that are lost with the host say "not found" from now on: whoever has stopped an actor expects
        # that, and the host may end a moment later than the actor.
        if error is None and asked.port is not None:
            asked.port.asks.has_stopped(asked.asked)
        # In a child of the process that has the actor, False ("it was gone already") would be wrong.
        is_out_of_reach = isinstance(error, ForeignRefError) and not error.has_ended
        if error is None or (isinstance(error, ActorDeadError) and not is_out_of_reach):
            stopped.resolve(error is None)
        else:
            stopped.resolve(None, error)

    stopped.follow(asked, finish)
    return stopped


def unregister(ref: pykka.ActorRef[Any]) -> None:
    """Take a ref out of Pykka's registry. Not there is no mistake: several hear of an end, and the first one does it."""
    with ActorRegistry._actor_refs_lock:  # noqa: SLF001 - unregister() logs each miss
        if ref in ActorRegistry._actor_refs:  # noqa: SLF001
            ActorRegistry.unregister(ref)
