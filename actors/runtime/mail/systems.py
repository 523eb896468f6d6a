"""What tells one actor system from another, and why an actor of another one cannot be reached.

Names repeat and serials begin again with every system, and a process may have several, one after the other; a forked child
remembers its parent's. Without more, a ref of one that has ended would lead to a namesake in the next. So each system has a
token, `Process.system`, that no other has; whatever leads to an actor carries it.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

TOKEN_BYTES = 6  # random; short, because refs carry the token and are sent by the thousand
REMEMBERED = 1000  # systems of the past, only for a better message: a test suite may have any number of them

HAS_ENDED = "is of an actor system that has ended: start it again, or take a ref of the system that runs now"
INHERITED = (
    "is of the actor system of process {pid}, of which this process is a forked child: start actors of its own here, which "
    "makes a system of its own, or have an actor do the work instead of a forked process"
)
ELSEWHERE = (
    "is of the actor system of another process, or of one that has ended: a ref is of use in the processes of its own "
    "system only; start an actor here, or pass on what is to be said to it by other means"
)


class Whereabouts(NamedTuple):
    """What is known here of a system that is not the one that runs here."""

    has_ended: bool  # known to have: False may mean that nothing is known
    text: str  # the end of a sentence about something that belongs to it, with what to do instead


_past: dict[str, Whereabouts] = {}


def new() -> str:
    """The token of a new system."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def has_ended(token: str) -> None:
    """Note that this process's system has ended."""
    _remember(token, Whereabouts(True, HAS_ENDED))


def is_the_parents(token: str, pid: int) -> None:
    """Note, in a forked child, that a system is one of process `pid`, its parent."""
    _remember(token, Whereabouts(False, INHERITED.format(pid=pid)))


def _remember(token: str, whereabouts: Whereabouts) -> None:
    # The oldest is forgotten: a dict keeps the order in which its keys came.
    if len(_past) >= REMEMBERED:
        del _past[next(iter(_past))]
    _past[token] = whereabouts


def whereabouts(token: str) -> Whereabouts:
    """What is known of a system that is not the one that runs here; of one never met, that it is elsewhere."""
    return _past.get(token) or Whereabouts(False, ELSEWHERE)
