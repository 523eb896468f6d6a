"""The asks of one actor that are not answered yet, and how each gets its one answer.

An ask is answered once, and always: by what the handler returns or raises, later through a `Reply` or a future, or with a
refusal when the actor ends first. Which of them comes first does not matter here; `open` says whether one is still owed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import serial_of
from peerage.actors.runtime.mail.memory import LARGE
from peerage.actors.runtime.mail.port import Port

# Packing enum members is slow, and this is packed for each ask.
REPLY = int(Kind.REPLY)

# The address of its mailbox, and the number that it knows the ask by; unique in a system.
Asker = tuple[int, int]


class Answers:
    """Belongs to one actor's cell. All but what a resolved future calls runs in the host's thread.

    Attributes: open, the asks that are owed an answer. The cell enters them as they arrive.

    Args:
        call_soon: has a function called as the actor, in the loop's next turn.
        kept: the definitions that each host keeps, by serial; what is sent there may leave them out.
    """

    __slots__ = ("_call_soon", "_kept", "_port", "open")

    def __init__(
        self, port: Port, call_soon: Callable[..., object], kept: Mapping[int, Container[bytes]]
    ) -> None:
        self._port, self._call_soon, self._kept = port, call_soon, kept
        self.open: set[Asker] = set()

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
            self._port.send(source, Kind.FAIL, corr, body=codec.encode_failure(error))

    def refuse_all(self, name: bytes) -> None:
        """The actor of this name has ended: nobody will answer. Each asker gets an ActorDeadError."""
        for source, corr in self.open:
            self._port.send(source, Kind.DEAD, corr, target=name, body=b"stopped before it answered")
        self.open.clear()
