"""The error tree: every member survives pickling and says what happened."""

from __future__ import annotations

import pickle

import pytest

from peerage.actors.runtime import (
    ActorDeadError,
    ActorStartError,
    AskCycleError,
    CheckpointError,
    FutureCancelledError,
    LimitReachedError,
    MailboxFullError,
    NameTakenError,
    RegistryFullError,
    RemoteFailureError,
    RemoteTraceback,
    StartLimitError,
    WorkerDiedError,
    WorkQueueFullError,
)
from peerage.actors.runtime.errors import limit_behind


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ActorStartError("switch", "no host"), "actor 'switch' did not start: no host"),
        (StartLimitError("switch", "full"), "actor 'switch' did not start: full"),
        (LimitReachedError("a way to host 'x'", "full"), "no room for a way to host 'x': full"),
        (AskCycleError(["a", "b", "a"]), "ask would wait for itself: a -> b -> a"),
        (
            MailboxFullError("switch", 3, 40),
            "mailbox of 'switch' is full: 3 messages, 40 bytes not yet handled",
        ),
        (RemoteFailureError("KeyError", "'x'"), "KeyError: 'x'"),
        (NameTakenError("prices", "P (p)"), "the name 'prices' is taken by P (p)"),
        (RegistryFullError("3 names are entered"), "3 names are entered"),
        (RemoteTraceback("trace"), "\ntrace"),
        (FutureCancelledError("cancelled"), "cancelled"),
        (CheckpointError("/x", "full"), "/x: full"),
        (WorkQueueFullError(2, 3), "all 2 workers have work, and 3 more calls wait, which is as many as may"),
        (WorkerDiedError("f", "killed"), "the worker that called f has died: killed"),
    ],
)
def test_errors_survive_pickling(error: Exception, text: str) -> None:
    """Same class, same words, same attributes."""
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error) == text
    assert vars(again) == vars(error)


def test_a_failed_start_is_a_death() -> None:
    """Whoever handles ActorDeadError handles it too."""
    assert issubclass(ActorStartError, ActorDeadError)


def test_a_limit_is_found_behind_what_was_raised_from_it() -> None:
    """A start that failed for want of room is one error inside another."""
    limit = StartLimitError("a", "RLIMIT_NOFILE is 64")
    outer = ValueError("child did not start")
    outer.__cause__ = RuntimeError("in between")
    outer.__cause__.__cause__ = limit
    assert limit_behind(outer) == limit_behind(limit) == "RLIMIT_NOFILE is 64"
    assert limit_behind(ValueError("else")) == ""
    outer.__cause__.__cause__ = outer  # a circle
    assert limit_behind(outer) == ""
