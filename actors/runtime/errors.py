"""What can go wrong between actors.

    Exception
    ├── pykka.ActorDeadError            the actor has ended, or ended before it answered
    │   ├── ForeignRefError             it is of another system: one that has ended, or the parent process's
    │   ├── ActorStartError             it never came to life: name taken, host died, no answer in time
    │   │   ├── HostAliveError          a host of the name that it needs lives
    │   │   └── StartLimitError         a limit of the operating system is reached (a LimitReachedError, too)
    │   └── LimitReachedError           a limit of the operating system leaves no room for a way to it, though it may live
    ├── pykka.Timeout                   no answer within the caller's own limit
    ├── MailboxFullError                the window to a mailbox stayed full
    ├── AskCycleError                   the ask would wait for itself through other actors
    ├── FutureCancelledError            the future was cancelled by its holder
    ├── StopIncompleteError             raised by on_stop: what the actor owed at its end could not be done
    ├── RemoteFailureError              stands for a remote exception that cannot be pickled
    └── RemoteTraceback                 never raised: the `__cause__` that carries a remote traceback

All of them survive pickling.
"""

from __future__ import annotations

from collections.abc import Sequence

from pykka import ActorDeadError, Timeout

from peerage.actors.runtime.limits import lack_behind

__all__ = [
    "ActorDeadError",
    "ActorStartError",
    "AskCycleError",
    "ForeignRefError",
    "FutureCancelledError",
    "HostAliveError",
    "LimitReachedError",
    "MailboxFullError",
    "RemoteFailureError",
    "RemoteTraceback",
    "StartLimitError",
    "StopIncompleteError",
    "Timeout",
]


class ForeignRefError(ActorDeadError):
    """The ref leads to an actor of another system than the one that runs here, if one does.

    `actor` names it, `reason` says where it is and what to do instead; `has_ended`, whether its system is known to have
    ended.
    """

    def __init__(self, actor: str, reason: str, has_ended: bool) -> None:
        super().__init__(actor, reason, has_ended)
        self.actor, self.reason, self.has_ended = actor, reason, has_ended

    def __str__(self) -> str:
        return f"{self.actor} {self.reason}"


class ActorStartError(ActorDeadError):
    """The actor could not be started. `actor` is its name, `reason` says why in a line."""

    def __init__(self, actor: str, reason: str) -> None:
        super().__init__(actor, reason)
        self.actor, self.reason = actor, reason

    def __str__(self) -> str:
        return f"actor {self.actor!r} did not start: {self.reason}"


class HostAliveError(ActorStartError):
    """A host named `host` lives: the one with this `serial`."""

    def __init__(self, actor: str, host: str, serial: int) -> None:
        super().__init__(actor, f"a host named {host!r} is alive")
        self.args = actor, host, serial
        self.host, self.serial = host, serial


class LimitReachedError(ActorDeadError):
    """There is no room for `what` now (a way to an actor that may well live, a mailbox, a system), for a limit of the
    operating system is reached; `limit` says which, its value, how much of it is used, and what helps. Once there is room,
    or the limit is raised, the same call succeeds.
    """

    def __init__(self, what: str, limit: str) -> None:
        super().__init__(what, limit)
        self.what, self.limit = what, limit

    def __str__(self) -> str:
        return f"no room for {self.what}: {self.limit}"


class StartLimitError(ActorStartError, LimitReachedError):
    """The actor was not started, for a limit of the operating system is reached; `limit` says which, as `reason` does."""


class StopIncompleteError(Exception):
    """To be raised by `on_stop` when something that the actor owed at its end could not be done; the text says what.

    It is logged as that text, without a traceback. Watchers hear of it as of any exception.
    """


class MailboxFullError(Exception):
    """The window from this sender to `actor` is full: `messages` and `size` bytes are not yet handled.

    Of a `tell_many`, `accepted` messages had gone before the one that did not fit.
    """

    def __init__(self, actor: str, messages: int, size: int, accepted: int = 0) -> None:
        super().__init__(actor, messages, size, accepted)
        self.actor, self.messages, self.size, self.accepted = actor, messages, size, accepted

    def __str__(self) -> str:
        return (
            f"mailbox of {self.actor!r} is full: {self.messages} messages, {self.size} bytes not yet handled"
        )


class AskCycleError(Exception):
    """The ask waits for itself. `cycle` names the actors in order, the first one again at the end."""

    def __init__(self, cycle: Sequence[str]) -> None:
        super().__init__(tuple(cycle))
        self.cycle = tuple(cycle)

    def __str__(self) -> str:
        return f"ask would wait for itself: {' -> '.join(self.cycle)}"


class FutureCancelledError(Exception):
    """The future was cancelled before its answer came."""


class RemoteFailureError(Exception):
    """Stands for a remote exception that cannot be pickled. `kind` is its class, `text` its message."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind, self.text = kind, text

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class RemoteTraceback(Exception):  # noqa: N818 - it is a note on a cause, never raised by itself
    """The traceback of the process in which an exception was raised, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


def limit_of(error: BaseException) -> str:
    """Which limit of the operating system an exception comes from, in a clause; empty for one that has another cause."""
    return error.limit if isinstance(error, LimitReachedError) else lack_behind(error)


def text_of(error: BaseException) -> str:
    """An exception in a line: its kind and what it says."""
    text = saying_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def saying_of(error: BaseException) -> str:
    """What an exception says. One that fails to say it must not hide that it was raised."""
    try:
        return str(error)
    except Exception as fault:
        return f"(its text cannot be made: {type(fault).__name__})"
