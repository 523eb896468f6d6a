"""A host in a thread."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from peerage.actors.runtime import THREAD, ActorRef, ProcessActor, System
from peerage.actors.runtime.host.host import Host
from peerage.actors.runtime.log import signature, signed
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.processes import root, thread_host
from peerage.actors.runtime.processes.thread_host import start_host_thread

SERIAL = 5


@pytest.fixture
def embedder(lonely: Process) -> Process:
    """That of the root, which hears of the thread without being asked."""
    lonely.serial = ROOT_SERIAL
    return lonely


def thread_of(name: str) -> threading.Thread:
    [found] = [thread for thread in threading.enumerate() if thread.name == f"host {name}"]
    return found


def test_it_runs_in_a_thread_of_its_name_and_is_signed_as_its_starter(embedder: Process) -> None:
    """Its mailbox is bound when the future says so; it holds what it is passed until its actor comes."""
    fd = os.eventfd(0)
    with signed({"node": "a"}):
        bound = start_host_thread(embedder, "house", SERIAL, keep=False, fds={"life": fd})
    bound.get(timeout=5)
    host, thread = embedder.hosts[SERIAL], thread_of("house")
    assert isinstance(host, Host)
    assert host.passed_fds == {"life": fd}
    assert embedder.table.resolve("house", 0) == SERIAL
    found: list[object] = []
    host.call_threadsafe(None, lambda: found.append(dict(signature())))
    host.call_threadsafe(None, host.shutdown)
    thread.join(5.0)
    assert (found, thread.is_alive(), embedder.hosts) == ([{"node": "a"}], False, {})
    os.close(fd)


def test_a_host_that_is_just_starting_elsewhere_is_not_taken_for_dead(embedder: Process) -> None:
    """The root numbered it before this one, and its news is still under way: a ref to its actor may have overtaken that."""
    bound = start_host_thread(embedder, "house", SERIAL, keep=False, fds={})
    bound.get(timeout=5)
    thread = thread_of("house")
    assert not embedder.table.is_dead(SERIAL - 1)
    assert embedder.table.resolve("other", SERIAL - 1) == SERIAL - 1
    host = embedder.hosts[SERIAL]
    assert isinstance(host, Host)
    host.call_threadsafe(None, host.shutdown)
    thread.join(5.0)


def test_one_that_cannot_be_made_says_why_and_closes_what_it_was_passed(
    embedder: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is gone then."""

    def fail(*_: object, **__: object) -> Host:
        raise OSError("out of order")

    monkeypatch.setattr(thread_host, "Host", fail)
    fd = os.eventfd(0)
    bound = start_host_thread(embedder, "house", SERIAL, keep=False, fds={"life": fd})
    with pytest.raises(OSError, match="out of order"):
        bound.get(timeout=5)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


class Lodger(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return message


class Landlord(ProcessActor):
    def on_receive(self, message: str) -> None:
        Lodger.options(name=message, place=THREAD).start()


def test_whoever_is_told_by_its_starter_finds_it_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the root comes late to hear of it: the start waits for that."""
    hear = root.Root._on_ready

    def late(self: root.Root, message: Any) -> None:
        time.sleep(0.3)
        hear(self, message)

    monkeypatch.setattr(root.Root, "_on_ready", late)
    with System(preload=(__name__,)):
        Landlord.start().ask("lodger")
        assert ActorRef.to("lodger").ask("there") == "there"
