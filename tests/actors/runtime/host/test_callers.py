"""What is done when a mailbox is gone."""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.runtime.host.callers import Callers


def test_each_is_called_once_when_its_caller_is_gone() -> None:
    """Those of others wait on."""
    callers, gone = Callers(), list[str]()
    callers.watch(1, lambda: gone.append("one"))
    callers.watch(1, lambda: gone.append("one again"))
    callers.watch(2, lambda: gone.append("two"))
    for _ in range(2):
        callers.forget(lambda address: address == 1)
    assert gone == ["one", "one again"]
    assert len(callers) == 1


def test_one_that_is_given_up_leaves_nothing() -> None:
    """Whether its caller lives or not; a second time has no effect."""
    callers, gone = Callers(), list[str]()
    unwatch = callers.watch(1, lambda: gone.append("one"))
    other = callers.watch(1, lambda: gone.append("other"))
    unwatch()
    unwatch()
    callers.forget(lambda _address: True)
    other()
    assert gone == ["other"]
    assert len(callers) == 0


def test_what_is_called_may_give_up_others() -> None:
    """Of the same caller, which are called all the same, or have been."""
    callers, gone = Callers(), list[str]()
    others: list[Callable[[], None]] = []

    def first() -> None:
        gone.append("first")
        others[0]()

    callers.watch(1, first)
    others.append(callers.watch(1, lambda: gone.append("second")))
    callers.forget(lambda _address: True)
    assert gone == ["first", "second"]
