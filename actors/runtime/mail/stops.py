"""Stopping an actor from outside: it is asked to, and answers when it has ended."""

from __future__ import annotations

from typing import Any, Protocol

import pykka
from pykka import ActorRegistry

from peerage.actors.runtime.errors import ActorDeadError, ForeignRefError, LimitReachedError
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future


class AskingPort(Protocol):
    """A thread's port, as far as it takes to stop an actor."""

    def ask(self, ref: Any, value: Any, *, kind: int) -> Future[Any]: ...


class Ref(Protocol):
    """What leads to an actor."""

    def port(self) -> Any:
        """The port to ask by, an `AskingPort`. Raises: ActorDeadError, if it does not lead to the actor."""


def ask_to_stop(ref: Ref) -> Future[Any]:
    """Ask an actor to stop. Returns: what is answered when it has, or fails with the reason why it cannot be asked."""
    try:
        port: AskingPort = ref.port()
        return port.ask(ref, None, kind=Kind.STOP)
    except ActorDeadError as error:
        future: Future[Any] = Future()
        future.resolve(None, error)
        return future


def when_stopped(ref: pykka.ActorRef[Any], asked: Future[Any]) -> Future[bool]:
    """Args: asked, what `ask_to_stop` gave. Returns: whether the actor was there to be stopped, once it has ended."""
    stopped: Future[bool] = Future()

    def finish() -> None:
        error = asked.error
        if isinstance(error, LimitReachedError):  # it has not been told
            stopped.resolve(None, error)
            return
        unregister(ref)
        if error is None and asked.port is not None:
            asked.port.asks.has_stopped(asked.asked)
        is_out_of_reach = isinstance(error, ForeignRefError) and not error.has_ended
        if error is None or (isinstance(error, ActorDeadError) and not is_out_of_reach):
            stopped.resolve(error is None)
        else:
            stopped.resolve(None, error)

    stopped.follow(asked, finish)
    return stopped


def unregister(ref: pykka.ActorRef[Any]) -> None:
    """Take a ref out of Pykka's registry, quietly if it is not there."""
    with ActorRegistry._actor_refs_lock:  # noqa: SLF001 - unregister() logs each miss
        if ref in ActorRegistry._actor_refs:  # noqa: SLF001
            ActorRegistry.unregister(ref)
