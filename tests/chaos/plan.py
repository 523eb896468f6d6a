"""What is done to whom, and when: drawn from a seed, the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import count

__all__ = [
    "FORK_SERVER",
    "HOSTS",
    "IS_FATAL",
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

SHORT_S = (0.05, 1.0)  # less than any probe's deadline


class Harm(Enum):
    """What may be done."""

    KILL = "kill"  # SIGKILL
    PAUSE = "pause"  # SIGSTOP, SIGCONT in time
    FREEZE = "freeze"  # SIGSTOP, until the probes find it
    DOZE = "doze"  # a message that it sleeps over, for less than the deadline
    HANG = "hang"  # a message that it sleeps over for ever
    RAISE = "raise"  # an exception in the actor
    POISON = "poison"  # a peer's message that a reactor raises over


IS_FATAL = frozenset({Harm.KILL, Harm.FREEZE, Harm.HANG, Harm.RAISE})  # of a part: answered by a restart

_OF_PART = {Harm.KILL: 6, Harm.PAUSE: 3, Harm.FREEZE: 1, Harm.DOZE: 2, Harm.HANG: 1, Harm.RAISE: 4}
_OF_FORK_SERVER = {Harm.KILL: 1, Harm.PAUSE: 1}
_OF_NODE = {Harm.PAUSE: 1}
_OF_PEER = {Harm.RAISE: 1, Harm.POISON: 1}


@dataclass(frozen=True, slots=True)
class Action:
    """One of them.

    Args:
        gap: seconds after the last one.
        seconds: how long a pause or a doze takes.
        reactor: whom a poisoned message is for.
    """

    number: int
    gap: float
    harm: Harm
    target: str
    seconds: float = 0.0
    reactor: str = ""

    def __str__(self) -> str:
        more = (
            f" for {self.seconds:.2f} s" if self.seconds else f" over {self.reactor}" if self.reactor else ""
        )
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
            gap, seconds, reactor = (
                rng.uniform(0, 2 * every),
                rng.uniform(*SHORT_S),
                rng.choice(REACTOR_PARTS[1:]),
            )
            yield Action(
                next(numbers),
                gap,
                harm,
                target,
                seconds if harm in {Harm.PAUSE, Harm.DOZE} else 0.0,
                reactor if harm is Harm.POISON else "",
            )


def _weights(target: str) -> dict[Harm, int]:
    if target in PARTS:
        return _OF_PART
    return {FORK_SERVER: _OF_FORK_SERVER, NODE: _OF_NODE}.get(target, _OF_PEER)
