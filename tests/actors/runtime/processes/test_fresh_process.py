"""Hosts that import everything anew."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from peerage.actors.runtime import THREAD, ActorStartError, Place, ProcessActor, System, watch
from tests.actors.runtime.cast import Echo

SOURCE = """
from peerage.actors.runtime import ProcessActor

class Versioned(ProcessActor):
    def on_receive(self, message):
        return {version}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that can be imported, and is forgotten afterwards."""
    path = tmp_path / "changed_meanwhile.py"
    path.write_text(SOURCE.format(version=1))
    monkeypatch.syspath_prepend(tmp_path)
    yield path
    sys.modules.pop(path.stem, None)


def test_a_fresh_process_has_the_code_as_it_is_now(module: Path) -> None:
    """Others have it as the fork server imported it. The program itself does not import it again."""
    System.current().shutdown()
    with System(preload=(module.stem,)):
        versioned: type[ProcessActor] = importlib.import_module(module.stem).Versioned
        assert versioned.start().ask(None) == 1
        module.write_text(SOURCE.format(version="'the second'"))
        assert versioned.start().ask(None) == 1
        assert versioned.options(fresh=True).start().ask(None) == "the second"
        assert versioned.options(place=THREAD).start().ask(None) == 1
        module.write_text("nonsense = (")
        with pytest.raises(SyntaxError):
            versioned.options(fresh=True).start()
        assert versioned.start().ask(None) == 1


class Resident(ProcessActor):
    """Tells what it has been given, and what its process has."""

    def __init__(self, argument: str) -> None:
        super().__init__()
        self.argument = argument

    def on_receive(self, message: Any) -> Any:
        match message:
            case "given":
                return self.argument, self.runtime.extra, os.read(self.runtime.fds["file"], 100)
            case "process":
                return os.getpid(), Path.cwd(), os.environ.get("CHANGED"), signal.pthread_sigmask(0, ())
        return [
            fd for fd in (int(path.name) for path in Path("/proc/self/fd").iterdir()) if _is_inheritable(fd)
        ]


def _is_inheritable(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:  # that of the listing
        return False


def test_it_is_a_host_like_others(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is given, where it runs, what programs that it starts get, who its parent is."""
    (tmp_path / "file").write_bytes(b"content")
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGED", "meanwhile")
    fresh = Resident.options(fresh=True, fds={"file": fd}, extra=[7]).start("argument")
    os.close(fd)
    assert fresh.ask("given") == ("argument", [7], b"content")
    pid, where, changed, blocked = fresh.ask("process")
    assert (where, changed, blocked) == (tmp_path, "meanwhile", set())
    assert [each for each in fresh.ask("inheritable") if each > 2] == []
    (plain_pid, *_) = Resident.start("").ask("process")
    assert psutil.Process(pid).ppid() == psutil.Process(plain_pid).ppid()
    ended = watch(fresh)
    os.kill(pid, signal.SIGKILL)
    assert "SIGKILL" in str(ended.wait(timeout=10))


def test_it_ends_with_its_system() -> None:
    """And leaves nothing."""
    System.current().shutdown()
    with System():
        pid = Resident.options(fresh=True).start("").ask("process")[0]
    assert not psutil.pid_exists(pid)


def test_what_its_constructor_raises_is_raised_where_it_is_started(system: System) -> None:
    """As by any other."""
    with pytest.raises(TypeError, match="argument"):
        Resident.options(fresh=True).start()
    with pytest.raises(ActorStartError, match="one"):
        [Resident.options(fresh=True, name="one").start("") for _ in range(2)]


@pytest.mark.parametrize("place", [THREAD, "other"])
def test_only_a_process_can_be_fresh(place: Place | str) -> None:
    """Elsewhere modules are there already."""
    with pytest.raises(ValueError, match="fresh=True is for place PROCESS"):
        Echo.options(place=place, fresh=True)
