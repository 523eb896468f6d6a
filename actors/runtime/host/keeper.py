"""What an actor's cell needs of its host, so that a cell can be built, read and tested without one."""

from __future__ import annotations

from typing import Protocol, TypeVar

from peerage.actors.runtime.mail.exit_reason import DownReason

C_contra = TypeVar("C_contra", contravariant=True)


class Keeper(Protocol[C_contra]):
    """A host, as the cells in it know it.

    Attribute: is_system_ending, whether the system has begun to end. An actor that fails from then on has most likely lost
    what it relied on, and is logged as a warning.
    """

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int: ...

    @property
    def is_system_ending(self) -> bool: ...

    def forget(self, cell: C_contra, /) -> None:
        """The actor is on its way out: nothing more is for it, and its name may be used again.

        Called before anybody is told of the end: a watcher may start a successor under the same name at once.
        """

    def on_end(self, cell: C_contra, reason: DownReason, /) -> None:
        """The actor has ended, and everybody was told. The host may close now, so this is the last thing a cell does."""
