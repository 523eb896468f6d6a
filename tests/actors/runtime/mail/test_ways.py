"""The ways of a process are shared by its threads: none of them can hold up the others for good."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import zmq

from peerage.actors.runtime import System
from peerage.actors.runtime.mail.memory import LARGE
from tests.actors.runtime.cast import Worker

ROOMS = Path(__file__).parents[4]


@pytest.fixture
def by_socket(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large frames do not go through shared memory."""

    def place(_address: int, body: Any, extras: Any) -> Any:
        return (body, list(extras), ()), False

    monkeypatch.setattr(system.process.network.memory, "place", place)


@pytest.mark.usefixtures("by_socket")
@pytest.mark.parametrize("size", [1, 2 * LARGE])
def test_a_thread_that_cannot_have_a_way_takes_another(system: System, size: int) -> None:
    """Its holder may sit in a signal's handler, and wait for that very thread."""
    worker = Worker.start()
    worker.tell(("log", 1))
    address = worker.serial << 20
    way = system.process.network.ways._by_address[address]
    thread = threading.Thread(target=worker.tell, args=(("log", bytes(size)),))
    with way.lock:
        thread.start()
        thread.join(30.0)
        assert not thread.is_alive()
    assert system.process.network.ways._by_address[address] is not way
    while worker.ask(("log",), timeout=5.0) != [1, bytes(size)]:
        pass


@pytest.mark.usefixtures("by_socket")
@pytest.mark.parametrize("interrupts", [False, True])
def test_a_signals_handler_may_send_in_the_middle_of_a_large_message(
    system: System, monkeypatch: pytest.MonkeyPatch, interrupts: bool
) -> None:
    """And may raise there. Each message arrives as it was sent, if it was sent to its end."""
    worker = Worker.start()
    assert worker.ask(("log", 1), timeout=30.0) == [1]
    send, large = zmq.Socket.send, bytes(2 * LARGE)

    def handle(*_: Any) -> None:
        assert worker.ask(("log", large), timeout=5.0) == [1, large]
        if interrupts:
            raise InterruptedError

    def interrupted(push: zmq.Socket[bytes], frame: Any, flags: int = 0, **options: Any) -> Any:
        done = send(push, frame, flags, **options)
        if flags & zmq.SNDMORE:
            monkeypatch.setattr(zmq.Socket, "send", send)
            signal.raise_signal(signal.SIGUSR1)
        return done

    before = signal.signal(signal.SIGUSR1, handle)
    monkeypatch.setattr(zmq.Socket, "send", interrupted)
    try:
        with pytest.raises(InterruptedError) if interrupts else contextlib.nullcontext():
            worker.tell(("log", 2, large))
    finally:
        signal.signal(signal.SIGUSR1, before)
    worker.tell(("log", 3, large))
    assert worker.ask(("log",), timeout=5.0) == [1, large, *([] if interrupts else [2, large]), 3, large]


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
