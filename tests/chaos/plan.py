"""What is done to whom, and when: drawn from a seed, the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import count

__all__ = [
    "FORK_SERVER",
    "HOSTS",
    "IS_FATAL",
    "IS_PASSING",
    "MAY_SAY",
    "NODE",
    "PARTS",
    "PEERS",
    "PEER_ACTORS",
    "REACTOR_PARTS",
    "Action",
    "Harm",
    "draw",
]

PEERS = 6
HOSTS = ("peers-0", "peers-1")
REACTOR_PARTS = ("reactor-PEX", "reactor-STORE", "reactor-PUSH", "reactor-SPILL")
PARTS = ("addrbook", "switch", "metrics", *REACTOR_PARTS, *HOSTS, "rpc")  # children of the node's supervisor
FORK_SERVER, NODE = "fork server", "node"
PEER_ACTORS = tuple(f"peer {index}" for index in range(PEERS))

BOOK, SWITCH = "addrbook", "switch"

SHORT_S = (0.05, 1.0)  # less than any probe's deadline
FAULT_S = (0.2, 5.0)  # of disk, network, clock, names, descriptors
JUMPS_S = (-90_000.0, -3600.0, -1.0, 1.0, 3600.0, 90_000.0)  # of the clock: up to 25 h, either way


class Harm(Enum):
    """What may be done."""

    KILL = "kill"  # SIGKILL
    PAUSE = "pause"  # SIGSTOP, SIGCONT in time
    FREEZE = "freeze"  # SIGSTOP, until the probes find it
    DOZE = "doze"  # a message that it sleeps over, for less than the deadline
    HANG = "hang"  # a message that it sleeps over for ever
    RAISE = "raise"  # an exception in the actor
    POISON = "poison"  # a peer's message that a reactor raises over
    FILL = "fill the disk of"  # nothing that it writes has room
    SLOW = "slow down the disk of"  # what it writes waits
    STARVE = "starve"  # no descriptors but its reserve
    JUMP = "set the clock of"  # hours forth or back
    LOSE_NAMES = "lose the names of"  # none resolves
    SILENCE = "silence"  # the link to a peer carries nothing
    CUT = "cut off"  # the link to a peer ends, and there is none


MAY_SAY: Mapping[str, frozenset[Harm]] = {
    "address book cannot be written, it goes on in memory until it can": frozenset({Harm.FILL, Harm.SLOW}),
    "address book is written again": frozenset({Harm.FILL, Harm.SLOW}),
    "accepting paused": frozenset({Harm.STARVE}),
    "persistent peer not resolved": frozenset({Harm.LOSE_NAMES}),
}
"""What the log may say above info, and what makes it say so."""

IS_PASSING = frozenset(
    {Harm.FILL, Harm.SLOW, Harm.STARVE, Harm.JUMP, Harm.LOSE_NAMES, Harm.SILENCE, Harm.CUT}
)
IS_FATAL = frozenset({Harm.KILL, Harm.FREEZE, Harm.HANG, Harm.RAISE})  # of a part: answered by a restart

_OF_PART = {
    Harm.KILL: 6,
    Harm.PAUSE: 3,
    Harm.FREEZE: 1,
    Harm.DOZE: 2,
    Harm.HANG: 1,
    Harm.RAISE: 4,
    Harm.JUMP: 2,
}
_OF_FORK_SERVER = {Harm.KILL: 1, Harm.PAUSE: 1}
_OF_NODE = {Harm.PAUSE: 1}
_OF_PEER = {Harm.RAISE: 1, Harm.POISON: 1, Harm.SILENCE: 1, Harm.CUT: 1}
_OF_SOME: dict[str, dict[Harm, int]] = {
    BOOK: {Harm.FILL: 10, Harm.SLOW: 10},
    SWITCH: {Harm.LOSE_NAMES: 5, Harm.STARVE: 2},
    **{host: {Harm.FILL: 3, Harm.STARVE: 4} for host in HOSTS},
}


@dataclass(frozen=True, slots=True)
class Action:
    """One of them.

    Args:
        gap: seconds after the last one.
        seconds: how long it takes: a pause, a doze, or what passes by itself.
        reactor: whom a poisoned message is for.
        jump: seconds, of the clock.
    """

    number: int
    gap: float
    harm: Harm
    target: str
    seconds: float = 0.0
    reactor: str = ""
    jump: float = 0.0

    def __str__(self) -> str:
        more = f" over {self.reactor}" if self.reactor else f" by {self.jump:+g} s" if self.jump else ""
        more += f" for {self.seconds:.2f} s" if self.seconds else ""
        return f"{self.number:4} +{self.gap:.2f} s  {self.harm.value} {self.target}{more}"


def draw(seed: int, every: float) -> Iterator[Action]:
    """Endless, one each `every` seconds in the mean.

    First a SIGKILL for every process, in random order; then rounds in which everybody has a turn.
    """
    rng = random.Random(seed)
    numbers = count(1)
    for target in rng.sample((*PARTS, FORK_SERVER), len(PARTS) + 1):
        yield Action(next(numbers), rng.uniform(0, 2 * every), Harm.KILL, target)
    everybody = (*PARTS, FORK_SERVER, NODE, *PEER_ACTORS)
    while True:
        for target in rng.sample(everybody, len(everybody)):
            weights = _weights(target)
            harm = rng.choices(list(weights), list(weights.values()))[0]
            gap, seconds = (
                rng.uniform(0, 2 * every),
                rng.uniform(*(FAULT_S if harm in IS_PASSING else SHORT_S)),
            )
            reactor, jump = rng.choice(REACTOR_PARTS[1:]), rng.choice(JUMPS_S)
            yield Action(
                next(numbers),
                gap,
                harm,
                target,
                seconds if harm in {Harm.PAUSE, Harm.DOZE, *IS_PASSING} else 0.0,
                reactor if harm is Harm.POISON else "",
                jump if harm is Harm.JUMP else 0.0,
            )


def _weights(target: str) -> dict[Harm, int]:
    if target in PARTS:
        return _OF_PART | _OF_SOME.get(target, {})
    return {FORK_SERVER: _OF_FORK_SERVER, NODE: _OF_NODE}.get(target, _OF_PEER)
