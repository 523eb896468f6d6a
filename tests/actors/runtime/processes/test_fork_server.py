"""The fork server may die at any moment: nobody but the log notices."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from peerage.actors.runtime import ActorRef, System, watch
from peerage.actors.runtime.mail.process import current_port
from tests.actors.runtime.cast import Worker

START_LIMIT_S = 30.0  # a new fork server imports everything


def kill_fork_server(system: System) -> None:
    pid = system.fork_server_pid
    os.kill(pid, signal.SIGKILL)
    assert current_port().wait(lambda: system.fork_server_pid != pid, 20.0)


def test_hosts_outlive_their_fork_server(system: System) -> None:
    """They are watched by their own descriptors."""
    ref = Worker.start()
    kill_fork_server(system)
    assert ref.ask(("pid",)) == ref.pid()


def test_a_new_fork_server_serves(system: System) -> None:
    """Starting goes on."""
    kill_fork_server(system)
    assert Worker.start().ask(("pid",)) != os.getpid()


def test_the_death_of_an_orphaned_host_is_noticed(system: System) -> None:
    """Its parent cannot tell the status any more; that it is dead is known all the same."""
    ref = Worker.start()
    seen = watch(ref)
    kill_fork_server(system)
    ref.kill()
    assert seen.wait(20.0).kind == "killed"


def test_starts_in_flight_survive_the_fork_servers_death(system: System) -> None:
    """Asked again of its successor, none twice."""
    os.kill(system.fork_server_pid, signal.SIGSTOP)
    pid = system.fork_server_pid
    starting = [StartInThread(name) for name in ("one", "two")]
    os.kill(pid, signal.SIGKILL)
    refs = [result.get(START_LIMIT_S) for result in starting]
    assert [ref.ask(("facts",))[0] for ref in refs] == ["one", "two"]


class StartInThread:
    """A start in another thread."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._future = self._pool.submit(Worker.options(name=name).start)

    def get(self, timeout: float) -> ActorRef[Worker]:
        try:
            return self._future.result(timeout)
        finally:
            self._pool.shutdown()


IMPORTS = """
import gc, os, socket, sys
from peerage.actors.runtime.processes import fork_server
from peerage.actors.runtime.processes.fd_channel import receive_message
from tests.actors.runtime.processes.fakes import boot_of

ours, theirs = socket.socketpair()
reader, writer = os.pipe()
server = fork_server._Server(theirs, reader, "/nowhere")
names = ("zipapp", "wave", "no_such_module", "sched")

def imported():
    return [name for name in names if name in sys.modules]

server._handle(("preload", names, sys.path[:]), [])
print(imported(), gc.isenabled())
server._import_for(boot_of(module="wave"))
print(imported(), gc.isenabled())
server._import_for(boot_of(module="wave"))
server._import_for(boot_of(module="elsewhere"))
print(imported())
server._import_for(boot_of())
print(imported(), gc.isenabled(), server._pending)
print(receive_message(ours)[0][:2])
server._handle(("preload", names[:1], sys.path[:]), [])
print(server._pending)
"""


def test_a_host_waits_for_no_imports_behind_its_own() -> None:
    """Its module may need what was named first. One whose module is not named waits for all.

    What cannot be imported is told, and does no other harm.
    """
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stdout.splitlines() == [
        "[] False",
        "['zipapp', 'wave'] False",
        "['zipapp', 'wave']",
        "['zipapp', 'wave', 'sched'] True []",
        "('preload failed', 'no_such_module')",
        "['zipapp']",
    ], done.stderr
