"""What a future was resolved with: a value, an exception, or either as it came in a message, the message's kind and body.

It can be turned into a message again, for those who wait elsewhere. What came as one and is passed on is not unpickled in
between: the loop that does it need not be able to read it, nor spend the time.
"""

from __future__ import annotations

import pickle
from typing import Any

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.codec import Frames
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.waiters import CLAIMING


def pack(value: Any) -> bytes:
    """Pickle a value, its buffers too: whoever changes them afterwards does not change what was set."""
    if type(value) is Frames:  # which may be views of a buffer
        value = Frames(value.header, [bytes(frame) for frame in value.frames])
    return codec.dumps(value)


def pack_outcome(value: Any, error: BaseException | None) -> tuple[int, bytes]:
    """Returns: the kind and body of a message with this outcome. Raises: what pickling the value raises."""
    return (Kind.REPLY, pack(value)) if error is None else (Kind.FAIL, codec.encode_failure(error))


def unpack(kind: int, body: Raw) -> tuple[Any, BaseException | None]:
    """Returns: the value, or None and the exception. A value that cannot be read here is an exception to its reader."""
    if kind == Kind.FAIL:
        return None, codec.decode_failure(body)
    try:
        return pickle.loads(body), None
    except Exception as error:
        return None, error


# How an outcome is pickled: the value, or None and the outcome as a message's kind and body. The former where it can be, so
# that the value is pickled once, together with the rest of the message.
State = tuple[Any, "tuple[int, Raw] | None"]


class Outcome:
    """What a future was resolved with. As it came in a message, it is not unpickled before somebody asks for it."""

    __slots__ = ("_error", "_packed", "_trace", "_value")

    def __init__(
        self, value: Any, error: BaseException | None = None, packed: tuple[int, Raw] | None = None
    ) -> None:
        """Args: packed, a message's kind (REPLY or FAIL) and body, in place of the other two."""
        self._value, self._error, self._packed = value, error, packed
        # Raising adds to an exception's traceback. Each reader starts from the one that it had when it was set.
        self._trace = None if error is None else error.__traceback__

    def get(self) -> Any:
        """The value; an exception is raised, each time with the traceback that it had."""
        if self._packed is not None:
            self._unpack()
        if self._error is not None:
            raise self._error.with_traceback(self._trace)
        return self._value

    @property
    def error(self) -> BaseException | None:
        """The exception, if it is one. To know that, an outcome that came in a message is unpickled."""
        if self._packed is not None:
            self._unpack()
        return self._error

    @property
    def is_an_object(self) -> bool:
        """Whether it is a value that somebody else may hold too, and change: to be copied before it is passed on."""
        return self._packed is None and self._error is None

    def as_message(self) -> tuple[int, Raw]:
        """As a message's kind and body; as it came, if it is not unpickled yet. Raises: what pickling the value raises."""
        packed = self._packed
        return pack_outcome(self._value, self._error) if packed is None else packed

    def state(self) -> State:
        """For pickling: the value, or the outcome packed."""
        return (self._value, None) if self.is_an_object else (None, self.as_message())

    def _unpack(self) -> None:
        with CLAIMING:  # all readers get one object, whichever of two threads comes first
            if self._packed is not None:
                self._value, self._error = unpack(*self._packed)
                self._packed = None
