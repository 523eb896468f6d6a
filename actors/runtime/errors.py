"""What can go wrong between actors.

    Exception
    ├── pykka.ActorDeadError            the actor has ended, or ended before it answered
    │   ├── ForeignRefError             it belongs to another system: one that has ended, or the parent process's
    │   ├── ActorStartError             it was not started: name taken, host died, no answer in time
    │   │   ├── HostAliveError          a live host already has the name that it needs
    │   │   └── StartLimitError         a limit of the operating system is reached (also a LimitReachedError)
    │   └── LimitReachedError           a limit of the operating system prevents a connection to it, though it may be alive
    ├── pykka.Timeout                   no answer within the caller's own limit
    ├── MailboxFullError                the window to a mailbox stayed full
    ├── AskCycleError                   the ask would wait for itself through other actors
    ├── StreamLimitError                the actor answers as many in parts as it may
    ├── FutureCancelledError            the future was cancelled by its holder
    ├── NameTakenError                  another actor is registered under the name
    ├── RegistryFullError               the registry has as many names as it takes
    ├── CheckpointError                 what an actor wants its successor to know cannot be saved, or read
    ├── WorkQueueFullError              all workers of an actor are busy, and as much work waits as may
    ├── WorkerDiedError                 the process that did some work for an actor has ended
    ├── StopIncompleteError             raised by on_stop: the actor could not finish what it had to do before its end
    ├── RemoteFailureError              takes the place of a remote exception that cannot be pickled
    └── RemoteTraceback                 never raised: the `__cause__` that carries a remote traceback

Everything that means "there will be no answer" is an `ActorDeadError`, Pykka's own class: a program that catches it needs no
further clause. All of them survive pickling: `args` is always what the constructor takes, which pickle calls it with.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence

from pykka import ActorDeadError, Timeout

from peerage.actors.runtime.limits import lack_behind

MOST_CAUSES = 16  # of one exception that are looked at

__all__ = [
    "ActorDeadError",
    "ActorStartError",
    "AskCycleError",
    "CheckpointError",
    "ForeignRefError",
    "FutureCancelledError",
    "HostAliveError",
    "LimitReachedError",
    "MailboxFullError",
    "NameTakenError",
    "RegistryFullError",
    "RemoteFailureError",
    "RemoteTraceback",
    "StartLimitError",
    "StopIncompleteError",
    "StreamLimitError",
    "Timeout",
    "WorkQueueFullError",
    "WorkerDiedError",
]


class ForeignRefError(ActorDeadError):
    """The ref belongs to another system than the one that runs in this process, or none runs here.

    `actor` is the actor, as text; `reason` says where its system is and what to do instead; `has_ended` is whether that
    system is known to have ended.
    """

    def __init__(self, actor: str, reason: str, has_ended: bool) -> None:
        super().__init__(actor, reason, has_ended)
        self.actor, self.reason, self.has_ended = actor, reason, has_ended

    def __str__(self) -> str:
        return f"{self.actor} {self.reason}"


class ActorStartError(ActorDeadError):
    """The actor could not be started. `actor` is its name; `reason` is one line.

    An exception that the actor's own constructor or `on_start` raised is not wrapped in this: `start` raises it as it is.
    """

    def __init__(self, actor: str, reason: str) -> None:
        super().__init__(actor, reason)
        self.actor, self.reason = actor, reason

    def __str__(self) -> str:
        return f"actor {self.actor!r} did not start: {self.reason}"


class HostAliveError(ActorStartError):
    """A host named `host` is alive: the one with this `serial`. Whoever wants the name can wait for the end of that one."""

    def __init__(self, actor: str, host: str, serial: int) -> None:
        super().__init__(actor, f"a host named {host!r} is alive")
        self.args = actor, host, serial  # what pickle calls this class with; the base class has set two
        self.host, self.serial = host, serial


class LimitReachedError(ActorDeadError):
    """A limit of the operating system leaves no room for `what`: a connection to an actor, a mailbox, a whole system.

    `limit` is a clause that names the limit, its value, how much of it is used, and what helps. The actor may well be alive:
    once there is room, or the limit is raised, the same call succeeds. It is an `ActorDeadError` all the same, because no
    answer will come to this call.
    """

    def __init__(self, what: str, limit: str) -> None:
        super().__init__(what, limit)
        self.what, self.limit = what, limit

    def __str__(self) -> str:
        return f"no room for {self.what}: {self.limit}"


class StartLimitError(ActorStartError, LimitReachedError):
    """The actor was not started because a limit of the operating system is reached: `limit`, which is the `reason` as well.

    Supervisors treat it apart from other failed starts: they try again without counting it against the intensity.
    """


class CheckpointError(Exception):
    """What an actor wants its successor to know cannot be saved, or read. Args: path, of its file; cause, in words."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return f"{self.path}: {self.cause}"


class WorkQueueFullError(Exception):
    """All `workers` of the actor have work, and `waiting` more calls wait for them, which is as many as may."""

    def __init__(self, workers: int, waiting: int) -> None:
        super().__init__(workers, waiting)
        self.workers, self.waiting = workers, waiting

    def __str__(self) -> str:
        return f"all {self.workers} workers have work, and {self.waiting} more calls wait, which is as many as may"


class WorkerDiedError(Exception):
    """The process that called `function` for an actor has ended before it returned. `cause` says how."""

    def __init__(self, function: str, cause: str) -> None:
        super().__init__(function, cause)
        self.function, self.cause = function, cause

    def __str__(self) -> str:
        return f"the worker that called {self.function} has died: {self.cause}"


class StopIncompleteError(Exception):
    """To be raised by `on_stop` when the actor could not finish what it had to do before its end; the text says what.

    Logged as that text, without a traceback: it reports a loss, not a bug. Watchers get it as they get any exception.
    """


class MailboxFullError(Exception):
    """The window from this sender to `actor` is full: `messages` of together `size` bytes are not yet handled.

    `accepted` is for `tell_many`: how many messages had been sent before the one that did not fit.
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


class StreamLimitError(Exception):
    """`actor` gives as many answers in parts as it may at a time: `streams`. Others are begun once some have ended."""

    def __init__(self, actor: str, streams: int) -> None:
        super().__init__(actor, streams)
        self.actor, self.streams = actor, streams

    def __str__(self) -> str:
        return f"{self.actor!r} has {self.streams} open streams, as many as it may have"


class FutureCancelledError(Exception):
    """The future was cancelled before its answer came."""


class NameTakenError(Exception):
    """`name` is registered for another actor, `holder`, which is alive."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(name, holder)
        self.name, self.holder = name, holder

    def __str__(self) -> str:
        return f"the name {self.name!r} is taken by {self.holder}"


class RegistryFullError(Exception):
    """The registry of names and groups takes no more; the text says what there is too much of."""


class RemoteFailureError(Exception):
    """Takes the place of a remote exception that cannot be pickled. `kind` is its class's name, `text` its message."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind, self.text = kind, text

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class RemoteTraceback(Exception):  # noqa: N818 - a note on a cause, and no error
    """The traceback of the process in which an exception was raised, as text.

    Traceback objects cannot be pickled. As the `__cause__` of the exception, this text is printed above its local traceback.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


def limit_of(error: BaseException) -> str:
    """Which limit of the operating system is behind an exception, as a clause; empty if it has another cause."""
    return error.limit if isinstance(error, LimitReachedError) else lack_behind(error)


def limit_behind(error: BaseException) -> str:
    """As `limit_of`, for an exception or any of those that it was raised from."""
    cause: BaseException | None = error
    for _ in range(MOST_CAUSES):
        if cause is None:
            break
        if limit := limit_of(cause):
            return limit
        cause = cause.__cause__
    return ""


def text_of(error: BaseException) -> str:
    """An exception in a line: its class and its text."""
    text = saying_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def saying_of(error: BaseException) -> str:
    """The text of an exception."""
    try:
        return str(error)
    except Exception as fault:  # a bug in its `__str__` must not hide that it was raised
        return f"(its text cannot be made: {type(fault).__name__})"


def trace_of(error: BaseException) -> str:
    """The traceback of an exception, as Python prints it."""
    try:
        return "".join(traceback.format_exception(error))
    except (
        Exception
    ):  # as above: it asks the exception for `__notes__` and others, and its class may answer anything
        lines = traceback.format_tb(error.__traceback__)
        return "".join([*lines, f"{type(error).__qualname__}: {saying_of(error)}\n"])
