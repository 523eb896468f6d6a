"""Actors under a real limit on processes: `python -m tests.actors.runtime.process_limit`.

Runs as a user of its own, for root has no such limit (`setpriv` does that, if root calls). Starts actors until there can be
no more processes, asks all, ends some, and starts again; does the same with actors in threads; then has the fork server
killed when it cannot be replaced. Prints a line for each.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from peerage.actors.runtime import PROCESS, THREAD, ActorRef, Place, ProcessActor, StartLimitError, System
from peerage.actors.runtime.mail.process import current_port

USER = 64_123  # nobody's
CAPABILITIES = "+dac_override,+dac_read_search"  # to read the interpreter, wherever it is
ROOM = 40


class Worker(ProcessActor):
    def on_receive(self, message: object) -> object:
        return message


def tasks() -> int:
    """Processes and threads of this user."""
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if entry.stat().st_uid == os.getuid():
                    count += len(os.listdir(entry / "task"))  # noqa: PTH208 - only their number
            except OSError:
                continue
    return count


def limit(room: int) -> int:
    number = tasks() + room
    for pid in (os.getpid(), System.current().fork_server_pid):
        resource.prlimit(pid, resource.RLIMIT_NPROC, (number, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    return number


def fill(place: Place) -> tuple[list[ActorRef[Worker]], str]:
    refs: list[ActorRef[Worker]] = []
    while True:
        try:
            refs.append(Worker.options(place=place).start())
        except StartLimitError as error:
            return refs, str(error)


def start_again(place: Place) -> bool:
    """Whether one starts, once the kernel has let go of those that were stopped."""

    def starts() -> bool:
        try:
            return bool(Worker.options(place=place).start().ask("new", timeout=10.0) == "new")
        except StartLimitError:
            return False

    return current_port().wait(starts, 10.0)


def run() -> int:
    system = System.current()
    wrong = 0
    for place in (PROCESS, THREAD):
        number = limit(ROOM)
        refs, refusal = fill(place)
        answers = sum(ref.ask("x", timeout=10.0) == "x" for ref in refs)
        for ref in refs[: len(refs) // 2 + 1]:
            ref.stop(timeout=5.0)
        again = start_again(place)
        print(f"{place.value}: {len(refs)} started, {answers} answer, again after a stop: {again}; {refusal}")
        wrong += answers != len(refs) or not refs or not again or f"{number} for the" not in refusal
    number = limit(0)
    os.kill(system.fork_server_pid, signal.SIGKILL)
    _refs, refusal = fill(PROCESS)
    alive = sum(ref.ask("x", timeout=10.0) == "x" for ref in refs[len(refs) // 2 + 1 :])
    limit(1000)
    again = start_again(PROCESS)
    print(f"without a fork server: {alive} live, again when the limit is lifted: {again}; {refusal}")
    wrong += not alive or not again or "RLIMIT_NPROC" not in refusal
    print("right" if not wrong else "WRONG", flush=True)
    return wrong


def main() -> int:
    if os.getuid() == 0:
        with tempfile.TemporaryDirectory() as place:
            os.chown(place, USER, USER)
            capabilities = [f"--inh-caps={CAPABILITIES}", f"--ambient-caps={CAPABILITIES}"]
            to_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *capabilities]
            environment = {**os.environ, "RUNTIME_DIRECTORY": place}
            return subprocess.call([*to_user, sys.executable, "-m", __spec__.name], env=environment)
    return run()


if __name__ == "__main__":
    sys.exit(main())
