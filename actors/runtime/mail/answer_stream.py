"""An answer in parts, which its asker takes one by one: the consumer's end; the producer's is `host/streams.py`.

    consumer                                   producer, an actor
    OpenStream(message, demand)  ── ask ──>    `on_receive` returns an iterator, which is advanced
                                 <─ answer ──  parts
    MoreParts(demand)            ── ask ──>    it is advanced again, in the actor's turn
                                 <─ answer ──  parts, the last one, or an exception
    CloseStream                  ── tell ──>   only if the consumer leaves before the end

Nothing is produced that was not asked for, so the consumer's demand is the bound: while it works on the parts of one
message, one more is on its way. Each request is an ask, so all that asks promise holds: the death of the producer is known
at once, cycles are found, a loop of asyncio is never blocked.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, overload

from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.awaiting import answer_within
from peerage.actors.runtime.mail.deadlines import ends_at
from peerage.actors.runtime.mail.definitions import news
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.parts import Parts
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.telling import tell_if_there
from peerage.actors.runtime.mail.typed_actor import TypedActor
from peerage.actors.runtime.mail.window import WhenFull

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    A_co = TypeVar("A_co", bound=TypedActor, default=Any, covariant=True)
    M = TypeVar("M", default=Any)
else:
    from typing import TypeVar

    A_co = TypeVar("A_co", covariant=True)
    M = TypeVar("M")
T = TypeVar("T")

WINDOW_PARTS = 256
WINDOW_BYTES = 4 * 1024 * 1024

StreamID = tuple[int, int]  # the serial of the consumer's process, and a number there; unique in a system
_numbers = count(1)


class Demand(NamedTuple):
    """How much one message may bring: so many parts, together so many bytes; one larger part comes alone."""

    parts: int
    size: int


class OpenStream(NamedTuple):
    """Asks an actor for the parts of its answer to a message."""

    stream: StreamID
    message: Any
    demand: Demand


class MoreParts(NamedTuple):
    """Asks for the parts that follow."""

    stream: StreamID
    demand: Demand


class CloseStream(NamedTuple):
    """Nobody wants what follows."""

    stream: StreamID


class AnswerStream(Generic[T]):
    """The parts of an answer, for `for` and for `async for`. One consumer at a time, in any thread of the process.

    It ends after the last part, or with what the producer has raised, once the parts before that have been taken. A consumer
    that leaves early closes it, and so the producer's iterator: by `break`, if nothing else holds the stream, at the end of
    a `with` or `async with` block, or by `close()`.

    Args: as of `ActorRef.ask_stream`. Raises: as there.
    """

    # Not opened yet: for `__del__`, when the constructor has raised.
    _is_over = True

    def __init__(
        self,
        ref: Any,
        message: Any,
        *,
        timeout: float | None,
        window: int,
        window_bytes: int,
        when_full: WhenFull | None,
    ) -> None:
        if window < 1 or window_bytes < 1:
            raise ValueError(f"a window of {window} parts and {window_bytes} bytes: at least 1 of each")
        ends_at(timeout)  # refuses what is no number of seconds
        self._ref, self._timeout, self._pid = ref, timeout, os.getpid()
        # Two messages at a time: the one that is being consumed, and the one that is on its way.
        self._is_ahead = window > 1
        self._demand = Demand(max(1, window // 2), max(1, window_bytes // 2))
        self._values: deque[Any] = deque()
        self._error: BaseException | None = None  # behind the values
        port: Port = ref.port()
        self._stream: StreamID = (port.network.serial, next(_numbers))
        opening = OpenStream(self._stream, message, self._demand)
        self._request: Future[Any] | None = port.ask(ref, opening, when_full=when_full, block=False)
        self._is_open = False  # whether the producer has answered
        self._is_over = False  # whether nothing more is to come

    def __repr__(self) -> str:
        return f"<AnswerStream of {self._ref}, {'over' if self._is_over else 'open'}>"

    def __reduce__(self) -> Any:
        raise TypeError("an answer stream cannot be sent: send its parts, or the ref of the actor")

    # Consuming

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """Raises: StopIteration; what the producer has raised; ActorDeadError; Timeout: then it may be called again."""
        if not self._values and not self._is_over:
            request = self._asked()
            try:
                self._receive(request, request.get(timeout=self._timeout))
            except BaseException:
                self._fail(request)
                raise
        return self._take(StopIteration)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """As `__next__`, without blocking the loop."""
        if not self._values and not self._is_over:
            request = self._asked()
            try:
                self._receive(request, await answer_within(request, self._timeout, self._timeout))
            except BaseException:
                self._fail(request)
                raise
        return self._take(StopAsyncIteration)

    def _asked(self) -> Future[Any]:
        """The parts that are on their way; they are asked for, if they are not."""
        if self._request is None:
            # Outside the window: there is never more than one.
            self._request = self._ref.port().ask(
                self._ref, MoreParts(self._stream, self._demand), True, block=False
            )
        assert self._request is not None
        return self._request

    def _receive(self, request: Future[Any], message: Any) -> None:
        parts = Parts(message)
        if news and (route := request.asked.route) is not None:  # they have brought definitions of classes
            current_port().kept.announce(route.address)
        self._is_open, self._request = True, None
        self._values.extend(parts.values)
        self._error, self._is_over = parts.error, parts.is_last or parts.error is not None
        if (
            parts.error is not None and not parts.is_last
        ):  # a part that cannot be read: nothing behind it can be wanted
            _tell_to_close(self._ref, self._stream)
        if self._is_ahead and not self._is_over:
            with contextlib.suppress(
                ActorDeadError
            ):  # it is raised when these are consumed, and more is wanted
                self._asked()

    def _fail(self, request: Future[Any]) -> None:
        """Waiting has ended with an exception: the stream's own end, unless only the patience is over."""
        if request.done:
            self._request, self._is_over = None, True

    def _take(self, end: type[Exception]) -> T:
        if self._values:
            value: T = self._values.popleft()
            return value
        error, self._error = self._error, None
        raise end if error is None else error

    # Leaving

    def close(self) -> None:
        """Take no more parts: the producer's iterator is closed, soon after. Of no effect at the end."""
        self._values.clear()
        self._error = None
        if self._is_over:
            return
        self._is_over = True
        request, self._request = self._request, None
        leave = partial(_tell_to_close, self._ref, self._stream)
        # From another thread the message might overtake the one that opens the stream.
        if self._is_open or request is None or request.done or request.port is here.port():
            leave()
        else:
            request.when_done(leave)
        if request is not None:
            request.cancel()  # an answer that is yet to come is dropped

    async def aclose(self) -> None:
        """As `close`, which does not wait either."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._is_over and self._pid == os.getpid():
            with contextlib.suppress(Exception):  # nobody could do anything about it; the producer watches us
                self.close()


def _tell_to_close(ref: Any, stream: StreamID) -> None:
    with contextlib.suppress(ActorDeadError):
        tell_if_there(ref.port(), ref, CloseStream(stream))


class AnswersInParts(Generic[A_co]):
    """The part of a ref that asks for them."""

    @overload
    def ask_stream(
        self: AnswersInParts[TypedActor[M, Iterator[T]]],
        message: M,
        *,
        timeout: float | None = None,
        window: int = WINDOW_PARTS,
        window_bytes: int = WINDOW_BYTES,
        when_full: WhenFull | None = None,
    ) -> AnswerStream[T]: ...

    @overload
    def ask_stream(
        self: AnswersInParts[TypedActor[M, Any]],
        message: M,
        *,
        timeout: float | None = None,
        window: int = WINDOW_PARTS,
        window_bytes: int = WINDOW_BYTES,
        when_full: WhenFull | None = None,
    ) -> AnswerStream[Any]: ...

    def ask_stream(
        self,
        message: Any,
        *,
        timeout: float | None = None,
        window: int = WINDOW_PARTS,
        window_bytes: int = WINDOW_BYTES,
        when_full: WhenFull | None = None,
    ) -> AnswerStream[Any]:
        """Ask for an answer in parts, for `for` or `async for`: the actor returns a generator (docs/topics/streams.md).

        Args: timeout, seconds to wait for each part; window, parts, and window_bytes, that are produced ahead; when_full,
            as for `ask`.
        Raises: as `tell`; ValueError, for a window of nothing. While it is consumed: as `ask`; StreamLimitError;
            TypeError, when the actor returns no iterator.
        """
        return AnswerStream(
            self, message, timeout=timeout, window=window, window_bytes=window_bytes, when_full=when_full
        )
