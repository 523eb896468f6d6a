"""Pykka's names, bound to this runtime: a program written for Pykka changes its import line.

    import peerage.actors.runtime.as_pykka as pykka

`ThreadingActor` is then a `ProcessActor`, in a process of its own. `pykka.debug`, `pykka.typing` and
`pykka.messages` are Pykka's own. What isolation changes: docs/topics/pykka.md.

This is a module to import in Pykka's place, and not a patch of Pykka: other libraries in the same program may use Pykka
with threads, and must keep its classes.
"""

from pykka import Actor, CallableProxy, debug, get_all, messages, traversable, typing

from peerage.actors.runtime.actor import ProcessActor
from peerage.actors.runtime.errors import ActorDeadError, Timeout
from peerage.actors.runtime.mail.future import Future, ProcessFuture
from peerage.actors.runtime.mail.proxy import ActorProxy
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.registration import ActorRegistry

# Pykka's program says what it means by "an actor" and "a future" with these names; subclass checks and annotations that use
# them hold for ours.
ThreadingActor = ProcessActor
ThreadingFuture = ProcessFuture

__all__ = [
    "Actor",
    "ActorDeadError",
    "ActorProxy",
    "ActorRef",
    "ActorRegistry",
    "CallableProxy",
    "Future",
    "ProcessActor",
    "ProcessFuture",
    "ThreadingActor",
    "ThreadingFuture",
    "Timeout",
    "debug",
    "get_all",
    "messages",
    "traversable",
    "typing",
]
