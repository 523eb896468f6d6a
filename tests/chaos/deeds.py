"""What was done to the node, and what its log must say of it: every restart once, with its cause, and no other fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.chaos_node import KILLED, PROBE_TIMEOUT_S, Log, probe_timeout_of
from tests.chaos.plan import MAY_SAY, Harm

__all__ = ["Deeds"]

FAULT = "exception: AttributeError: "  # of the one that the program has actors raise
OUR_DOING = ("peer host ", "internal error: AttributeError", "reactor ")  # why a connection may end


class Deeds:
    """The fatal ones.

    Args:
        restarted, killed: (child, cause), as the supervisor should report.
        failed: actors made to raise; raised: (reactor, peer ID), for each message that a reactor raised over.
        fork_servers: how many were killed; passing, how often what passes by itself was done, by kind.
    """

    def __init__(self, probe_timeout: float = PROBE_TIMEOUT_S) -> None:
        self._probe_timeout = probe_timeout
        self.restarted: Counter[tuple[str, str]] = Counter()
        self.killed: Counter[tuple[str, str]] = Counter()
        self.failed: Counter[str] = Counter()
        self.raised: Counter[tuple[str, str]] = Counter()
        self.fork_servers = 0
        self.passing: Counter[Harm] = Counter()

    def restarts(self, part: str) -> int:
        """How often it should have been restarted."""
        return sum(count for (child, _), count in self.restarted.items() if child == part)

    def add(self, harm: Harm, part: str) -> None:
        """A child of the supervisor will be restarted."""
        cause = {Harm.KILL: KILLED, Harm.RAISE: FAULT}.get(harm) or self._hung(part)
        self.restarted[part, cause] += 1
        if harm is Harm.RAISE:
            self.failed[part] += 1
        elif harm is not Harm.KILL:
            self.killed[part, cause] += 1

    def violations(self, log: Log) -> list[str]:
        """Where the log says something else, a line each."""
        restarted: Counter[tuple[str, str]] = Counter()
        for (child, cause), count in log.restarted.items():
            restarted[child, FAULT if cause.startswith(FAULT) else cause] += count
        ended = Counter({part: self.restarts(part) for part, _ in self.restarted})
        return [
            *_differences("child restarted", restarted, self.restarted),
            *_differences("child killed", log.killed, self.killed),
            *_differences("actor failed", log.failed, self.failed),
            *_differences("reactor raised, peer stopped", log.raised, self.raised),
            *_differences("host ended", log.ended, ended),
            *_differences("fork server died", {"": log.fork_servers_died}, {"": self.fork_servers}),
            *(
                f"{count} connections ended that nobody harmed: {reason}"
                for reason, count in log.lost.items()
                if not reason.startswith(OUR_DOING)
            ),
            *(
                f"logged {count} times, and nobody did {' or '.join(harm.name for harm in MAY_SAY[event])}: {event}"
                for event, count in log.told.items()
                if not any(self.passing[harm] for harm in MAY_SAY[event])
            ),
            *(f"logged: {line[:500]}" for line in log.others),
        ]

    def _hung(self, part: str) -> str:
        return f"hung: no answer within {probe_timeout_of(part, self._probe_timeout):g} s"


def _differences(event: str, logged: Mapping[Any, int], caused: Mapping[Any, int]) -> Iterator[str]:
    for key in sorted(logged.keys() | caused.keys(), key=str):
        if logged.get(key, 0) != caused.get(key, 0):
            yield f"{event} {key}: logged {logged.get(key, 0)} times, caused {caused.get(key, 0)} times"
