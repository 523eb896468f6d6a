"""What a host needs of an actor: the base below `ProcessActor`, which adds how an actor is started."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

from peerage.actors.runtime.host.child_facts import ChildFacts
from peerage.actors.runtime.host.context import ActorContext
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.typed_actor import M_contra, R_co, TypedActor


class HostedActor(TypedActor[M_contra, R_co]):
    """An actor that a host runs: it is bound to its place there, constructed, started, handed its messages, and stopped.

    Attributes: actor_urn, Pykka's name for the actor's name; runtime, what the actor may ask of its host; which_children,
    set by a supervisor: tells an observer of its children. Called in the host's thread, in the middle of a handler as well.
    """

    actor_urn: str
    runtime: ActorContext
    which_children: Callable[[], tuple[ChildFacts, ...]] | None = None
    cell_class: ClassVar[type[Any] | None] = (
        None  # of its cell in the host, where that is a special one (`cluster/stand_in.py`)
    )
    checkpoint_dir: Path | str | None = (
        None  # where `self.runtime.checkpoint` saves; set by a class or in `__init__`
    )
    stops_others: ClassVar[bool] = (
        False  # its `on_stop` gives others their time, as a supervisor's: at the end of the system nobody hurries it
    )

    def on_bound(self, ref: ActorRef[Any], runtime: ActorContext, stopped: threading.Event) -> None:
        """The actor has its place in a host. Called before `__init__`, so that a subclass needs no extra parameters there.

        Args: stopped, is set when the actor has ended.
        """
        self._actor_ref = ref
        self.actor_urn = ref.name
        self.runtime = runtime
        self.actor_stopped = stopped

    def on_start(self) -> Awaitable[None] | None:
        """Called once, before the first message. What it raises is raised by `start`, and there is no actor."""

    def on_stop(self) -> Awaitable[None] | None:
        """Called last, when the actor was told to stop; not after a failure."""

    @property
    def checkpoint_name(self) -> str:
        """What the file of its checkpoint is called: the actor's name, which a successor has, too."""
        return self.actor_urn

    def on_restore(self, state: Any) -> Awaitable[None] | None:
        """Take what a predecessor of the same name has saved with `self.runtime.checkpoint`. Called before `on_start`, and
        only if there is something. What it raises is raised by `start`.
        """

    def on_ending(self) -> None:
        """The actor is about to stop. Called before `on_stop`, so that what a base class runs for its author ends first."""

    def takes_at_once(self, fn: Callable[..., object], args: tuple[Any, ...]) -> bool:
        """Whether a callback runs beside the hook that the actor is in the middle of, as coroutines do. It is begun then."""
        return hasattr(self, "runtime") and self.runtime.coroutines.takes(fn, args)

    def on_ended(self) -> None:
        """The actor has ended, in whatever way: let go of what its host runs for it."""
        if hasattr(self, "runtime"):  # not if it was never bound, as in a unit test
            self.runtime.close()

    def on_down(self, ref: ActorRef[Any], reason: DownReason) -> Awaitable[None] | None:
        """A watched actor has ended, or was never there (`noproc`). Called once per watch, and never within a handler."""
