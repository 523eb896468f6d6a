"""Where a scenario plays: its nodes, its patience, and what was seen there."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.interop.cometnode import CometNode
from tests.interop.versions.ours import OurNode, total

NETWORK = "versions"
POLL_S = 0.1
SILENCE_S = 10.0  # without an answer, on a machine that has much to do
METRICS_LAG_S = 1.5  # counts are sent every second
# Validators that wait for transactions: what is looked at is peers, not blocks.
QUIET = {("consensus", "create_empty_blocks"): False}


class NotSeenError(Exception):
    """What must happen did not happen in time."""


class StoppedError(Exception):
    """The command is being ended."""


class Stage:
    """One scenario with one version. A context manager: every process started here ends with it.

    Args:
        version: of the real nodes.
        home: an empty directory.
        stopping: set when the command is being ended.
        rng: for moments that must not be the same each time.
    """

    def __init__(
        self, version: str, home: Path, stopping: threading.Event, rng: random.Random | None = None
    ) -> None:
        self.version = version
        self.rng = rng or random.Random()
        self.seen: list[str] = []
        """What happened, for the table."""
        self.faults: list[str] = []
        """What happened and must not."""
        self._home = home
        self._stopping = stopping
        self._stack = ExitStack()
        self._ours: dict[str, OurNode] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # --- nodes ---

    def ours(self, name: str, **settings: str) -> OurNode:
        """Start a node of ours."""
        node = self._stack.enter_context(OurNode(self._home / name, network=NETWORK, **settings))
        self._ours[name] = node
        return node

    def theirs(
        self,
        name: str,
        *,
        chain: CometNode | None = None,
        persistent_peers: Sequence[str] = (),
        keys: Mapping[tuple[str, str], object] | None = None,
        **p2p: object,
    ) -> CometNode:
        """Start a real node.

        Args: chain, whose blocks it follows, its own by default; keys, of any section; p2p, of that one.
        """
        node = CometNode(
            self._home / name,
            version=self.version,
            network=NETWORK,
            moniker=name,
            persistent_peers=persistent_peers,
            genesis=chain,
            p2p=p2p,
            keys=QUIET | dict(keys or {}),
        )
        self._stack.callback(node.stop)
        return node.start()

    # --- time ---

    def sleep(self, seconds: float) -> None:
        """Let time pass. Raises: StoppedError."""
        if self._stopping.wait(seconds):
            raise StoppedError

    def until(self, condition: Callable[[], Any], timeout: float, what: str) -> float:
        """Wait until a condition is true. Returns: how many seconds that took.

        Raises: NotSeenError, StoppedError.
        """
        began = time.monotonic()
        while not _ask(condition):
            if time.monotonic() - began > timeout:
                raise NotSeenError(f"not within {timeout:g} s: {what}")
            self.sleep(POLL_S)
        return time.monotonic() - began

    def stays(self, condition: Callable[[], Any], seconds: float, what: str) -> None:
        """See that a condition is true all the time, as often as there is an answer.

        Raises: NotSeenError, StoppedError.
        """
        began = time.monotonic()
        answer: bool | None = None
        while time.monotonic() - began < seconds or answer is None:
            answer = _ask(condition)
            passed = time.monotonic() - began
            if answer is False or (answer is None and passed > seconds + SILENCE_S):
                raise NotSeenError(f"no longer after {passed:.1f} s: {what}")
            self.sleep(POLL_S)

    # --- findings ---

    def note(self, text: str) -> None:
        """Something that was seen."""
        self.seen.append(text)

    def expect(self, holds: bool, text: str) -> None:
        """Something that was seen, and whether it may be."""
        (self.seen if holds else self.faults).append(text)

    def expect_no_bans(self) -> None:
        """None of our nodes has banned anybody, nor refused anybody for a ban."""
        self.sleep(METRICS_LAG_S)
        bans = refusals = 0
        reasons: set[str] = set()
        for node in self._ours.values():
            found = node.metrics()
            bans += total(found, "p2p_bans_total")
            reasons.update(reason for (reason,) in found.get("p2p_bans_total", {}))
            refusals += int(found.get("p2p_refusals_total", {}).get(("banned",), 0))
        text = f"{bans} bans"
        if reasons:
            text += f" ({', '.join(sorted(reasons))})"
        if refusals:
            text += f", {refusals} refusals of the banned"
        self.expect(not bans and not refusals, text)


def connected(ours: OurNode, theirs: CometNode) -> bool:
    """Whether each of the two has the other among its peers."""
    return ours.peer(theirs.id) is not None and theirs.peer(ours.node_id) is not None


def _ask(condition: Callable[[], Any]) -> bool | None:
    try:
        return bool(condition())
    except OSError:  # it is busy, or just going down
        return None
