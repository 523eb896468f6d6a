"""The ways of a process are shared by its threads: none of them can hold up the others for good."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from peerage.actors.runtime import System
from peerage.actors.runtime.mail.ways import PATIENCE_S
from tests.actors.runtime.cast import Worker

ROOMS = Path(__file__).parents[4]


def test_a_thread_that_cannot_have_a_way_takes_another(system: System) -> None:
    """Its holder may sit in a signal's handler, and wait for that very thread."""
    worker = Worker.start()
    worker.tell(("log", 1))
    address = worker.serial << 20
    way = system.process.network.ways._by_address[address]
    thread = threading.Thread(target=worker.tell, args=(("log", 2),))
    with way.lock:
        thread.start()
        thread.join(PATIENCE_S + 5.0)
        assert not thread.is_alive()
    assert system.process.network.ways._by_address[address] is not way
    while worker.ask(("log",), timeout=5.0) != [1, 2]:
        pass


def test_a_signals_handler_may_end_the_system_in_the_middle_of_a_send() -> None:
    """The root needs the way that the handler's thread holds, and closes it at the end."""
    program = (
        "import signal\n"
        "from peerage.actors.runtime import System\n"
        "from tests.actors.runtime.cast import Worker\n"
        "worker, system = Worker.start(), System.current()\n"
        "worker.ask(('log', 1))\n"
        "def handle(*_):\n"
        "    system.shutdown()\n"
        "    print('ended', flush=True)\n"
        "signal.signal(signal.SIGUSR1, handle)\n"
        "with system.process.network.ways._by_address[worker.serial << 20].lock:\n"
        "    signal.raise_signal(signal.SIGUSR1)\n"
    )
    argv = [sys.executable, "-c", program]
    assert subprocess.check_output(argv, cwd=ROOMS, text=True, timeout=20) == "ended\n"
