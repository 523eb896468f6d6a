"""The typed face of a supervisor: each method is one request, in the caller's time."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from peerage.actors.runtime import ActorRef
from peerage.supervisors.messages import (
    ChildCounts,
    ChildInfo,
    CountChildren,
    DeleteChild,
    GetChildSpec,
    RenewChild,
    RestartChild,
    StartChild,
    SupervisorRef,
    TerminateChild,
    WhichChildren,
)
from peerage.supervisors.spec import ChildType, Restart
from peerage.supervisors.strategy import Status
from tests.supervisors.parts import spec


class Asked(ActorRef[Any]):
    """Notes what it is asked; answers with what the test says."""

    def __init__(self, answer: Any) -> None:
        super().__init__("sup")
        self.answer = answer
        self.questions: list[tuple[Any, Any]] = []

    def ask(self, message: Any, *, timeout: Any = None, **_: Any) -> Any:
        self.questions.append((message, timeout))
        return self.answer


REF: ActorRef[Any] = ActorRef("a")
INFO = ChildInfo("a", "a", Status.RUNNING, REF, ChildType.WORKER, Restart.PERMANENT, 0, "")


@pytest.mark.parametrize(
    ("method", "arguments", "request_", "answer"),
    [
        ("start_child", (spec("a"),), StartChild(spec("a")), REF),
        ("terminate_child", ("a",), TerminateChild("a"), None),
        ("restart_child", ("a",), RestartChild("a"), REF),
        ("renew_child", ("a",), RenewChild("a"), None),
        ("delete_child", ("a",), DeleteChild("a"), None),
        ("which_children", (), WhichChildren(), (INFO,)),
        ("count_children", (), CountChildren(), ChildCounts(1, 1, 0, 1)),
        ("child_spec", ("a",), GetChildSpec("a"), spec("a")),
    ],
)
def test_each_method_is_one_request(
    method: str, arguments: tuple[Any, ...], request_: Any, answer: Any
) -> None:
    """Its answer is the supervisor's, within the ref's timeout."""
    ref = Asked(answer)
    assert getattr(SupervisorRef(ref, timeout=3.0), method)(*arguments) == answer
    assert ref.questions == [(request_, 3.0)]


def test_it_travels_like_a_ref() -> None:
    """With its timeout."""
    copy = pickle.loads(pickle.dumps(SupervisorRef(REF, 3.0)))
    assert (copy.ref, copy.timeout) == (REF, 3.0)


@pytest.mark.parametrize("value", [INFO, ChildCounts(1, 1, 0, 1), StartChild(spec("a"))])
def test_values_travel(value: Any) -> None:
    """A supervisor may live in another process."""
    assert pickle.loads(pickle.dumps(value)) == value
