"""The asks of one actor that are not answered yet, and how each gets its one answer.

An ask is answered once, and always: by what the handler returns or raises, later through a `Reply` or a future, or with a
refusal when the actor ends first. Which of them comes first does not matter here; `open` says whether one is still owed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping
from math import inf
from typing import Any

from peerage.actors.runtime.errors import Timeout
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import serial_of
from peerage.actors.runtime.mail.memory import LARGE
from peerage.actors.runtime.mail.port import Port

# Packing enum members is slow, and this is packed for each ask.
REPLY = int(Kind.REPLY)

UNREAD_S = 0.005  # after so much time of one turn, the mailbox is read again before an ask is begun
CANCELLED = -inf  # as a limit: it was over at any time

# The address of its mailbox, and the number that it knows the ask by; unique in a system.
Asker = tuple[int, int]


class Answers:
    """Belongs to one actor's cell. All but what a resolved future calls runs in the host's thread.

    Attributes:
        open: the asks that are owed an answer. The cell enters them as they arrive.
        limits: until when the answers are wanted, of the open asks whose askers have said so, in monotonic seconds;
            CANCELLED, if nobody wants one any more.
        not_begun: how many asks were refused because their time was over, or they were cancelled, before their turn.

    Args:
        call_soon: has a function called as the actor, in the loop's next turn.
        kept: the definitions that each host keeps, by serial; what is sent there may leave them out.
    """

    __slots__ = ("_call_soon", "_kept", "_port", "limits", "not_begun", "open")

    def __init__(
        self, port: Port, call_soon: Callable[..., object], kept: Mapping[int, Container[bytes]]
    ) -> None:
        self._port, self._call_soon, self._kept = port, call_soon, kept
        self.open: set[Asker] = set()
        self.limits: dict[Asker, float] = {}
        self.not_begun = 0

    def kept_by(self, source: int) -> Container[bytes]:
        """The definitions that the host at this address keeps: an answer to it may leave them out."""
        return self._kept.get(serial_of(source), ())

    def give(self, source: int, corr: int, value: Any) -> None:
        """Answer an ask, once; a Future answers when it is resolved. A value that cannot be pickled is an error instead."""
        if (source, corr) not in self.open:
            return
        if isinstance(value, Future):
            # Not `then`, which reads the value in the loop's next turn: whoever resolved it may have changed it by then.
            value.when_done(lambda: self._give_outcome(source, corr, value))
            return
        try:
            body, extras, flags = codec.encode(value, self.kept_by(source), source != self._port.address)
        except Exception as error:
            self.fail(source, corr, error)
            return
        # Before it is sent: within a host, sending resolves the asker's future at once, and calls whoever waits for it.
        self.open.discard((source, corr))
        if self.limits:
            self.limits.pop((source, corr), None)
        port = self._port
        if extras or source == port.address or len(body) >= LARGE:
            port.send(source, REPLY, corr, flags=flags, body=body, extras=extras)
        else:
            port.outbox.send_small(source, REPLY, corr, flags, b"", b"", body)

    def _give_outcome(self, source: int, corr: int, future: Future[Any]) -> None:
        """Answer with the value that the future has now: whoever resolved it may change that before the loop's turn.

        Called by whoever resolves the future, in whatever thread: so it pickles, and leaves the sending to the loop. An
        exception, or an outcome that came from another process and is still packed, can be read later: nobody changes those.
        """
        if future.outcome is None or not future.outcome.is_an_object:
            self._call_soon(self._give_later, source, corr, future)
            return
        try:
            value = future.get(timeout=0)
            if not isinstance(value, Future):  # a future of a future is followed: the asker wants a value
                value = codec.Encoded(*codec.encode(value))
        except Exception as error:
            self._call_soon(self.fail, source, corr, error)
        else:
            self._call_soon(self.give, source, corr, value)

    def _give_later(self, source: int, corr: int, future: Future[Any]) -> None:
        """As the actor, in a turn of its loop: unpickling an outcome runs code that may do anything."""
        try:
            value = future.get(timeout=0)
        except Exception as error:
            self.fail(source, corr, error)
        else:
            self.give(source, corr, value)

    def fail(self, source: int, corr: int, error: BaseException) -> None:
        """Answer an ask with an exception, which its asker raises, with the remote traceback as its cause."""
        if (source, corr) in self.open:
            self.open.discard((source, corr))
            self.limits.pop((source, corr), None)
            self._port.send(source, Kind.FAIL, corr, body=codec.encode_failure(error))

    def refuse_all(self, name: bytes) -> None:
        """The actor of this name has ended: nobody will answer. Each asker gets an ActorDeadError."""
        for source, corr in self.open:
            self._port.send(source, Kind.DEAD, corr, target=name, body=b"stopped before it answered")
        self.open.clear()
        self.limits.clear()

    # What is not wanted any more

    def cancel(self, asker: Asker) -> None:
        """Its asker has said that it does not want the answer. Of no effect once it is answered."""
        if asker in self.open:
            self.limits[asker] = CANCELLED

    def lose(self, is_gone: Callable[[int], bool]) -> None:
        """Cancel the asks of those that have ended. Args: is_gone, whether nobody reads the mailbox at an address."""
        for asker in [asker for asker in self.open if is_gone(asker[0])]:
            self.limits[asker] = CANCELLED

    def is_wanted(self, asker: Asker) -> bool:
        """Whether anybody may still wait for the answer, as far as is known."""
        until = self.limits.get(asker)
        return until is None or time.monotonic() < until

    def refuse_unwanted(self, source: int, corr: int, name: bytes, began: float) -> bool:
        """Refuse an ask whose turn has come, if nobody wants its answer.

        Args: name, of the actor; began, when the loop has read its mailbox, in monotonic seconds.
        Returns: whether nobody does.
        """
        asker = source, corr
        # Since then a handler may have taken long, and what has come meanwhile may say that this ask was cancelled.
        if time.monotonic() - began > UNREAD_S:
            self._port.reader.pump_briefly()
        if not self.limits or self.is_wanted(asker):
            return False
        self.not_begun += 1
        if self.limits[asker] == CANCELLED:
            self.open.discard(asker)
            del self.limits[asker]
            self._port.send(
                source, Kind.DEAD, corr, target=name, body=b"had the ask cancelled before it was begun"
            )
        else:  # the asker says so itself; this is for one whose clock is a moment behind
            self.fail(source, corr, Timeout("the time was over before the ask was begun"))
        return True
