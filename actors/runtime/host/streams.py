"""The answers in parts that one actor is giving: the producer's end of `mail/answer_stream.py`.

An iterator is advanced only when its consumer has asked for parts, and in the actor's own turn: requests for parts stand in
the mailbox among its other messages. One message brings as many parts as were asked for, but the actor is not kept for long:
a message takes one part, and more only if those before came quickly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator
from functools import partial
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError, StreamLimitError
from peerage.actors.runtime.host.answers import Answers
from peerage.actors.runtime.host.callers import Callers
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.answer_stream import CloseStream, Demand, MoreParts, OpenStream, StreamID
from peerage.actors.runtime.mail.codec import Encoded
from peerage.actors.runtime.mail.parts import pack_part, pack_parts
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.ref import ActorRef, from_identity

MOST_STREAMS = 1000  # open ones of one actor
TURN_S = 0.001  # no part is begun after so much time of one message


class Cell(Protocol):
    """The actor, as its host keeps it."""

    current: tuple[int, int, int] | None
    sender_identity: bytes

    @property
    def answers(self) -> Answers: ...


class Home(Protocol):
    """The host."""

    @property
    def system(self) -> str: ...

    @property
    def port(self) -> Port: ...

    @property
    def callers(self) -> Callers: ...

    def call_soon(self, cell: Any, fn: Callable[..., object], *args: Any) -> None: ...


class Stream:
    """One answer in parts.

    Attributes: is_over, whether its iterator has ended, or was closed; forget, ends the watch on the consumer.
    """

    def __init__(self, parts: Iterator[Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._parts, self._clock = parts, clock
        self.forget: Callable[[], object] = _nothing
        self.is_over = False
        self._pace = 1  # parts that the next message may bring; grows while they come quickly
        self._held: bytes | Encoded | None = None  # one that did not fit into the message before

    def advance(self, demand: Demand, kept_there: Container[bytes]) -> Any:
        """Returns: the parts that follow, as a message for `Parts`."""
        pickles: list[bytes] = []
        size, failure = 0, b""
        most = min(self._pace, demand.parts)
        until = self._clock() + TURN_S
        is_slow = False
        while len(pickles) < most and not is_slow:
            try:
                part = self._next(kept_there)
            except StopIteration:
                self.is_over = True
                break
            except Exception as error:
                failure = codec.encode_failure(error)
                self.close()
                break
            if isinstance(part, Encoded):
                if not pickles:
                    return part
                self._held = part
                break
            if pickles and size + len(part) > demand.size:
                self._held = part
                break
            pickles.append(part)
            size += len(part)
            is_slow = self._clock() > until
        self._pace = 1 if is_slow else min(2 * most, demand.parts)
        return pack_parts(pickles, is_last=self.is_over, failure=failure)

    def _next(self, kept_there: Container[bytes]) -> bytes | Encoded:
        """Raises: what the iterator raises; what pickling its value raises."""
        held, self._held = self._held, None
        return held or pack_part(next(self._parts), kept_there)

    def close(self) -> None:
        """Have the iterator clean up, as a generator does. Raises: what that raises."""
        self.is_over, self._held = True, None
        if (close := getattr(self._parts, "close", None)) is not None:
            close()


class Streams:
    """The answers in parts that an actor is giving, by the number that their consumers know them by."""

    def __init__(self, cell: Cell, home: Home, ref: ActorRef[Any], receive: Callable[[Any], Any]) -> None:
        self._cell, self._home, self._ref, self._receive = cell, home, ref, receive
        self._open: dict[StreamID, Stream] = {}

    def __len__(self) -> int:
        return len(self._open)

    def handle(self, request: OpenStream | MoreParts | CloseStream) -> Any:
        """Do what a consumer wants. Returns: parts, the answer to its ask."""
        if isinstance(request, CloseStream):
            return self._close(request.stream)
        assert self._cell.current is not None
        source = self._cell.current[0]
        if isinstance(request, OpenStream):
            stream = self._begin(request, source)
        else:
            found = self._open.get(request.stream)
            if found is None:
                raise ActorDeadError(
                    f"{self._ref} has ended since it began to answer, and this is its successor"
                )
            stream = found
        # While the iterator is advanced no ask is being handled that it could answer later.
        self._cell.current = None
        parts = stream.advance(request.demand, self._cell.answers.kept_by(source))
        if stream.is_over:
            self._drop(request.stream)
        return parts

    def _begin(self, request: OpenStream, source: int) -> Stream:
        """Raises: what `on_receive` raises; TypeError, if it returns no iterator; StreamLimitError."""
        if len(self._open) >= MOST_STREAMS:
            raise StreamLimitError(self._ref.name, len(self._open))
        parts = self._receive(request.message)
        if not isinstance(parts, Iterator):
            raise TypeError(
                f"{self._ref} was asked for a stream and returned {type(parts).__name__}: expected an iterator, "
                "as a generator is"
            )
        stream = self._open[request.stream] = Stream(parts)
        stream.forget = self._watch(
            source, partial(self._home.call_soon, self._cell, self._close, request.stream)
        )
        return stream

    def _watch(self, source: int, gone: Callable[[], object]) -> Callable[[], object]:
        """Have `gone()` called when the consumer has ended. Returns: what ends the watch."""
        consumer = from_identity(self._cell.sender_identity, self._home.system)
        if consumer is None:
            return self._home.callers.watch(source, gone)
        lives = self._home.port.lives
        return partial(lives.unwatch, lives.watch(consumer, lambda _ref, _reason: gone()))

    def _drop(self, name: StreamID) -> Stream | None:
        stream = self._open.pop(name, None)
        if stream is not None:
            stream.forget()
        return stream

    def _close(self, name: StreamID) -> None:
        if (stream := self._drop(name)) is not None:
            stream.close()

    def close_all(self) -> None:
        """The actor has ended: have all iterators clean up. What they raise is logged."""
        for name in list(self._open):
            try:
                self._close(name)
            except BaseException as error:
                logger().error(
                    "stream could not be closed", actor=self._ref.name, host=self._ref.host, error=repr(error)
                )


def _nothing() -> None:
    """What a stream that nobody watches ends."""
