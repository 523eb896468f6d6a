"""A thread that cannot be started costs its starter one error, and nobody the name."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from peerage.actors.runtime import THREAD, ActorStartError, System
from peerage.actors.runtime.errors import StartLimitError
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.process import current_port, current_process
from peerage.actors.runtime.thread_start import check_bound, give_back, launch_thread
from tests.actors.runtime.cast import Echo


@pytest.fixture
def _system() -> None:
    System.current()


def resolved(value: Any, error: BaseException | None = None) -> Future[Any]:
    future: Future[Any] = Future()
    future.resolve(value, error)
    return future


REFUSED = ActorStartError("a", "the name is taken")


@pytest.mark.usefixtures("_system")
def test_a_refused_reservation_is_the_outcome() -> None:
    process = current_process()
    assert process is not None
    bound = launch_thread(process, "a", resolved(None, REFUSED), keep=False, fds={})
    with pytest.raises(ActorStartError, match="the name is taken"):
        bound.get()


@pytest.mark.usefixtures("_system")
def test_the_copies_of_descriptors_are_closed_when_it_fails() -> None:
    process = current_process()
    assert process is not None
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only their number
    reader, writer = os.pipe()
    try:
        launch_thread(process, "a", resolved(None, REFUSED), keep=False, fds={"pipe": reader})
        assert len(os.listdir("/proc/self/fd")) == before + 2  # noqa: PTH208
    finally:
        os.close(reader)
        os.close(writer)


def test_a_limit_is_told_as_one() -> None:
    lack = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    with pytest.raises(StartLimitError):
        check_bound("a", resolved(None, lack), resolved(None, REFUSED))


def test_any_other_fault_names_the_actor() -> None:
    with pytest.raises(ActorStartError, match=r"a.*its thread cannot be started: ZeroDivisionError"):
        check_bound("a", resolved(None, ZeroDivisionError("x")), resolved(None, REFUSED))


def test_a_name_whose_thread_never_came_is_free_again() -> None:
    """The root was promised a host of this name and is told that there is none."""
    process_of_echo = Echo.options(place=THREAD, name="first").start()
    serial = process_of_echo.serial
    process_of_echo.stop()
    reserved = resolved(serial)  # an answer of the root's that nothing comes of
    reserved.port = current_port()
    give_back(reserved)
    Echo.options(place=THREAD, name="first").start().stop()
