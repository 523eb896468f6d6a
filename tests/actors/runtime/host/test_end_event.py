"""actors/runtime/host/end_event.py: an event that is made when somebody waits for it."""

from __future__ import annotations

import threading

from peerage.actors.runtime.host.end_event import EndEvent

PATIENCE_S = 10.0


def test_it_is_an_event_that_is_set_once() -> None:
    event = EndEvent()
    assert isinstance(event, threading.Event)
    assert (event.is_set(), event.wait(0.0)) == (False, False)
    event.set()
    event.set()
    assert (event.is_set(), event.wait(), event.wait(0.0)) == (True, True, True)


def test_whoever_waits_for_it_goes_on() -> None:
    """Several threads, of which the first makes what they wait on."""
    event, woken, waiting = EndEvent(), list[bool](), threading.Barrier(4)

    def wait() -> None:
        waiting.wait(PATIENCE_S)
        woken.append(event.wait(PATIENCE_S))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    waiting.wait(PATIENCE_S)
    event.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert woken == [True, True, True]


def test_it_shows_whether_it_is_set() -> None:
    event = EndEvent()
    assert repr(event).endswith(": unset>")
    event.set()
    assert repr(event).endswith(": set>")
