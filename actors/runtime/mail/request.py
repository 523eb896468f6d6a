"""A request that is owed an answer, and gets one whatever happens while it is served.

It is served in steps: some at once, some in a timer or after the death of a process. When a step raises, the error is
logged once and sent as the answer, and what earlier steps have made is undone, the last first. Otherwise an exception in a
timer would appear in the loop's log alone, and the asker would wait for nothing until its timeout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.inbox import Handler
from peerage.actors.runtime.mail.memory import Raw

Step = Callable[..., object]


class Sender(Protocol):
    """Something that can send an answer: a port."""

    def send(self, address: int, kind: int, corr: int = 0, *, body: Raw) -> None: ...


class Request:
    """One request.

    Attributes:
        source: the address of the asker's mailbox.
        corr: the number that the asker knows the request by; 0 if it wants no answer.
        is_answered: whether it has had its one answer, or a refusal.
        error_for: makes of an exception that was not foreseen the one that the asker is sent.
    """

    __slots__ = ("_port", "_undo", "corr", "error_for", "is_answered", "source")

    def __init__(self, port: Sender, source: int, corr: int) -> None:
        self._port, self.source, self.corr = port, source, corr
        self.is_answered = False
        self.error_for: Callable[[Exception], Exception] = _as_it_is
        self._undo: list[tuple[Step, tuple[Any, ...]]] = []

    def serve(self, step: Step, *args: Any) -> None:
        """Do `step(*args)`; an exception becomes the answer.

        ActorDeadError and its subclasses are ordinary refusals. Any other exception was not foreseen, so it is also logged
        here, where its traceback is.
        """
        try:
            step(*args)
        except ActorDeadError as error:
            self.refuse(error)
        except Exception as error:
            logger().exception("request failed", step=_name_of(step))
            told = self.error_for(error)
            if told is not error:
                told.__cause__ = error
            self.refuse(told)

    def on_refusal(self, undo: Step, *args: Any) -> None:
        """Have `undo(*args)` called if the request is refused; an answer drops all of these."""
        self._undo.append((undo, args))

    def answer(self, value: Any = None) -> None:
        """Give the answer; only the first counts.

        Raises: what pickling the value raises; the request is unanswered then, and may be refused.
        """
        if not self.is_answered:
            self._send(Kind.REPLY, codec.dumps(value))
            self.is_answered = True
            self._undo.clear()

    def refuse(self, error: Exception) -> None:
        """Undo what was made, then answer with an error; nothing happens if there has been an answer."""
        if not self.is_answered:
            self.is_answered = True
            undo, self._undo = self._undo, []
            # The refusal goes last, so that the asker finds everything undone, and goes even if an undo raises.
            do_all(*reversed(undo), (self._fail, (error,)))

    def _fail(self, error: Exception) -> None:
        self._send(Kind.FAIL, codec.encode_failure(error))

    def _send(self, kind: Kind, body: bytes) -> None:
        if self.corr:
            self._port.send(self.source, kind, self.corr, body=body)


def do_all(*steps: tuple[Step, tuple[Any, ...]]) -> None:
    """Do all steps in turn. One that raises is logged, and does not keep the next ones from being done."""
    for step, args in steps:
        try:
            step(*args)
        except Exception:
            logger().exception("step failed", step=_name_of(step))


def answering(port: Sender, serve: Callable[[Request, bytes, Raw], object]) -> Handler:
    """The handler of a kind of message that is owed an answer, which `serve(request, target, body)` gives."""

    def handle(
        _flags: int,
        source: int,
        corr: int,
        target: bytes,
        _sender: bytes,
        body: Raw,
        _extras: Any,
        _size: int,
    ) -> None:
        request = Request(port, source, corr)
        request.serve(serve, request, target, body)

    return handle


def guarded(handler: Handler) -> Handler:
    """A handler that raises nothing, for the root: one bad message must not end the loop that all hosts depend on."""

    def handle(*message: Any) -> None:
        do_all((handler, message))

    return handle


def _as_it_is(error: Exception) -> Exception:
    return error


def _name_of(step: Step) -> str:
    return getattr(step, "__qualname__", repr(step))
