"""One case done to one node, and what became of it; many of them side by side, with somebody honest beside them."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from peerage.wire.errors import RemoteError
from tests.hostile.case import Case, Group, Outcome
from tests.hostile.limits import HANDSHAKE_TIMEOUT_S, PING_INTERVAL_S, PONG_TIMEOUT_S
from tests.hostile.targets import Target
from tests.hostile.visitor import FLOOD_S, PATIENCE_S, Visitor
from tests.nodes import wait_until

__all__ = ["Callee", "Finding", "Trials", "settle"]

AT_ONCE = 32
LONGEST_S = (
    5.0 + HANDSHAKE_TIMEOUT_S + PING_INTERVAL_S + PONG_TIMEOUT_S
)  # what may end a connection without a fault
GRACE_S = 10.0  # for whoever should end a connection and does not at once
BRIEF_S = 0.3  # for one that may wait as long as it likes
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
        source = f"127.{16 + number % 230}.{1 + number // 230}.{1 + number % 250}"
        try:
            with self._meet(case, source) as visitor:
                outcome, seconds, wrong = self._do(visitor, case)
        except OSError as error:
            return Finding(group.name, case, Outcome.HELD, 0.0, f"it could not be tried: {error!r}")
        if not wrong and outcome not in case.must:
            wrong = f"{' or '.join(sorted(each.value for each in case.must))} was expected"
        return Finding(group.name, case, outcome, seconds, wrong, source, visitor.key.node_id)

    @contextlib.contextmanager
    def _meet(self, case: Case, source: str) -> Iterator[Visitor]:
        if not case.is_dialled:
            with Visitor.calling(self._target.host, self._target.port, source) as visitor:
                yield visitor
            return
        with socket.create_server((source, 0)) as server:
            server.settimeout(PATIENCE_S)
            port = server.getsockname()[1]
            with Visitor.called(server, lambda peer: self._target.dial(f"{peer}@{source}:{port}")) as visitor:
                yield visitor

    def _do(self, visitor: Visitor, case: Case) -> tuple[Outcome, float, str]:
        """Returns: what became of it, after how long, and what is wrong with that."""
        began = time.monotonic()
        visitor.flood_s = self._flood_s
        try:
            with contextlib.suppress(RemoteError):  # they go on with other keys, and we cannot read them
                case.act(visitor)
            began = time.monotonic()
            outcome = self._outcome(visitor, case)
        except AssertionError as error:
            return Outcome.HELD, time.monotonic() - began, str(error)
        except TimeoutError:
            outcome = Outcome.HELD
        except OSError:
            outcome = Outcome.ENDED
        return outcome, time.monotonic() - began, ""

    def _outcome(self, visitor: Visitor, case: Case) -> Outcome:
        if visitor.sock.fileno() == -1:
            return Outcome.LEFT
        if Outcome.SERVED in case.must:
            visitor.echo()
            return Outcome.ENDED if visitor.wait_for_the_end(BRIEF_S) else _served(visitor)
        if Outcome.HELD in case.must:
            return Outcome.ENDED if visitor.wait_for_the_end(BRIEF_S) else Outcome.HELD
        lenient = visitor.has_joined and visitor.answers_pings
        if visitor.wait_for_the_end(GRACE_S if lenient else self._patience):
            return Outcome.ENDED
        return _served(visitor) if visitor.has_joined else Outcome.HELD


def _served(visitor: Visitor) -> Outcome:
    visitor.echo()
    return Outcome.SERVED


def settle(target: Target, most: int) -> None:
    """Wait until the node holds no more connections than that. Raises: AssertionError."""
    wait_until(
        lambda: target.connections() <= most, SETTLED_S, f"at most {most} connections: {target.connections()}"
    )
