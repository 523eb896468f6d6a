"""What hosts and the root tell each other, beside the messages of actors.

A port hands every message to the handler of its kind, as eight positional arguments: that is what the hot path wants.
Handlers of the rarer ones take them as one value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.inbox import Handler
from peerage.actors.runtime.mail.memory import Raw


class SystemMessage(NamedTuple):
    """One message.

    Attributes: source, the address that it came from; correlation, a number that its kind gives a meaning; target, the name
    of the actor that it is about, if any.
    """

    source: int
    correlation: int
    target: bytes
    body: Raw

    def read(self) -> Any:
        """The value in its body."""
        return codec.decode(0, self.body, ())


def handler(serve: Callable[[SystemMessage], object]) -> Handler:
    """The handler of a kind of message that is served with one value."""

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
        serve(SystemMessage(source, corr, target, body))

    return handle
