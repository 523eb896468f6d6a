"""Places outside the system's own processes, that actors can be started in all the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from peerage.actors.runtime.mail.presence import kill_far_process
from peerage.actors.runtime.mail.process import current_process
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.starter import Starter


class Elsewhere(ABC):
    """A place that knows itself how an actor is started there. See `cluster/place.py`."""

    @abstractmethod
    def starter(
        self,
        cls: type[Any],
        name: str | None,
        host: str | None,
        extra: Any,
        start_timeout: float,
        linked_to: ActorRef[Any] | None,
        log_setup: Callable[[], None] | None,
    ) -> Starter[Any]:
        """What `ProcessActor.options` returns for this place. Args: its options."""


def kill_elsewhere(ref: ActorRef[Any]) -> bool:
    """Kill the process elsewhere of an actor for which a thread of this process stands. Returns: False, if none does."""
    process = current_process()
    serial = None if process is None else process.table.resolve(ref.host, ref.serial)
    return process is not None and serial is not None and kill_far_process(process, serial)


def refuse_with(place: Elsewhere, **options: Any) -> None:
    """Raises: ValueError, for an option that has no meaning outside the system's own processes."""
    for option, value in options.items():
        if value:
            raise ValueError(f"{option} is for an actor at home, not for one in {place}")
