"""Messages that an actor does not see: Pykka's own, with which its proxies call methods and read and set attributes, and
the requests for parts of its answers.

They come in the mailbox like others, and in order with them. So whoever hands a message to an actor looks whether it is one
of these first, as Pykka's own loop does.
"""

from __future__ import annotations

from typing import Any

from pykka import messages as pykka_messages

from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.mail.answer_stream import CloseStream, MoreParts, OpenStream
from peerage.actors.runtime.mail.proxy import Introspect, introspect

STREAM_MESSAGES = frozenset({OpenStream, MoreParts, CloseStream})
# Compared by type, which costs one hash: a subclass of ProxyCall is a message like any other.
PYKKA_MESSAGES = frozenset(
    {
        pykka_messages.ProxyCall,
        pykka_messages.ProxyGetAttr,
        pykka_messages.ProxySetAttr,
        Introspect,
        OpenStream,
        MoreParts,
        CloseStream,
    }
)


def receive_pykka(actor: HostedActor | None, value: Any) -> Any:
    """Do what such a message says. Raises: whatever the called method, the attribute or the iterator raises."""
    assert actor is not None
    if type(value) in STREAM_MESSAGES:
        return actor.runtime.streams(actor).handle(value)
    if type(value) is Introspect:
        return introspect(actor)
    return actor._handle_receive(value)  # noqa: SLF001 - Pykka's own reading of its messages
