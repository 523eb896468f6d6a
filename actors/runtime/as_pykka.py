"""Pykka's names, bound to this runtime: a program written for Pykka changes its import line.

    import peerage.actors.runtime.as_pykka as pykka

`ThreadingActor` is then a `ProcessActor`, in a process of its own. `pykka.debug`, `pykka.typing` and
`pykka.messages` are Pykka's own. What isolation changes: docs/topics/pykka.md.
"""

from pykka import Actor, ActorRegistry, CallableProxy, debug, get_all, messages, traversable, typing

from .actor import ProcessActor
from .errors import ActorDeadError, Timeout
from .future import Future, ProcessFuture
from .proxy import ActorProxy
from .ref import ActorRef

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
