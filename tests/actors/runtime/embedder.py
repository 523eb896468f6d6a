"""A program that embeds the runtime, to be killed by tests: `python -m tests.actors.runtime.embedder MODE`.

Prints, as JSON, its directory, its fork server and the processes of its hosts; then waits to be killed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from peerage.actors.runtime import THREAD, ProcessActor, System
from tests.actors.runtime.cast import Worker


class Stuck(ProcessActor):
    """Never leaves its handler."""

    def on_receive(self, message: Any) -> Any:
        while True:
            pass


class FromMain(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return message, os.getpid()


def start(mode: str) -> None:
    system = System.current()
    refs = [Worker.options(name=f"host-{number}").start() for number in range(2)]
    Worker.options(place=THREAD).start()
    if mode not in {"exit", "raise", "none stuck"}:  # a shutdown would give it its 5 s of grace
        Stuck.options(name="stuck").start().tell("x")
    if mode == "main":
        assert FromMain.start().ask("x")[1] != os.getpid()
    if mode == "forked" and os.fork() == 0:
        os.write(2, b"")
        threading.Event().wait()
    if mode == "no fork server":
        os.kill(system.fork_server_pid, 9)
    pids = [system.fork_server_pid, *(facts.pid for facts in system.hosts() if facts.pid != os.getpid())]
    print(
        json.dumps({"directory": system.directory, "pids": pids, "refs": [ref.name for ref in refs]}),
        flush=True,
    )


def main() -> None:
    mode = sys.argv[1]
    if mode == "thread":
        thread = threading.Thread(target=start, args=(mode,))
        thread.start()
        thread.join()
    else:
        start(mode)
    if mode == "exit":
        return
    if mode == "raise":
        raise ValueError("on purpose")
    threading.Event().wait()


if __name__ == "__main__":
    main()
