"""Telling an actor that nobody wants its answer any more.

The ask itself is settled as before: its place in the window is free when the actor has answered, or has not begun. This is a
message beside it, which is read at once, also while the actor handles that very ask.
"""

from __future__ import annotations

import contextlib
from typing import Any

from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.mail.asks import Ask
from peerage.actors.runtime.mail.envelope import Kind


def cancel_ask(port: Any, ask: Ask) -> None:
    """Tell the actor, if it was asked and has not answered. From any thread. Args: port, that has asked; None for nobody."""
    route = ask.route
    if port is None or route is None or ask.number == 0:  # in line, where its port forgets it
        return
    with port.lock:
        if port.asks.open.get(ask.number) is ask and not port.closed:
            with contextlib.suppress(ActorDeadError):  # no way to it: it is told nothing, and answers
                port.send(route.address, Kind.CANCEL, ask.number, target=route.target)
