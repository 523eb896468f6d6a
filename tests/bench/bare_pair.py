"""What pyzmq does at best between two processes: a PUSH and a PULL each way over ipc, blocking, no pickling."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

import zmq

ECHO, COUNT, END = b"echo ", b"count ", b"end"


def measure_each(once: Callable[[], object], count: int) -> list[float]:
    """Returns: how many seconds each of `count` calls took."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        once()
        times.append(time.perf_counter() - begun)
    return times


class BarePair:
    """This process and another one. Use it as a context manager."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            other = multiprocessing.get_context("spawn").Process(target=_other_side, args=(directory,))
            other.start()
            stack.callback(other.join)
            context = stack.enter_context(zmq.Context())
            self._pull = stack.enter_context(context.socket(zmq.PULL))
            self._push = stack.enter_context(context.socket(zmq.PUSH))
            self._push.set(zmq.SNDHWM, 0)
            self._pull.bind(f"ipc://{directory}/back")
            self._push.connect(f"ipc://{directory}/there")
            stack.callback(self._push.send, END)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def round_trips(self, payload: bytes, count: int) -> list[float]:
        """Returns: seconds from sending to having it back, of each."""
        push, pull = self._push, self._pull

        def once() -> None:
            push.send(payload)
            pull.recv()

        push.send(ECHO + b"%d" % count)
        return measure_each(once, count)

    def one_way(self, payload: bytes, count: int) -> float:
        """Returns: messages a second, until the other side has the last one."""
        push, pull = self._push, self._pull
        push.send(COUNT + b"%d" % count)
        begun = time.perf_counter()
        for _ in range(count):
            push.send(payload)
        pull.recv()
        return count / (time.perf_counter() - begun)


def _other_side(directory: str) -> None:
    with zmq.Context() as context, context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
        pull.set(zmq.RCVHWM, 0)
        pull.bind(f"ipc://{directory}/there")
        push.connect(f"ipc://{directory}/back")
        while (command := pull.recv()) != END:
            word, count = command.split()
            if word == ECHO.strip():
                for _ in range(int(count)):
                    push.send(pull.recv())
            else:
                for _ in range(int(count)):
                    pull.recv()
                push.send(b"done")
