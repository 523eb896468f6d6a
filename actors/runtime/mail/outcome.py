"""What a future was resolved with, on its way to another process: the kind and the body of a message."""

from __future__ import annotations

import pickle
from typing import Any

from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.message import Frames, Kind, Raw


def pack(value: Any) -> bytes:
    """Pickle a value, its buffers too: whoever changes them afterwards does not change what was set."""
    if type(value) is Frames:
        value = Frames(value.header, [bytes(frame) for frame in value.frames])
    return wire.dumps(value)


def pack_outcome(value: Any, error: BaseException | None) -> tuple[int, bytes]:
    """Returns: the kind and body of the message that tells this outcome. Raises: what pickling the value raises."""
    return (Kind.REPLY, pack(value)) if error is None else (Kind.FAIL, wire.encode_failure(error))


def unpack(kind: int, body: Raw) -> tuple[Any, BaseException | None]:
    """Returns: the value, or None and the exception."""
    if kind == Kind.FAIL:
        return None, wire.decode_failure(body)
    try:
        return pickle.loads(body), None
    except Exception as error:
        return None, error
