"""What a case is: something done to a node on a connection of its own, the rule it is about, what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from peerage.conformance.visitor import Visitor

__all__ = ["TIMEOUT", "Act", "Case", "Group", "Outcome", "Rule", "When"]

Act = Callable[[Visitor], object]


class Outcome(Enum):
    """What becomes of a connection. The value is the table's word for it."""

    ENDED = "ended"  # by the other side
    SERVED = "served"  # a message is still answered
    HELD = "held"  # neither: the other side waits
    LEFT = "left"  # we have gone


@dataclass(frozen=True, slots=True)
class Rule:
    """What a case checks. Args: section, of docs/reference/protocol.md; text, the rule in a sentence."""

    section: str
    text: str

    @property
    def pair(self) -> tuple[str, str]:
        """As `Group.about` takes it."""
        return self.section, self.text

    def __str__(self) -> str:
        return f"{self.section}: {self.text}"


TIMEOUT = Rule("5", "a handshake that is not done within its timeout is given up")


class When(Enum):
    """When `peerage conform` does a case. The value is the flag that asks for it, "" for none."""

    ALWAYS = ""
    WIDELY = "--all"  # a variant of a case that is always done
    PATIENTLY = "--slow"  # it takes as long as a ping and its pong may: up to two minutes
    NEVER = "-"  # too much for a node of somebody else


@dataclass(frozen=True, slots=True)
class Case:
    """One of them.

    Args:
        name: what is sent, in a few words.
        act: done on a fresh connection; an OSError in it is the end of that by the other side.
        must: what may become of it.
        is_dialled: the node dials us; otherwise we dial it.
        reason: why it goes on with us where CometBFT ends the connection; "" where it does not.
        rule: that it is about.
        when: whom it is done to.
        asks_pex: it needs a node that exchanges addresses.
        is_offence: the sender may be barred for it, so it comes last.
        takes_two: it makes a second connection beside its own.
        is_of_peers: it is about peers, which whoever calls a seed is not.
    """

    name: str
    act: Act
    must: frozenset[Outcome]
    is_dialled: bool = False
    reason: str = ""
    rule: Rule = Rule("", "")
    when: When = When.ALWAYS
    asks_pex: bool = False
    is_offence: bool = False
    takes_two: bool = False
    is_of_peers: bool = False

    @property
    def is_timeout(self) -> bool:
        """Whether it waits until the node gives up, and does nothing meanwhile."""
        return self.rule == TIMEOUT or self.when is When.PATIENTLY

    @property
    def needs(self) -> Sequence[str]:
        """The flags without which `peerage conform` leaves it out."""
        flags = [self.when.value] if self.when is not When.ALWAYS else []
        return [*flags, "--rpc"] if self.is_dialled else flags

    @property
    def right(self) -> str:
        """What a right answer is, in words."""
        return " or ".join(_RIGHT[each] for each in Outcome if each in self.must)


_RIGHT = {
    Outcome.ENDED: "the node ends the connection",
    Outcome.SERVED: "the node goes on as before",
    Outcome.HELD: "the node waits",
    Outcome.LEFT: "the node serves the next peer",
}


class Group:
    """Cases of one kind.

    Args: name, its headline in tables; key, its name in flags; is_flood, whether they are much work for the node.
    """

    def __init__(self, name: str, key: str = "", *, is_flood: bool = False) -> None:
        self.name, self.key, self.is_flood = name, key, is_flood
        self.cases: list[Case] = []
        self._like = Case("", lambda _visitor: None, frozenset())

    def about(
        self,
        section: str,
        text: str,
        *,
        when: When = When.ALWAYS,
        asks_pex: bool = False,
        is_offence: bool = False,
        takes_two: bool = False,
        is_of_peers: bool = False,
    ) -> None:
        """The rule that the following cases are about, and what else they have in common. Args: as of Rule and Case."""
        self._like = replace(
            self._like,
            rule=Rule(section, text),
            when=when,
            asks_pex=asks_pex,
            is_offence=is_offence,
            takes_two=takes_two,
            is_of_peers=is_of_peers,
        )

    def add(
        self,
        name: str,
        act: Act,
        *must: Outcome,
        is_dialled: bool = False,
        reason: str = "",
        when: When | None = None,
    ) -> None:
        """Args: as of Case; when, another than what `about` said."""
        case = replace(
            self._like, name=name, act=act, must=frozenset(must), is_dialled=is_dialled, reason=reason
        )
        self.cases.append(case if when is None else replace(case, when=when))

    def take(self, other: Group, *names: str) -> None:
        """Cases of another group, by default all of them, but those that are here already."""
        here = {case.name for case in self.cases}
        self.cases += [
            case for case in other.cases if case.name not in here and (not names or case.name in names)
        ]

    def ends(self, name: str, act: Act, *, is_dialled: bool = False, when: When | None = None) -> None:
        """It must end the connection."""
        self.add(name, act, Outcome.ENDED, is_dialled=is_dialled, when=when)

    def goes_on(
        self,
        name: str,
        act: Act,
        *,
        is_dialled: bool = False,
        reason: str = "",
        when: When | None = None,
    ) -> None:
        """It is odd and allowed: the peer is served as before."""
        self.add(name, act, Outcome.SERVED, is_dialled=is_dialled, reason=reason, when=when)

    def waits(self, name: str, act: Act, *, is_dialled: bool = False, when: When | None = None) -> None:
        """More is to come, and the other side may wait for it as long as the peer lives."""
        self.add(name, act, Outcome.HELD, Outcome.ENDED, is_dialled=is_dialled, when=when)

    def leaves(self, name: str, act: Act, *, is_dialled: bool = False, when: When | None = None) -> None:
        """We go ourselves: nothing of us may be left."""
        self.add(name, act, Outcome.LEFT, is_dialled=is_dialled, when=when)
