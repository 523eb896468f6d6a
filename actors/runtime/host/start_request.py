"""How an actor is to be started in a host that is there: by a message, or by its neighbour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.ref import ActorRef


class StartRequest(NamedTuple):
    """Message to a host: start an actor.

    Attributes: what, the class and its arguments, pickled apart from the rest, because its definitions may travel along;
    owner, an actor that this one must end with, where it is not the root that sees to it.
    """

    name: str
    what: bytes
    extra: Any = None
    owner: ActorRef[Any] | None = None

    def packed(self) -> bytes:
        """The body of the message."""
        return codec.dumps(tuple(self))


@dataclass(slots=True)
class Endowment:
    """What an actor is given beside its arguments.

    Attributes: fds, descriptors by name, which are its own from now on; extra, a value; owner, as above.
    """

    fds: dict[str, int] = field(default_factory=dict)
    extra: Any = None
    owner: ActorRef[Any] | None = None
