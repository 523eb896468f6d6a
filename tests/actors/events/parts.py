"""Events to test with, and what an actor's host would be."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from peerage.actors.events.happenings import Connected, Direction, Lost, NodeEvent, Refused
from peerage.actors.loss import LossReason
from peerage.actors.refusal import RefusalReason
from peerage.actors.runtime import ActorRef
from tests.fake_clock import FakeClock

ANNA, BERT = "a" * 40, "b" * 40


class FakeRuntime(FakeClock):
    """Time passes when the test says so; `up` and `down` are what happens to the followed."""

    host_name = "peers-0"

    def __init__(self) -> None:
        super().__init__()
        self.process_ids = (os.getpid() + 1, os.getpid())  # we are no embedding process
        self.hook: Callable[[str, int], None] | None = None
        self._on_up: list[Callable[[], object]] = []
        self._on_down: list[Callable[[Any], object]] = []

    def call_threadsafe(self, fn: Callable[..., object], *args: Any) -> None:
        fn(*args)

    def on_dead_letter(self, hook: Callable[[str, int], None]) -> None:
        self.hook = hook

    def follow(
        self, _ref: ActorRef, *, on_up: Callable[[], object], on_down: Callable[[Any], object]
    ) -> None:
        self._on_up.append(on_up)
        self._on_down.append(on_down)

    def up(self) -> None:
        for call in self._on_up:
            call()

    def down(self) -> None:
        for call in self._on_down:
            call("killed")


def came(number: int = 1, peer: str = ANNA, moniker: str = "anna", since: float = 1000.0) -> Connected:
    address = f"192.0.2.{number}:26656"
    return Connected(peer, address, Direction.INBOUND, moniker, "0.38.0", False, f"c-{number}", since)


def gone(number: int = 1, peer: str = ANNA, reason: LossReason = LossReason.NO_PONG) -> Lost:
    address = f"192.0.2.{number}:26656"
    return Lost(reason, "none", peer, address, Direction.INBOUND, "anna", "0.38.0", f"c-{number}", 5.0)


def refused(detail: str = "why", address: str = "192.0.2.9:1", peer: str = "") -> Refused:
    return Refused(RefusalReason.FILTERED, detail, peer, address, Direction.INBOUND)


def event(what: Any, event_id: str = "x-1", time: float = 1000.0) -> NodeEvent:
    return NodeEvent(event_id, time, "ours", what)
