"""Before the handshake: the conformance cases, and many connections at once."""

from __future__ import annotations

import contextlib
from functools import partial

from peerage.conformance import opening
from peerage.conformance.case import Group
from peerage.conformance.visitor import Visitor

__all__ = ["GROUP"]

RUSH = 40

GROUP = Group("TCP, and before the handshake")


def rush(visitor: Visitor, *, hard: bool) -> None:
    """Many more connections from the same address, given up at once."""
    for _ in range(RUSH):
        with contextlib.suppress(OSError), visitor.again() as another:
            if hard:
                another.reset()
    visitor.sock.close()


NAMES = [case.name for case in opening.GROUP.cases]

GROUP.take(opening.GROUP, *NAMES[: NAMES.index("a byte of urgent data")])
GROUP.leaves(f"{RUSH} connections closed at once", partial(rush, hard=False))
GROUP.leaves(f"{RUSH} connections reset at once", partial(rush, hard=True))
GROUP.take(opening.GROUP)
