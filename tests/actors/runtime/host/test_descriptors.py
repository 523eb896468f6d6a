"""The descriptors of a loop's tasks, on a poller that the test plays."""

from __future__ import annotations

import os
import select

import pytest

from peerage.actors.runtime.host.descriptors import Descriptors, close_all
from tests.actors.runtime.host.fakes import Act, Poller

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
FD = 2000


@pytest.fixture
def poller() -> Poller:
    return Poller()


@pytest.fixture
def descriptors(poller: Poller) -> Descriptors[Act]:
    return Descriptors(poller)


def nothing() -> None:
    """A callback."""


def other() -> None:
    """Another one."""


def test_a_descriptor_is_waited_for_as_its_callbacks_want(
    descriptors: Descriptors[Act], poller: Poller
) -> None:
    """Reading, writing, or both; without either it is not waited for."""
    task = Act()
    descriptors.set(FD, task, reader=nothing)
    assert poller.masks == {FD: READ}
    descriptors.set(FD, task, writer=other)
    assert poller.masks == {FD: READ | WRITE}
    descriptors.clear(FD, reader=True)
    assert poller.masks == {FD: WRITE}
    assert task.fds == {FD}
    descriptors.clear(FD, writer=True)
    assert (poller.masks, task.fds) == ({}, set())


def test_a_second_reader_takes_the_place_of_the_first(descriptors: Descriptors[Act]) -> None:
    """One is enough."""
    task = Act()
    descriptors.set(FD, task, reader=nothing)
    descriptors.set(FD, task, reader=other)
    assert descriptors.callbacks(FD, READ) == (task, other, None)


@pytest.mark.parametrize("event", [select.EPOLLERR, select.EPOLLHUP], ids=["error", "hang-up"])
def test_an_error_calls_reader_and_writer(descriptors: Descriptors[Act], event: int) -> None:
    """Either of them finds out what it is."""
    task = Act()
    descriptors.set(FD, task, reader=nothing, writer=other)
    assert descriptors.callbacks(FD, event) == (task, nothing, other)


def test_nothing_is_known_of_a_descriptor_that_was_cleared(descriptors: Descriptors[Act]) -> None:
    """An earlier callback of the same poll may have done that."""
    descriptors.set(FD, Act(), reader=nothing)
    descriptors.clear(FD, reader=True)
    descriptors.clear(FD, reader=True)
    assert descriptors.callbacks(FD, READ) == (None, None, None)


def test_a_muted_descriptor_stays_muted_while_its_callbacks_change(
    descriptors: Descriptors[Act], poller: Poller
) -> None:
    """Its task is busy still."""
    task = Act()
    descriptors.set(FD, task, reader=nothing)
    descriptors.mute(FD)
    descriptors.set(FD, task, writer=other)
    assert poller.masks == {}
    descriptors.unmute(FD)
    assert poller.masks == {FD: READ | WRITE}


def test_a_descriptor_that_was_closed_while_it_was_muted_is_forgotten(
    descriptors: Descriptors[Act], poller: Poller
) -> None:
    """The kernel does not know it any more."""
    descriptors.set(FD, Act(), reader=nothing)
    descriptors.mute(FD)
    poller.is_refusing = True
    descriptors.unmute(FD)
    assert descriptors.callbacks(FD, READ) == (None, None, None)


def test_only_what_is_not_the_loops_own_is_in_use(descriptors: Descriptors[Act]) -> None:
    """A loop that has something to do need not look at its own ones: it does so anyhow."""
    descriptors.set_own(FD, nothing)
    assert not descriptors.in_use
    descriptors.set(FD + 1, None, reader=nothing)
    assert descriptors.in_use


def test_what_was_passed_on_for_nothing_is_closed_and_forgotten() -> None:
    """Even if one of them is closed already."""
    here, there = os.pipe()
    fds = {"here": here, "there": there}
    os.close(there)
    close_all(fds)
    assert fds == {}
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(here)


def test_a_descriptor_that_changes_hands_stays_where_it_is_in_the_kernel(
    descriptors: Descriptors[Act], poller: Poller
) -> None:
    """It belongs to its new task, and the old one has none."""
    before, after = Act(), Act()
    descriptors.set(FD, before, reader=nothing)
    poller.is_refusing = True  # whoever registered it anew would fail
    descriptors.take_over(FD, after, reader=other, writer=None)
    assert descriptors.callbacks(FD, READ) == (after, other, None)
    assert (poller.masks, before.fds, after.fds) == ({FD: READ}, set(), {FD})


def test_whoever_takes_a_descriptor_over_may_wait_for_something_else(
    descriptors: Descriptors[Act], poller: Poller
) -> None:
    descriptors.set(FD, Act(), reader=nothing)
    descriptors.take_over(FD, Act(), reader=None, writer=other)
    assert poller.masks == {FD: WRITE}


def test_a_muted_descriptor_is_heard_by_whoever_takes_it_over(
    descriptors: Descriptors[Act], poller: Poller
) -> None:
    """Its new task is not the busy one."""
    task = Act()
    descriptors.set(FD, Act(), reader=nothing)
    descriptors.mute(FD)
    descriptors.take_over(FD, task, reader=other, writer=None)
    assert poller.masks == {FD: READ}
    assert descriptors.callbacks(FD, READ) == (task, other, None)
    descriptors.unmute(FD)
    assert poller.masks == {FD: READ}
