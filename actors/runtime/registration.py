"""Pykka's registry, which knows the actors that were started in this process until they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka

from peerage.actors.runtime.mail.process import Loop, Process
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.stops import unregister

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from peerage.actors.runtime.mail.typed_actor import TypedActor

    A = TypeVar("A", bound=TypedActor)

    class ActorRegistry(pykka.ActorRegistry):
        """Pykka's. It finds our actors by their class, too, which checkers do not know for Pykka's (`typed_actor.py`)."""

        @classmethod
        def get_by_class(cls, actor_class: type[A]) -> list[ActorRef[A]]: ...  # type: ignore[override]  # as said

else:
    ActorRegistry = pykka.ActorRegistry


def register(process: Process, ref: ActorRef[Any]) -> None:
    """Enter a ref into the registry, until its actor ends.

    The main loop watches it, not this thread, which need not look at its mailbox ever again.
    """
    main = process.main
    if main is None:
        return
    with ActorRegistry._actor_refs_lock:  # noqa: SLF001 - a thread's actor has registered itself already
        if ref not in ActorRegistry._actor_refs:  # noqa: SLF001
            ActorRegistry.register(ref)
    main.call_soon(None, _unregister_at_end, main, ref)
    if process.closed:  # the system has ended meanwhile, and has unregistered all others already
        unregister(ref)


def _unregister_at_end(main: Loop, ref: ActorRef[Any]) -> None:
    # As in Pykka, an actor is no longer registered when its `on_stop` is called.
    main.port.lives.watch(ref, lambda ended, _reason: unregister(ended), before_hooks=True)
