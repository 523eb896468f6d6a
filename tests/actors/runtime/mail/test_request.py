"""Whoever asks the root or a host for something is answered, whatever goes wrong there, and nothing is left of it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorRef,
    ActorStartError,
    Place,
    ProcessActor,
    System,
)
from peerage.actors.runtime.errors import text_of
from peerage.actors.runtime.host.loop_thread import LoopThread
from peerage.actors.runtime.mail.codec import decode, decode_failure, dumps
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.request import Request, answering
from peerage.actors.runtime.processes import host_maker, thread_host
from tests.actors.runtime.cast import Worker
from tests.actors.runtime.processes.test_fork_server import kill_fork_server


class Post:
    """Stands for a port: keeps what it is to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int, int, Any]] = []

    def send(self, address: int, kind: int, corr: int, *, body: bytes) -> None:
        value = decode_failure(body) if kind == Kind.FAIL else decode(0, body, ())
        self.sent.append((address, kind, corr, value))


@pytest.fixture
def post() -> Post:
    return Post()


def ask(post: Post, serve: Callable[..., object]) -> None:
    answering(post, serve)(0, 7, 3, b"target", b"", b"body", (), 4)  # type: ignore[arg-type]  # it sends


def fail(*_: Any) -> None:
    raise ValueError("boom")


def test_an_answer_goes_to_the_asker(post: Post) -> None:
    """Once: what comes after the first is dropped."""

    def serve(request: Request, target: bytes, body: bytes) -> None:
        request.answer((target, body))
        request.answer("again")
        request.refuse(ValueError("too late"))

    ask(post, serve)
    assert post.sent == [(7, Kind.REPLY, 3, (b"target", b"body"))]


def test_what_a_step_raises_is_the_answer_and_is_logged_once(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """A handler needs no `try` of its own."""
    ask(post, fail)
    [(address, kind, corr, error)] = post.sent
    assert (address, kind, corr, repr(error)) == (7, Kind.FAIL, 3, "ValueError('boom')")
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["request failed"]


def test_a_later_step_that_raises_is_answered_too(post: Post) -> None:
    """A timer's, or one that a death has made way for."""
    waiting: list[Request] = []
    ask(post, lambda request, _target, _body: waiting.append(request))
    assert not post.sent
    waiting[0].serve(fail)
    assert [sent[:3] for sent in post.sent] == [(7, Kind.FAIL, 3)]


def test_what_was_made_for_a_refused_request_is_undone_last_first(post: Post) -> None:
    """Each of it, even if undoing one fails; and once only."""
    undone: list[str] = []

    def serve(request: Request, _target: bytes, _body: bytes) -> None:
        for name in ("first", "second"):
            request.on_refusal(undone.append, name)
            request.on_refusal(fail)
        request.serve(fail)
        request.refuse(ValueError("again"))

    ask(post, serve)
    assert undone == ["second", "first"]
    assert len(post.sent) == 1


def test_an_error_that_cannot_say_what_it_is_is_answered_too(post: Post) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

        def __reduce__(self) -> Any:
            raise TypeError

    def serve(request: Request, _target: bytes, _body: bytes) -> None:
        raise MuteError

    ask(post, serve)
    assert "MuteError" in text_of(post.sent[0][3])


# Starts


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_a_start_that_the_root_cannot_do_fails_at_once_with_its_reason(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is free again, and the descriptors that were passed are closed."""
    read, write = os.pipe()
    with monkeypatch.context() as broken:
        broken.setattr(host_maker, "import_path", raising(RuntimeError("no path today")))
        with pytest.raises(ActorStartError, match="'part' did not start: RuntimeError: no path today"):
            Worker.options(name="part", fds={"pipe": read}).start()
    os.close(read)
    with pytest.raises(BrokenPipeError):  # nobody has a copy of it
        os.write(write, b"x")
    os.close(write)
    assert Worker.options(name="part").start().ask(("pid",)) != os.getpid()


def test_everybody_who_waits_for_a_start_that_cannot_be_done_is_answered(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes on when its predecessor has gone is guarded as what happens at once."""
    ref = Worker.options(name="part").start()
    ref.kill()  # its death is not known yet: the starts wait for it
    with monkeypatch.context() as broken:
        broken.setattr(host_maker, "import_path", raising(RuntimeError("no path today")))
        for _ in range(2):
            with pytest.raises(ActorStartError, match="no path today"):
                Worker.options(name="part").start()
    assert Worker.options(name="part").start().ask(("pid",)) != os.getpid()


def test_a_thread_that_cannot_be_started_leaves_its_name(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a host that never comes."""
    with monkeypatch.context() as broken:
        broken.setattr(thread_host, "Host", raising(OSError(errno.EIO, "out of order")))
        with pytest.raises(ActorStartError, match=r"its thread cannot be started: OSError: .*out of order"):
            Worker.options(name="part", place=THREAD).start()
    assert Worker.options(name="part", place=THREAD).start().ask(("pid",)) == os.getpid()


@pytest.mark.parametrize("option", ["name", "host"])
@pytest.mark.parametrize("name", [1025 * "x", 513 * "ü", "a\0b", "a\udcffb"])
def test_a_name_that_cannot_stand_in_a_message_is_refused_at_once(option: str, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{option} '"):
        Worker.options(**{option: name})  # type: ignore[arg-type]  # both are names


class Leaves(ProcessActor):
    def on_start(self) -> None:
        raise SystemExit(3)


@pytest.mark.parametrize("at", [PROCESS, THREAD])
def test_an_actor_that_leaves_while_it_starts_ends_nobody_else(system: System, at: Place) -> None:
    """SystemExit is the actor's: its starter gets an error that it can handle."""
    with pytest.raises(ActorStartError, match="SystemExit: 3"):
        Leaves.options(place=at).start()


class Unreadable:
    """Arrives nowhere."""

    def __reduce__(self) -> Any:
        return raising_at_once, ()


def raising_at_once() -> None:
    raise LookupError("not to be read")


def test_a_start_message_that_cannot_be_read_is_answered(worker: ActorRef[Worker]) -> None:
    """In a host that lives on."""
    with pytest.raises(LookupError, match="not to be read"):
        Worker.options(place=worker, extra=Unreadable()).start()
    assert worker.ask(("log", 1)) == [1]


def failing_setup() -> None:
    raise LookupError("no place to log to")


def test_a_host_that_ends_before_it_can_speak_gives_its_reason(system: System) -> None:
    """Not just an exit code."""
    with pytest.raises(ActorStartError, match="exited with code 1: LookupError: no place to log to"):
        Worker.options(log_setup=failing_setup).start()


def test_a_question_that_a_host_cannot_answer_ends_no_host(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asker gets the error, the actors go on."""
    ref = Worker.options(place=THREAD).start()
    host = next(
        host
        for host in system.process.hosts.values()
        if isinstance(host, LoopThread) and host.name == ref.host
    )
    monkeypatch.setattr(host.residents, "statistics", raising(RuntimeError("no figures")))
    with pytest.raises(RuntimeError, match="no figures"):
        current_port().requests.ask(host.port.address, Kind.QUERY, "actors").get(timeout=5.0)
    assert ref.ask(("log", 1)) == [1]


# Where a process is


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This program's directory is deleted."""
    place = tmp_path / "release-1"
    place.mkdir()
    monkeypatch.chdir(place)
    place.rmdir()
    return place


def where(ref: ActorRef[Worker]) -> str:
    return str(Path(f"/proc/{ref.pid()}/cwd").readlink())


def test_actors_start_in_a_directory_that_is_gone(system: System, lost: Path) -> None:
    """They are where the program is: elsewhere, a relative path would mean another file."""
    assert where(Worker.start()) == f"{lost} (deleted)"


def test_the_fork_server_starts_again_in_a_directory_that_is_gone(system: System, lost: Path) -> None:
    kill_fork_server(system)
    assert where(Worker.start()) == f"{lost} (deleted)"


def test_an_actor_is_where_the_program_is_now(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not where it was when its fork server started; and it stays there."""
    monkeypatch.chdir(tmp_path)
    ref = Worker.start()
    monkeypatch.chdir("/")
    assert where(ref) == str(tmp_path)
    assert where(Worker.start()) == "/"


def test_a_restart_in_a_directory_that_is_gone(system: System, lost: Path) -> None:
    """From within an actor, too."""
    inside: ActorRef[Worker] = Worker.start().ask(("start", PROCESS))
    assert where(inside) == f"{lost} (deleted)"
    assert inside.ask(("start", HERE)).is_alive()


# The fork server


def test_a_fork_server_that_cannot_be_started_again_fails_the_starts_until_it_can(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each start says why, and tries; what runs goes on."""
    ref = Worker.start()
    with monkeypatch.context() as broken:
        broken.setattr(subprocess, "Popen", raising(PermissionError(errno.EACCES, "not now")))
        os.kill(system.fork_server_pid, 9)
        for _ in range(2):
            with pytest.raises(ActorStartError, match=r"fork server cannot be started again: .*not now"):
                Worker.options(name="part").start()
        assert ref.ask(("log", 1)) == [1]
    assert Worker.options(name="part").start().ask(("pid",)) != ref.pid()


def test_a_change_of_the_environment_by_another_thread_holds_up_no_start(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that goes while the environment is read is left out."""

    class Changing(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            return None if key == "GONE" else super().get(key, default)

        def __getitem__(self, key: str) -> str:
            if key == "GONE":
                raise KeyError(key)
            return super().__getitem__(key)

    monkeypatch.setattr(os, "environ", Changing(os.environ, GONE="x"))
    assert Worker.start().ask(("pid",)) != os.getpid()


def test_a_pickled_request_body_that_is_nonsense_is_answered(system: System) -> None:
    """By the root as by any host."""
    for kind in (Kind.SPAWN, Kind.RESERVE, Kind.KILL):
        with pytest.raises((TypeError, ValueError)):
            current_port().requests.ask_packed(1 << 20, kind, dumps(0)).get(timeout=5.0)


def test_a_system_that_cannot_be_made_leaves_nothing() -> None:
    """No process, no descriptor, no directory; and the next one can be made."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTY_SYSTEMS],
        env={**os.environ, "RUNTIME_DIRECTORY": str(place := Path(tempfile.mkdtemp(dir="/tmp")))},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    left = list(place.iterdir())
    place.rmdir()
    assert (done.returncode, done.stdout, left) == (
        0,
        "TypeError\nLimitReachedError\nLimitReachedError\n[0, 0]\nstarted\n",
        [],
    )


FAULTY_SYSTEMS = """
import os, psutil, subprocess, threading
from peerage.actors.runtime import ProcessActor, System
from peerage.actors.runtime import system as module

class Worker(ProcessActor):
    pass

def fail(*_, **__):
    raise OSError(11, "no more")

def attempt(**options):
    try:
        System(**options)
    except Exception as error:
        print(type(error).__name__)

def left():
    return len(os.listdir("/proc/self/fd")), len(psutil.Process().children())

lock = threading.Lock()
import zmq; zmq.Context.instance().term()
before = left()
attempt(log_setup=lambda: lock)
whole, module.Root = module.Root, fail
attempt()
module.Root = whole
popen, subprocess.Popen = subprocess.Popen, fail
attempt()
subprocess.Popen = popen
print([now - then for now, then in zip(left(), before)])
Worker.start()
print("started")
"""
