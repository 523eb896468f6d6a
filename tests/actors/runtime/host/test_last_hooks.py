"""A last hook that fails keeps nobody waiting."""

from __future__ import annotations

import pytest

from peerage.actors.runtime import ProcessActor, StopIncompleteError
from peerage.actors.runtime.host.last_hooks import call_on_failure, call_on_stop
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.ref import ActorRef

REF = ActorRef[ProcessActor]("actor", "host", 4, system="test")
STOPPED = DownReason("normal", "stopped")


class Failing(ProcessActor):
    """Raises in its last hook, unless there is nothing to raise."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__()
        self.error = error
        self.failures: list[type[BaseException]] = []

    def on_stop(self) -> None:
        if self.error is not None:
            raise self.error

    def on_failure(self, *args: object) -> None:
        self.failures.append(args[0])  # type: ignore[arg-type]  # the exception's type
        if self.error is not None:
            raise self.error


def test_an_actor_that_stops_well_ends_for_the_given_reason() -> None:
    """Whatever that is."""
    assert call_on_stop(Failing(None), REF, STOPPED) == STOPPED


@pytest.mark.parametrize(
    ("error", "is_orderly", "has_traceback"),
    [
        (StopIncompleteError("two left"), True, False),
        (ValueError("boom"), False, True),
        (SystemExit(3), False, True),
    ],
)
def test_what_on_stop_raises_is_the_reason(
    error: BaseException, is_orderly: bool, has_traceback: bool
) -> None:
    """Work left undone is said on purpose, and needs no traceback."""
    reason = call_on_stop(Failing(error), REF, STOPPED)
    assert (reason.kind, reason.is_orderly, bool(reason.traceback)) == (
        "exception",
        is_orderly,
        has_traceback,
    )


@pytest.mark.parametrize("error", [None, ValueError("boom"), SystemExit(3)])
def test_on_failure_may_fail(error: BaseException | None) -> None:
    """It is logged, and the actor ends for what came first."""
    actor = Failing(error)
    call_on_failure(actor, REF, KeyError("first"))
    assert actor.failures == [KeyError]
