"""One case done to one node, and what became of it; many of them side by side, with somebody honest beside them."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from peerage.conformance.case import Case, Group, Outcome
from peerage.conformance.examination import loopback_sources
from peerage.conformance.trial import try_out
from tests.hostile.limits import HANDSHAKE_TIMEOUT_S, PING_INTERVAL_S, PONG_TIMEOUT_S
from tests.hostile.targets import Target
from tests.hostile.visitor import FLOOD_S, PATIENCE_S, Visitor, claims
from tests.nodes import wait_until

__all__ = ["Callee", "Finding", "Trials", "settle"]

AT_ONCE = 32
LONGEST_S = (
    5.0 + HANDSHAKE_TIMEOUT_S + PING_INTERVAL_S + PONG_TIMEOUT_S
)  # what may end a connection without a fault
SETTLED_S = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a case.

    Args: seconds, from the last that the case did to the end of the connection; wrong, what is wrong with it, or "";
        source and peer, the address and the ID that it came with.
    """

    group: str
    case: Case
    outcome: Outcome
    seconds: float
    wrong: str
    source: str = ""
    peer: str = ""

    def __str__(self) -> str:
        wrong = f": {self.wrong}" if self.wrong else ""
        return f"{self.group}: {self.case.name}: {self.outcome.value} after {self.seconds:.1f} s{wrong}"


class Callee(Protocol):
    """Whom the cases are done to: a Target is one."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    def dial(self, address: str) -> None:
        """Have it dial, and do not wait."""


class Trials:
    """All that is done to one node. Every case has an address and a key of its own.

    Args: patience, for the end of a connection that must end; flood_s, how long a flood takes.
    """

    def __init__(self, target: Callee, patience: float = LONGEST_S, flood_s: float = FLOOD_S) -> None:
        self._target, self._patience, self._flood_s = target, patience, flood_s
        self._numbers = itertools.count()

    def run(self, *groups: Group, at_once: int = AT_ONCE) -> list[Finding]:
        """All their cases, some at a time."""
        cases = [(group, case) for group in groups for case in group.cases]
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self.attempt, *zip(*cases, strict=True)))

    def attempt(self, group: Group, case: Case) -> Finding:
        """One of them. May be called from many threads."""
        number = next(self._numbers)
        source = loopback_sources(number)
        try:
            with self._meet(case, source) as visitor:
                visitor.flood_s = self._flood_s
                end = try_out(visitor, case, self._patience)
        except OSError as error:
            return Finding(group.name, case, Outcome.HELD, 0.0, f"it could not be tried: {error!r}")
        return Finding(group.name, case, end.outcome, end.seconds, end.wrong, source, visitor.key.node_id)

    @contextlib.contextmanager
    def _meet(self, case: Case, source: str) -> Iterator[Visitor]:
        if not case.is_dialled:
            with Visitor.from_place(self._target.host, self._target.port, source) as visitor:
                yield visitor
            return
        with socket.create_server((source, 0)) as server:
            server.settimeout(PATIENCE_S)
            port = server.getsockname()[1]
            with Visitor.called(
                server, lambda peer: self._target.dial(f"{peer}@{source}:{port}"), claims(source, port)
            ) as visitor:
                yield visitor


def settle(target: Target, most: int) -> None:
    """Wait until the node holds no more connections than that. Raises: AssertionError."""
    wait_until(
        lambda: target.connections() <= most, SETTLED_S, f"at most {most} connections: {target.connections()}"
    )
