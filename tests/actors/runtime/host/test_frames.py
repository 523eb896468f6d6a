"""All threads are seen, and the collector stands still meanwhile."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType

import pytest

from peerage.actors.runtime.host import frames


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    yield
    gc.enable()


def test_a_thread_is_seen_in_the_function_that_it_runs() -> None:
    is_there, may_end = threading.Event(), threading.Event()

    def wait_in_a_thread() -> None:
        is_there.set()
        may_end.wait()

    thread = threading.Thread(target=wait_in_a_thread)
    thread.start()
    is_there.wait()
    try:
        assert thread.ident is not None
        frame = frames.current_frames()[thread.ident]
        assert "wait_in_a_thread" in {each.f_code.co_name for each, _line in traceback.walk_stack(frame)}
    finally:
        may_end.set()
        thread.join()


@pytest.mark.parametrize("is_on", [True, False])
def test_nothing_is_collected_meanwhile_and_the_collector_is_afterwards_as_before(
    is_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection in the middle of the call would stand still for ever where it frees a thread's local values."""
    if not is_on:
        gc.disable()
    seen: list[bool] = []

    def look() -> dict[int, FrameType]:
        seen.append(gc.isenabled())
        return {}

    monkeypatch.setattr(sys, "_current_frames", look)
    assert frames.current_frames() == {}
    assert seen == [False]
    assert gc.isenabled() is is_on


def test_the_collector_is_on_again_when_the_call_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise MemoryError

    monkeypatch.setattr(sys, "_current_frames", fail)
    with pytest.raises(MemoryError):
        frames.current_frames()
    assert gc.isenabled()
