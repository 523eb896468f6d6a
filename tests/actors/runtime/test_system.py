"""One system per process, one after another, each leaving nothing behind."""

from __future__ import annotations

import gc
import logging
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import zmq

from peerage.actors.runtime import (
    THREAD,
    ActorDeadError,
    ActorRef,
    ActorRegistry,
    ActorStartError,
    ProcessActor,
    System,
    watch,
)
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.processes import fork_server_client as forkserver_client
from tests.actors.runtime.cast import Echo, Worker
from tests.waiting import wait_until


def test_the_directory_is_private(system: System) -> None:
    """Only the owner may enter, and socket paths stay short."""
    mode = Path(system.directory).stat().st_mode
    assert stat.S_IMODE(mode) == 0o700
    assert len(system.directory) <= 80


def test_a_second_system_is_refused(system: System) -> None:
    """One at a time in one process."""
    with pytest.raises(RuntimeError, match="already runs"):
        System()


def test_hosts_and_actors_are_listed(system: System) -> None:
    """Names, processes, mailboxes."""
    ref = Worker.options(name="listed").start()
    Worker.options(name="thread", place=THREAD).start()
    child = ref.ask(("start",))
    assert [(facts.name, facts.pid) for facts in system.hosts()] == [
        ("listed", ref.pid()),
        ("thread", os.getpid()),
    ]
    assert {(row.actor, row.host) for row in system.actors()} == {
        ("listed", "listed"),
        (child.name, "listed"),
        ("thread", "thread"),
    }


def test_hosts_know_each_other(system: System) -> None:
    """Each host's table follows the root's."""
    one = Worker.options(name="one").start()
    two = Worker.options(name="two").start()
    assert one.ask(("ask", ActorRef.to("two"), ("system_from_inside",))) == ["one", "root", "two"]
    two.kill()
    watch(two).wait(20.0)
    with pytest.raises(ActorDeadError):
        one.ask(("ask", ActorRef.to("two"), ("pid",)))


def test_a_killed_host_leaves_no_socket_behind(system: System) -> None:
    """Whoever is told of its end finds its mailbox's socket gone, and those of its threads."""

    def sockets() -> list[str]:
        return sorted(path.name for path in Path(system.directory).iterdir() if path.is_socket())

    keeper = Worker.options(name="keeper").start()
    keeper.ask(("pid",))  # our own mailbox is there now
    before = sockets()
    victim = Worker.options(name="victim").start()
    victim.ask(("tell_from_thread", 1))
    assert len(sockets()) > len(before)
    victim.kill()
    watch(victim).wait(20.0)
    assert sockets() == before


def test_processes_carry_their_hosts_name(system: System) -> None:
    """`ps` shows who is who."""
    ref = Worker.options(name="titled").start()
    title = Path(f"/proc/{ref.pid()}/cmdline").read_bytes().rstrip(b"\0")
    assert title == b"peerage: titled"


def test_systems_follow_each_other_without_a_trace() -> None:
    """No descriptor, no thread, no process, no directory of the last one is left."""
    System.current().shutdown()
    before = _belongings()
    for _ in range(2):
        with System(title="again") as system:
            refs = [Echo.start(), Echo.options(place=THREAD).start()]
            assert [ref.ask("x") for ref in refs] == ["x", "x"]
            answers: list[Any] = []
            thread = threading.Thread(target=lambda: answers.append(refs[0].ask("y")))  # noqa: B023 - joined below
            thread.start()
            thread.join()
        assert not Path(system.directory).exists()
        assert ActorRegistry.get_all() == []
    gc.collect()
    # ZeroMQ's reaper closes the last descriptors a moment later: those of the system before may have counted in `before`.
    wait_until(lambda: all(now <= then for now, then in zip(_belongings(), before, strict=True)))


def _belongings() -> tuple[int, int, int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(children.split())


def test_after_shutdown_refs_are_dead() -> None:
    """Asks and tells fail, nothing hangs; the next start makes a new system."""
    ref = Echo.start()
    future = Worker.start().ask(("hold",), block=False)
    System.current().shutdown()
    with pytest.raises(ActorDeadError):
        future.get()
    with pytest.raises(ActorDeadError):
        ref.ask("x")
    with pytest.raises(ActorDeadError, match="has ended"):
        ref.tell("x")
    assert not ref.is_alive()
    assert ref.stop() is False
    assert Echo.start().ask("x") == "x"


def test_shutdown_stops_actors_gracefully() -> None:
    """on_stop runs in every host, and shutdown waits for it."""
    read, write = os.pipe()
    for name in ("old", "young"):
        Noted.options(name=name, fds={"out": write}).start()
    System.current().shutdown()
    assert sorted(os.read(read, 100).split()) == [b"old", b"young"]
    os.close(read)
    os.close(write)


class Noted(ProcessActor):
    def on_stop(self) -> None:
        os.write(self.runtime.fds["out"], self.actor_urn.encode() + b" ")


def test_shutdown_kills_actors_that_do_not_stop() -> None:
    """After the grace."""
    gate = os.eventfd(0)
    ref = Deaf.options(fds={"gate": gate}).start()
    pid = ref.pid()
    ref.tell("block")
    System.current().shutdown(grace=0.2)
    os.close(gate)
    assert not Path(f"/proc/{pid}").exists()


class Deaf(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        os.eventfd_read(self.runtime.fds["gate"])


DAEMON = """
import threading
from peerage.actors.runtime import ProcessActor, System
from peerage.actors.runtime.mail.process import current_port

has_a_port, is_over, is_locked = threading.Event(), threading.Event(), threading.Event()

def tell_to_the_end():
    port = current_port()
    has_a_port.set()
    is_over.wait()
    with port.lock:  # as in the middle of a tell
        is_locked.set()
        threading.Event().wait()

system = System()
threading.Thread(target=tell_to_the_end, daemon=True).start()
has_a_port.wait()
system.shutdown()
is_over.set()
is_locked.wait()
"""


def test_a_daemon_thread_that_sends_to_the_end_does_not_keep_the_program() -> None:
    """Python stops it for good wherever it is, with the lock of its mailbox in its hands."""
    subprocess.run([sys.executable, "-c", DAEMON], timeout=60, check=True)


def test_the_log_is_set_up_in_every_host() -> None:
    """log_setup runs first in each new process."""
    System.current().shutdown()
    with System(log_setup=_mark_environment, preload=("json", "no_such_module")):
        assert ReadsMark.start().ask("x") == "set up"


def test_a_module_that_starts_threads_is_not_preloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process with threads must not be forked: the fork server is made anew without it, and the hosts import it."""
    (tmp_path / "threaded_module.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    System.current().shutdown()
    with System(preload=("json", "threaded_module", "decimal")) as system:
        first = system.fork_server_pid
        assert Echo.start().ask("x") == "x"
        assert system.fork_server_pid != first
        assert len(list(Path(f"/proc/{system.fork_server_pid}/task").iterdir())) == 1
        assert ListsModules.start().ask("x") == {"json", "decimal"}


class ListsModules(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return {name for name in ("json", "decimal", "threaded_module") if name in sys.modules}


def _mark_environment() -> None:
    os.environ["PEERAGE_TEST_MARK"] = "set up"


class ReadsMark(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return os.environ.get("PEERAGE_TEST_MARK")


def test_a_host_sees_the_embedders_environment_of_now(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of the moment the fork server started."""
    monkeypatch.setenv("PEERAGE_TEST_MARK", "later")
    assert ReadsMark.start().ask("x") == "later"


def test_a_fork_of_the_embedder_has_no_system(system: System) -> None:
    """It neither uses nor disturbs its parent's."""
    ref = Echo.start()
    pid = os.fork()
    if pid == 0:
        try:
            ref.ask("x")
        except ActorDeadError:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    assert ref.ask("x") == "x"


def test_a_fork_server_that_cannot_live_fails_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that cannot import the runtime is told of, not waited for."""
    System.current().shutdown()
    monkeypatch.setattr(forkserver_client, "PROGRAM", "raise SystemExit(7)")
    with System(), pytest.raises(ActorStartError, match=r"keeps dying.*code 7"):
        Echo.start()


def test_zmq_belongs_to_the_system_alone(system: System) -> None:
    """The program's own global ZeroMQ context is not touched."""
    assert zmq.Context.instance() is not system.process.network.context
    zmq.Context.instance().term()


def test_a_host_name_of_the_root_is_refused(system: System) -> None:
    """It is taken."""
    with pytest.raises(ActorStartError, match="taken"):
        Echo.options(name="root").start()


@pytest.mark.parametrize(("killed", "level"), [(False, logging.DEBUG), (True, logging.ERROR)])
def test_hosts_come_and_go_in_silence_unless_they_are_killed(
    system: System, caplog: pytest.LogCaptureFixture, killed: bool, level: int
) -> None:
    """A part of a node has a name for its operator, and its supervisor tells of it; a process that was killed is news."""
    with caplog.at_level(logging.DEBUG, logger="peerage.runtime"):
        ref = Echo.options(name="visitor").start()
        ref.kill() if killed else ref.stop()
        assert current_port().wait(lambda: not system.hosts(), 20.0)
        wait_until(lambda: "host ended" in caplog.text)
    told = {record.getMessage().partition(":")[0]: record.levelno for record in caplog.records}
    assert (told["host started"], told["host ended"]) == (logging.DEBUG, level)
