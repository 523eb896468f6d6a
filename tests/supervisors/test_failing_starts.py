"""However a start fails, its supervisor hears of it, counts it, and gives up in the end."""

import errno
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import HERE, PROCESS, THREAD, Place, ProcessActor, Timeout, watch
from peerage.actors.runtime.processes.host_records import HostRecords
from peerage.supervisors import ChildSpec, Flags, Intensity, Start, Supervisor, SupervisorRef
from peerage.supervisors.errors import ChildSpecError, ChildStartError
from peerage.supervisors.intensity import Backoff

PATIENCE_S = 20.0
PLACES = pytest.mark.parametrize("place", [PROCESS, THREAD, HERE])


class Once(ProcessActor):
    """Starts well if it is the first; later it fails as it is told."""

    def __init__(self, mark: Path, failure: BaseException | float) -> None:
        super().__init__()
        self._is_first = not mark.exists()
        self._failure = failure
        mark.touch()

    def on_start(self) -> None:
        if self._is_first:
            return
        if isinstance(self._failure, BaseException):
            raise self._failure
        self.runtime.call_later(60.0, lambda: None)
        watch(self.actor_ref).wait(self._failure)  # Timeout, after so many seconds

    def on_receive(self, message: Any) -> Any:
        raise SystemExit(message)


def supervise(*specs: ChildSpec, restarts: int = 1, period: float = 60.0) -> SupervisorRef:
    flags = Flags(intensity=Intensity(restarts, period), backoff=Backoff(base=0))
    return SupervisorRef(Supervisor.options(place=THREAD).start(specs, flags), PATIENCE_S)


def spec(place: Place, *args: Any) -> ChildSpec:
    return ChildSpec(id="part", start=Start.of(Once, *args).using(place=place))


@PLACES
@pytest.mark.parametrize(
    "failure", [SystemExit(3), Timeout("nothing came"), OSError(errno.EAGAIN, "no more")]
)
def test_a_restart_counts_however_it_fails(tmp_path: Path, place: Place, failure: BaseException) -> None:
    supervisor = supervise(spec(place, tmp_path / "mark", failure))
    end = watch(supervisor.ref)
    supervisor.which_children()[0].ref.tell(1)  # type: ignore[union-attr]  # it runs
    reason = end.wait(PATIENCE_S)
    assert reason.text.startswith("SupervisorGaveUpError")
    assert type(failure).__name__ in reason.text


@PLACES
def test_starts_that_fail_slowly_end_in_giving_up(tmp_path: Path, place: Place) -> None:
    """Each takes longer than the period in which restarts are counted."""
    supervisor = supervise(spec(place, tmp_path / "mark", 0.2), period=0.1)
    end = watch(supervisor.ref)
    supervisor.which_children()[0].ref.tell(1)  # type: ignore[union-attr]  # it runs
    reason = end.wait(PATIENCE_S)
    assert "needed restart 2" in reason.text


@pytest.mark.parametrize("place", [PROCESS, THREAD])
def test_a_start_that_the_root_cannot_do_counts(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its reason: nobody lives on without the part. A first start and one by request fail for the same."""
    supervisor = supervise(spec(place, tmp_path / "mark", 0.0))
    end = watch(supervisor.ref)

    def broken(*_: Any) -> Any:
        raise RuntimeError("no leave today")

    monkeypatch.setattr(HostRecords, "add", broken)
    with pytest.raises(ChildStartError, match="no leave today"):
        supervisor.start_child(spec(place, tmp_path / "other").instance("other"))
    supervisor.which_children()[0].ref.tell(1)  # type: ignore[union-attr]  # it runs
    reason = end.wait(PATIENCE_S)
    for word in ("SupervisorGaveUpError", "'part'", "no leave today"):
        assert word in reason.text


def test_a_request_that_makes_no_sense_is_answered_and_ends_nobody(tmp_path: Path) -> None:
    supervisor = supervise(spec(THREAD, tmp_path / "mark", 0.0))
    with pytest.raises(ChildSpecError, match="allowed is a ChildSpec"):
        supervisor.start_child("nonsense")  # type: ignore[arg-type]  # on purpose
    assert supervisor.count_children().active == 1
    supervisor.ref.stop()


class Brief(ProcessActor):
    """Writes its name when it starts, and fails if it is told to."""

    def __init__(self, journal: Path, name: str, *, fails: bool = False) -> None:
        super().__init__()
        with journal.open("a") as file:
            file.write(f"{name}\n")
        if fails:
            raise ValueError(name)


def test_the_first_children_start_in_order_though_their_processes_are_made_together(tmp_path: Path) -> None:
    """When one fails, none behind it has started, its process is gone, and its name is free."""
    journal = tmp_path / "journal"
    names = [f"child-{number}" for number in range(12)]

    def specs(failing: str) -> list[ChildSpec]:
        return [
            ChildSpec(name, Start.of(Brief, journal, name, fails=name == failing).using(place=PROCESS))
            for name in names
        ]

    with pytest.raises(ChildStartError, match="child-3"):
        supervise(*specs("child-3"))
    assert journal.read_text().split() == names[:4]
    journal.unlink()
    supervisor = supervise(*specs(""))
    assert journal.read_text().split() == names
    supervisor.ref.stop()
