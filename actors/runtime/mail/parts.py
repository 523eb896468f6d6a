"""Several parts of a streamed answer in one message: packed one by one, so that the producer may change what it has yielded.

    few or small parts          Frames(Contents, a pickle for each part)
    one with large buffers      (part,): its buffers lie beside the pickle, and are the consumer's own
    one that is a `Frames`      Frames(Alone(header), its frames)

The two that travel alone say nothing about the end: the next message does.
"""

from __future__ import annotations

import pickle
from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.codec import PLAIN, Encoded, Frames


class Contents(NamedTuple):
    """What a message of parts says beside them.

    Attributes: is_last, whether nothing follows; failure, what the producer has raised behind these parts, packed.
    """

    is_last: bool
    failure: bytes = b""


class Alone(NamedTuple):
    """The header of a part that is a `Frames`, and has the message for itself."""

    header: Any


def pack_part(value: Any, kept_there: Container[bytes]) -> bytes | Encoded:
    """Returns: the part's pickle, or a whole message for one that has to travel alone. Raises: what pickling it raises."""
    if type(value) in PLAIN:
        return pickle.dumps((value,), 5)
    if type(value) is Frames:
        return Encoded(*codec.encode(Frames(Alone(value.header), value.frames), kept_there))
    body, extras, flags = codec.encode((value,), kept_there)
    return Encoded(body, extras, flags) if extras else body


def pack_parts(pickles: Sequence[bytes], *, is_last: bool = False, failure: bytes = b"") -> Frames:
    """A message of parts that can travel together."""
    return Frames(Contents(is_last or bool(failure), failure), pickles)


class Parts:
    """What such a message says.

    Attributes: values; error, what comes behind them, if anything: what the producer has raised, or why the next part cannot
    be read here; is_last, whether the producer has no more.
    """

    __slots__ = ("error", "is_last", "values")

    def __init__(self, message: Any) -> None:
        self.values: list[Any] = []
        self.error: BaseException | None = None
        self.is_last = False
        if type(message) is tuple:
            self.values.append(message[0])
        elif type(message.header) is Alone:
            self.values.append(Frames(message.header.header, message.frames))
        else:
            self._read(message.header, message.frames)

    def _read(self, contents: Contents, pickles: Sequence[Any]) -> None:
        self.is_last = contents.is_last
        try:
            for packed in pickles:
                self.values.append(pickle.loads(packed)[0])
        except Exception as error:
            self.is_last, self.error = False, error
            return
        if contents.failure:
            self.error = codec.decode_failure(contents.failure)
