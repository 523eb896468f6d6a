"""Those who wait for a future are told once."""

from __future__ import annotations

import threading

from peerage.actors.runtime.mail.waiters import Waiters


def test_functions_are_called_once_in_order() -> None:
    """However often it is told."""
    waiters, called = Waiters(), []
    for number in range(3):
        waiters.add(lambda number=number: called.append(number))  # type: ignore[misc]  # bound here
    waiters.tell()
    waiters.tell()
    waiters.call()
    assert called == [0, 1, 2]


def test_a_callback_that_was_dropped_is_not_called() -> None:
    """Whether anybody is left is told."""
    waiters, called = Waiters(), []

    def first() -> None:
        called.append("first")

    def second() -> None:
        called.append("second")

    waiters.add(first)
    waiters.add(second)
    assert not waiters.drop(first)
    waiters.tell()
    waiters.add(first)
    assert waiters.drop(first)
    assert called == ["second"]


def test_threads_are_woken_while_they_wait() -> None:
    """Not those that have ceased to."""
    waiters, during, after = Waiters(), threading.Event(), threading.Event()
    with waiters.woken(after):
        assert waiters
    assert not waiters
    with waiters.woken(during):
        waiters.tell()
    assert (during.is_set(), after.is_set()) == (True, False)


def test_a_function_may_add_another() -> None:
    """That one is for the next time."""
    waiters, called = Waiters(), []
    waiters.add(lambda: waiters.add(lambda: called.append("second")))
    waiters.tell()
    assert called == []
    assert waiters
