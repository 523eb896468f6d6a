"""A host in a thread, in a system without anybody else."""

from __future__ import annotations

import os
import threading

import pytest

from peerage.actors.runtime.host.host import Host
from peerage.actors.runtime.log import signature, signed
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.processes import thread_host
from peerage.actors.runtime.processes.thread_host import start_host_thread

SERIAL = 5


def thread_of(name: str) -> threading.Thread:
    [found] = [thread for thread in threading.enumerate() if thread.name == f"host {name}"]
    return found


def test_it_runs_in_a_thread_of_its_name_and_is_signed_as_its_starter(lonely: Process) -> None:
    """Its mailbox is bound when the future says so; it holds what it is passed until its actor comes."""
    fd = os.eventfd(0)
    with signed({"node": "a"}):
        bound = start_host_thread(lonely, "house", SERIAL, keep=False, fds={"life": fd})
    bound.get(timeout=5)
    host, thread = lonely.hosts[SERIAL], thread_of("house")
    assert isinstance(host, Host)
    assert host.passed_fds == {"life": fd}
    assert lonely.table.resolve("house", 0) == SERIAL
    found: list[object] = []
    host.call_threadsafe(None, lambda: found.append(dict(signature())))
    host.call_threadsafe(None, host.shutdown)
    thread.join(5.0)
    assert (found, thread.is_alive(), lonely.hosts) == ([{"node": "a"}], False, {})
    os.close(fd)


def test_a_host_that_is_just_starting_elsewhere_is_not_taken_for_dead(lonely: Process) -> None:
    """The root numbered it before this one, and its news is still under way: a ref to its actor may have overtaken that."""
    bound = start_host_thread(lonely, "house", SERIAL, keep=False, fds={})
    bound.get(timeout=5)
    thread = thread_of("house")
    assert not lonely.table.is_dead(SERIAL - 1)
    assert lonely.table.resolve("other", SERIAL - 1) == SERIAL - 1
    host = lonely.hosts[SERIAL]
    assert isinstance(host, Host)
    host.call_threadsafe(None, host.shutdown)
    thread.join(5.0)


def test_one_that_cannot_be_made_says_why_and_closes_what_it_was_passed(
    lonely: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is gone then."""

    def fail(*_: object, **__: object) -> Host:
        raise OSError("out of order")

    monkeypatch.setattr(thread_host, "Host", fail)
    fd = os.eventfd(0)
    bound = start_host_thread(lonely, "house", SERIAL, keep=False, fds={"life": fd})
    with pytest.raises(OSError, match="out of order"):
        bound.get(timeout=5)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
