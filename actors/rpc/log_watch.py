"""The last lines of a node's log, from all of its processes: each keeps its own (`config/log_tail.py`), and is asked for
what is new when somebody looks.

What a process that was killed has not told by then is in the log alone.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from peerage.actors.rpc.fresh import Fresh
from peerage.actors.runtime import ActorDeadError, Future, LimitReachedError, MailboxFullError, Observer
from peerage.actors.runtime.log import signature
from peerage.config.log_tail import LogLine, lines_after
from peerage.config.node_logging import NODE

__all__ = ["MOST_KEPT", "LogWatch", "NewLines", "NumberedLine"]

MOST_KEPT: Final = 200
PATIENCE_S: Final = 0.4  # for all processes together, as for their figures
MAX_AGE_S: Final = 0.5

Ask = Callable[["NewLines"], Mapping[str, Future[Any]]]


class NumberedLine(NamedTuple):
    """A line of the whole node. Attributes: id, higher than those of earlier ones; pid, of its process."""

    id: int
    pid: int
    line: LogLine


@dataclass(frozen=True, slots=True)
class NewLines:
    """An errand for all processes of a system: the lines of this node that are not known yet, and the process's ID.

    Args: known, the highest number of each process that is.
    """

    node: str
    known: Mapping[int, int]

    def __call__(self, _host: str) -> tuple[int, list[LogLine]]:
        pid = os.getpid()
        return pid, lines_after(self.known.get(pid, 0), self.node)


def ask_all(errand: NewLines) -> Mapping[str, Future[Any]]:
    """Send it to all other processes of the system that runs here. Raises: ActorDeadError, there is none."""
    return Observer().send_errands(errand)


@dataclass(slots=True)
class LogWatch:
    """For one loop of asyncio. Args: ask, sends an errand to all other processes."""

    ask: Ask = ask_all
    patience: float = PATIENCE_S
    _lines: deque[NumberedLine] = field(default_factory=lambda: deque(maxlen=MOST_KEPT), init=False)
    _numbered: int = field(default=0, init=False)
    _known: dict[int, int] = field(default_factory=dict, init=False)
    _fresh: Fresh[None] = field(init=False)

    def __post_init__(self) -> None:
        self._fresh = Fresh(self._look, MAX_AGE_S)

    async def lines(self) -> list[NumberedLine]:
        """The last ones, the newest last."""
        await self._fresh.get()
        return list(self._lines)

    async def _look(self) -> None:
        errand = NewLines(signature().get(NODE, ""), dict(self._known))
        questions: list[Future[Any]] = []
        with suppress(ActorDeadError, LimitReachedError, MailboxFullError):
            questions += self.ask(errand).values()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                for question in questions:
                    with suppress(ActorDeadError, LimitReachedError, MailboxFullError):
                        await question
        self._take([errand(""), *filter(None, map(_answer, questions))])

    def _take(self, answers: list[tuple[int, list[LogLine]]]) -> None:
        found = [(line.time, pid, line) for pid, lines in answers for line in lines]
        for _time, pid, line in sorted(found, key=lambda each: each[:2]):
            self._numbered += 1
            self._lines.append(NumberedLine(self._numbered, pid, line))
            self._known[pid] = max(line.number, self._known.get(pid, 0))


def _answer(question: Future[Any]) -> tuple[int, list[LogLine]] | None:
    try:
        answer: tuple[int, list[LogLine]] = question.get(timeout=0)
    except Exception:  # its process has ended, or is busy: what it has to tell is there the next time
        question.cancel()
        return None
    return answer
