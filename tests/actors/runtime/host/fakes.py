"""What a loop stands on, without a process: a clock that only moves when the loop sleeps, and a poller told what happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.runtime.host.descriptors import Descriptors
from peerage.actors.runtime.host.loop import Loop, Timer


class Clock:
    """Seconds since the test began."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Poller:
    """An epoll in which what happens is said by the test; sleeping moves the clock."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self.masks: dict[int, int] = {}
        self.events: list[tuple[int, int]] = []  # of the next poll
        self.slept: list[float] = []
        self.is_closed = self.is_refusing = False

    def register(self, fd: int, eventmask: int) -> None:
        if self.is_refusing:
            raise OSError("bad file descriptor")
        self.masks[fd] = eventmask

    def modify(self, fd: int, eventmask: int) -> None:
        if fd not in self.masks:
            raise FileNotFoundError(fd)
        self.masks[fd] = eventmask

    def unregister(self, fd: int) -> None:
        del self.masks[fd]

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        self.slept.append(timeout)
        happened, self.events = self.events, []
        if not happened:
            self._clock.now += timeout
        return [(fd, mask) for fd, mask in happened if fd in self.masks]

    def close(self) -> None:
        self.is_closed = True


class Act:
    """A task that handles nothing but calls, and notes when its turn comes."""

    def __init__(self, name: str = "task", log: list[Any] | None = None) -> None:
        self.name = name
        self.log: list[Any] = [] if log is None else log
        self.busy = False
        self.fds: set[int] = set()
        self.timers: set[Timer] = set()

    def run(self, left: int = 0) -> None:
        self.log.append((self.name, left))

    def call(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.log.append(self.name)
        fn(*args)


class Mail:
    """Messages that have come: each is a function."""

    def __init__(self) -> None:
        self.has_skipped = False
        self.arrived: list[Callable[[], object]] = []
        self.flushed = 0
        self.is_signalled = False

    def fileno(self) -> int:
        return 1000

    def signal(self) -> None:
        self.is_signalled = True

    def pump(self, limit: int = 1) -> int:
        now = self.arrived[:limit]
        del self.arrived[:limit]
        for handle in now:
            handle()
        return len(now)

    def has_arrivals(self) -> bool:
        return bool(self.arrived)

    def flush(self) -> None:
        self.flushed += 1


def descriptors(clock: Clock) -> tuple[Descriptors[Any], Poller]:
    """Descriptors that wait in a fake poller."""
    poller = Poller(clock)
    return Descriptors(poller), poller


def loop(clock: Clock | None = None) -> tuple[Loop[Any], Poller]:
    """A loop on a fake clock and a fake poller."""
    clock = clock or Clock()
    waiting, poller = descriptors(clock)
    return Loop(clock=clock, descriptors=waiting), poller
