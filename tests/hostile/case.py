"""What a hostile case is: something done to a node, and what must become of the connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.hostile.visitor import Visitor

__all__ = ["Act", "Case", "Group", "Outcome"]

Act = Callable[[Visitor], object]


class Outcome(Enum):
    """What becomes of a connection. The value is the table's word for it."""

    ENDED = "ended"  # by the other side
    SERVED = "served"  # a message is still echoed
    HELD = "held"  # neither: the other side waits
    LEFT = "left"  # we have gone


@dataclass(frozen=True, slots=True)
class Case:
    """One of them.

    Args:
        name: what is sent, in a few words.
        act: done on a fresh connection; an OSError in it is the end of that by the other side.
        must: what may become of it.
        is_dialled: the node dials us; otherwise we dial it.
        reason: why it goes on with us where CometBFT ends the connection; "" where it does not.
    """

    name: str
    act: Act
    must: frozenset[Outcome]
    is_dialled: bool = False
    reason: str = ""


class Group:
    """Cases of one kind. Args: name, its headline in the table; is_flood, whether they are much work for the node."""

    def __init__(self, name: str, *, is_flood: bool = False) -> None:
        self.name, self.is_flood = name, is_flood
        self.cases: list[Case] = []

    def add(
        self,
        name: str,
        act: Act,
        *must: Outcome,
        is_dialled: bool = False,
        reason: str = "",
    ) -> None:
        """Args: as of Case."""
        self.cases.append(Case(name, act, frozenset(must), is_dialled, reason))

    def ends(self, name: str, act: Act, *, is_dialled: bool = False) -> None:
        """It must end the connection."""
        self.add(name, act, Outcome.ENDED, is_dialled=is_dialled)

    def goes_on(self, name: str, act: Act, *, is_dialled: bool = False, reason: str = "") -> None:
        """It is odd and allowed: the peer is served as before."""
        self.add(name, act, Outcome.SERVED, is_dialled=is_dialled, reason=reason)

    def waits(self, name: str, act: Act, *, is_dialled: bool = False) -> None:
        """More is to come, and the other side may wait for it as long as the peer lives."""
        self.add(name, act, Outcome.HELD, Outcome.ENDED, is_dialled=is_dialled)

    def leaves(self, name: str, act: Act, *, is_dialled: bool = False) -> None:
        """We go ourselves: nothing of us may be left."""
        self.add(name, act, Outcome.LEFT, is_dialled=is_dialled)
