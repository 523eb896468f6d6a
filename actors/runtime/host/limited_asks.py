"""What a host hears of asks that are not wanted for ever: their deadlines, their cancellation, the end of their askers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from peerage.actors.runtime.host.answers import Answers
from peerage.actors.runtime.host.system_messages import SystemMessage
from peerage.actors.runtime.mail.envelope import UNTIL, Kind

ASK = int(Kind.ASK)


class Cell(Protocol):
    """An actor that owes answers."""

    @property
    def answers(self) -> Answers: ...

    @property
    def open_asks(self) -> Collection[tuple[int, int]]: ...


class LimitedAsks:
    """Args: cells, the actors of the host, by name; queue, puts an ask into the mailbox of its actor, or refuses it."""

    __slots__ = ("_cells", "_queue")

    def __init__(self, cells: Mapping[bytes, Cell], queue: Callable[..., None]) -> None:
        self._cells, self._queue = cells, queue

    def on_ask_until(
        self, flags: int, source: int, corr: int, target: bytes, sender: bytes, *rest: Any
    ) -> None:
        """Queue an ask with a deadline. The arguments are those of every handler of messages."""
        name = target[UNTIL.size :]
        # Before it is in the mailbox: its turn may come at once.
        if (cell := self._cells.get(name)) is not None:
            (cell.answers.limits[source, corr],) = UNTIL.unpack_from(target)
        self._queue(ASK, flags, source, corr, name, sender, *rest)

    def on_cancel(self, message: SystemMessage) -> None:
        """An asker does not want its answer any more. Of no effect if it crosses the answer, or the end of the actor."""
        if (cell := self._cells.get(message.target)) is not None:
            cell.answers.cancel((message.source, message.correlation))

    def lose(self, is_gone: Callable[[int], bool]) -> None:
        """Askers have ended. Args: is_gone, whether nobody reads the mailbox at an address any more."""
        for cell in self._cells.values():
            if cell.open_asks:
                cell.answers.lose(is_gone)
