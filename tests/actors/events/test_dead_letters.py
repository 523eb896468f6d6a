"""Dead letters as events: one a second for each target, and none in the embedding process."""

from __future__ import annotations

import os

from peerage.actors.events.dead_letters import MOST_TARGETS, OTHERS, WINDOW_S, DeadLetterWatch
from peerage.actors.events.happenings import DeadLetter
from tests.actors.events.parts import FakeRuntime


def test_losses_are_added_up_by_target() -> None:
    runtime, told = FakeRuntime(), list[DeadLetter]()
    DeadLetterWatch(runtime, told.append)
    assert runtime.hook is not None
    runtime.hook("a/a", 1)
    runtime.hook("b/b", 5)
    runtime.hook("a/a", 2)
    assert told == []
    runtime.pass_by(WINDOW_S)
    assert told == [DeadLetter("peers-0", "a/a", 3), DeadLetter("peers-0", "b/b", 5)]
    runtime.pass_by(WINDOW_S)
    assert len(told) == 2


def test_many_targets_are_one() -> None:
    runtime, told = FakeRuntime(), list[DeadLetter]()
    DeadLetterWatch(runtime, told.append)
    assert runtime.hook is not None
    for number in range(MOST_TARGETS + 10):
        runtime.hook(f"a/{number}", 1)
    runtime.pass_by(WINDOW_S)
    assert told[-1] == DeadLetter("peers-0", OTHERS, 10)
    assert len(told) == MOST_TARGETS + 1


def test_the_embedding_process_keeps_its_own_hook() -> None:
    runtime = FakeRuntime()
    runtime.process_ids = (os.getpid(), os.getpid() + 1)
    DeadLetterWatch(runtime, lambda _what: None)
    assert runtime.hook is None
