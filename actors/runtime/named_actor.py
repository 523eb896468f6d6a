"""An actor class that is started without being imported: only the process that it runs in needs its module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.starter import DEFAULT_START_TIMEOUT_S, PROCESS, NamedActorClass, Place, Starter

__all__ = ["NamedActor"]


class NamedActor(NamedActorClass):
    """A ProcessActor by its path, `package.module:Class`; `options(…).start(…)` is as the class's own.

    Whoever starts actors of many kinds, and runs none of them, saves the time and memory that their modules take.
    A path that leads to no actor shows when it starts, not before. The class may neither stop others (a supervisor does) nor
    be short-lived: the root must know of either before anybody has imported it.
    """

    __slots__ = ()

    def options(
        self,
        *,
        name: str | None = None,
        place: Place = PROCESS,
        host: str | None = None,
        fds: Mapping[str, int] | None = None,
        extra: Any = None,
        keep: bool = False,
        start_timeout: float = DEFAULT_START_TIMEOUT_S,
        linked_to: ActorRef[Any] | None = None,
        log_setup: Callable[[], None] | None = None,
    ) -> Starter[Any]:
        """As `ProcessActor.options`, for a process of its own. Raises: ValueError, for any other place."""
        if place is not PROCESS:
            raise ValueError(
                f"{self!r} starts in a process of its own; in {place} the class itself is needed"
            )
        return Starter(
            self, name, place, host, dict(fds or {}), extra, keep, start_timeout, linked_to, log_setup
        )
