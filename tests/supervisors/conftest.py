"""What the tests of this room share."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import THREAD, ActorDeadError, System, Timeout
from peerage.supervisors.intensity import Backoff, Intensity
from peerage.supervisors.messages import ChildInfo, SupervisorRef
from peerage.supervisors.spec import ChildSpec, Flags, Start
from peerage.supervisors.strategy import Status
from peerage.supervisors.supervisor import Supervisor
from tests.supervisors.journal import PATIENCE_S, Journal, Worker

MakeChild = Callable[..., ChildSpec]
RunSupervisor = Callable[..., SupervisorRef]
ON_THE_WAY = (Status.STARTING, Status.RESTARTING)


def settled(supervisor: SupervisorRef) -> tuple[ChildInfo, ...]:
    """Ask for the children until none of them is on its way up: a child has written its line before that is known."""
    deadline = time.monotonic() + PATIENCE_S
    found = supervisor.which_children()
    while any(child.status in ON_THE_WAY for child in found):
        assert time.monotonic() < deadline, found
        found = supervisor.which_children()
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """The journal of this test's workers."""
    book = Journal(tmp_path)
    yield book
    book.close()


@pytest.fixture
def worker(tmp_path: Path) -> MakeChild:
    """worker("a", restart=…, …) is the spec of a Worker on a thread; options={…} changes where."""

    def make(name: str, *, options: dict[str, Any] | None = None, note: str = "", **fields: Any) -> ChildSpec:
        start = Start.of(Worker, tmp_path, name, note=note).using(**({"place": THREAD} | (options or {})))
        return ChildSpec(name, start, **fields)

    return make


@pytest.fixture
def supervise(journal: Journal) -> Iterator[RunSupervisor]:
    """supervise(*specs, strategy=…, restarts=…) starts a supervisor on a thread; it is stopped after the
    test."""
    started = []

    def run(
        *specs: ChildSpec,
        restarts: int = 5,
        backoff: Backoff = Backoff(base=0),  # noqa: B008 - a frozen value
        name: str = "sup",
        **flags: Any,
    ) -> SupervisorRef:
        ref = Supervisor.options(name=name, place=THREAD).start(
            specs, Flags(intensity=Intensity(restarts, 60.0), backoff=backoff, **flags)
        )
        started.append(ref)
        return SupervisorRef(ref, PATIENCE_S)

    yield run
    try:
        for ref in started:
            with contextlib.suppress(ActorDeadError):
                ref.stop(timeout=PATIENCE_S)
    except Timeout:
        System.current().shutdown()  # or its actors' names would fail all tests that follow
        raise
