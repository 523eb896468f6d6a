"""Names of a node whose actors are not there: what they would be told is kept in one list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.mail import codec

Told = list[tuple[str, object]]


@contextmanager
def recorded() -> Iterator[Told]:
    """Everything that is told to any actor of another name: (its name, the message)."""
    told: Told = []

    def tell(ref: ActorRef, message: object, **_options: object) -> None:
        told.append((ref.name, _unpacked(message)))

    def tell_many(ref: ActorRef, messages: Iterable[object], **_options: object) -> None:
        told.extend((ref.name, _unpacked(message)) for message in messages)

    with patch.object(ActorRef, "tell", tell), patch.object(ActorRef, "tell_many", tell_many):
        yield told


def _unpacked(message: object) -> object:
    """What whoever is told a message gets."""
    return (
        codec.decode(message.flags, message.body, message.extras)
        if isinstance(message, codec.Encoded)
        else message
    )
