"""Sees what all hosts of a system are doing, as Erlang's observer does: on request only.

Each host is asked at once, and answers in its own loop, also while one of its actors waits for something. One whose actor
computes or sleeps cannot; it is not waited for beyond the time that there is, and not asked again before it has answered, so
that questions do not pile up at it. What the kernel knows of its process is told all the same.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError, Timeout
from peerage.actors.runtime.host.errands import send_errands
from peerage.actors.runtime.host.report import HostReport
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, ROOT_SERIAL, THREAD_BITS, HostFacts
from peerage.actors.runtime.mail.process import Process, current_port, current_process
from peerage.actors.runtime.observation import HostFound, Observation
from peerage.actors.runtime.processes.usage import usage_of

__all__ = ["TIMEOUT_S", "Observer"]

T = TypeVar("T")

TIMEOUT_S = 1.0


class Observer:
    """Looks at the hosts of a system, again and again; for one thread. It may be in any process of the system.

    Args: process, this one's part in the system; by default in the one that runs here.
    Raises: ActorDeadError, when none runs here.
    """

    def __init__(self, process: Process | None = None) -> None:
        process = process or current_process()
        if process is None:
            raise ActorDeadError("no actor system runs in this process")
        self._process = process
        self._questions: dict[int, Future[HostReport]] = {}  # by serial
        self._last: dict[int, HostReport] = {}

    def observe(self, timeout: float = TIMEOUT_S) -> Observation:
        """Ask all hosts, and wait for their answers. Args: timeout, seconds, for all together.

        Raises: ActorDeadError, after the system's end.
        """
        until = time.monotonic() + timeout
        hosts, owners = self._ask()
        futures: list[Future[Any]] = [owners, *self._questions.values()]
        for future in futures:
            with suppress(ActorDeadError, LimitReachedError, Timeout):
                future.get(timeout=max(0.0, until - time.monotonic()))
        return self._found(hosts, owners)

    async def observe_async(self, timeout: float = TIMEOUT_S) -> Observation:  # noqa: ASYNC109 - as the runtime's calls
        """As `observe`, without blocking the thread's loop of asyncio."""
        hosts, owners = self._ask()
        futures: list[Future[Any]] = [owners, *self._questions.values()]
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                for future in futures:
                    with suppress(ActorDeadError, LimitReachedError):
                        await future
        return self._found(hosts, owners)

    def send_errands(self, work: Callable[[str], Any]) -> dict[str, Future[Any]]:
        """Have every other process of the system do something quick. Returns: the answers to come, by name of host.

        Args: work, can be pickled; called with the name of a host of each process, in its thread.
        Raises: ActorDeadError, after the system's end.
        """
        self._check()
        return send_errands(current_port().requests, dict(self._process.table.live), os.getpid(), work)

    def _check(self) -> None:
        if current_process() is not self._process:
            raise ActorDeadError("this actor system does not run in this process any more")

    def _ask(self) -> tuple[Sequence[HostFacts], Future[dict[int, str]]]:
        self._check()
        requests, table = current_port().requests, self._process.table
        hosts = [facts for serial, facts in sorted(table.live.items()) if serial != ROOT_SERIAL]
        serials = {facts.serial for facts in hosts}
        for forgotten in self._questions.keys() - serials:
            self._questions.pop(forgotten).cancel()
        for forgotten in self._last.keys() - serials:
            del self._last[forgotten]
        for serial in serials - self._questions.keys():
            self._questions[serial] = requests.ask(serial << THREAD_BITS, Kind.QUERY, "report")
        return hosts, requests.ask(ROOT_ADDRESS, Kind.QUERY, "owners")

    def _found(self, hosts: Sequence[HostFacts], owners: Future[dict[int, str]]) -> Observation:
        usages = {pid: usage_of(pid) for pid in {facts.pid for facts in hosts}}
        found = []
        for facts in hosts:
            answer = self._answer_of(facts.serial)
            last, usage = self._last.get(facts.serial), usages[facts.pid]
            processor_time = usage.processor_time if usage is not None else None
            found.append(
                HostFound(
                    facts.name,
                    facts.serial,
                    facts.pid,
                    answer is not None,
                    processor_time if answer is None else answer.process_time,
                    None if answer is None else answer.loop_time,
                    None if usage is None else usage.memory,
                    0 if last is None else last.dead_letters,
                    () if last is None else last.actors,
                    () if last is None else last.crowds,
                )
            )
        return Observation(tuple(found), _value(owners) or {})

    def _answer_of(self, serial: int) -> HostReport | None:
        """What a host has answered; None if it has not, and then its question stays open."""
        question = self._questions[serial]
        if not question.is_ready():
            return None
        del self._questions[serial]
        answer = _value(question)
        if answer is not None:
            self._last[serial] = answer
        return answer


def _value(future: Future[T]) -> T | None:
    """What it was resolved with; None if it failed, or was not."""
    with suppress(ActorDeadError, LimitReachedError, Timeout):
        value: T = future.get(timeout=0)
        return value
    return None
