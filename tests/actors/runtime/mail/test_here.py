"""actors/runtime/mail/here.py: what a thread finds of the system that runs in its process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError
from peerage.actors.runtime.mail import here


class Member:
    """A process's part in a system: each thread gets a port of its own."""

    def __init__(self, system: str) -> None:
        self.system, self.closed, self.here = system, False, here.Thread()
        self.main = None
        self.border: here.Border | None = None
        self.promises: Any = None

    def make_port(self) -> Any:
        self.here.port = object()
        return self.here.port


@pytest.fixture
def member(monkeypatch: pytest.MonkeyPatch) -> Iterator[Member]:
    """A process that takes part in system "one"."""
    monkeypatch.setattr(here, "process", None)
    monkeypatch.setattr(here, "thread", here.Thread())
    one = Member("one")
    here.enter(one)
    yield one
    here.leave()


def test_a_thread_gets_one_port_of_its_own(member: Member) -> None:
    mine = here.port()
    assert here.port() is mine
    theirs: list[Any] = []
    thread = threading.Thread(target=lambda: theirs.append(here.port()))
    thread.start()
    thread.join()
    assert theirs != [mine]


def test_the_next_system_has_other_ports(member: Member) -> None:
    """A port of the system before is never taken for one of this."""
    mine = here.port()
    here.enter(Member("two"))
    assert here.system() == "two"
    assert here.port() is not mine


def test_there_is_no_port_where_no_system_runs(member: Member) -> None:
    here.port()
    here.leave()
    assert here.system() == ""
    with pytest.raises(ActorDeadError, match="no actor system runs in this process"):
        here.port()


def test_a_system_that_is_closed_runs_no_more(member: Member) -> None:
    assert here.system() == "one"
    member.closed = True
    assert here.system() == ""


def test_a_thread_knows_the_actor_whose_handler_it_runs(member: Member) -> None:
    """The loop's thread alone does; between handlers there is none."""
    assert here.host() is None
    assert here.actor() is None
    actor: Any = object()
    loop: Any = SimpleNamespace(cell=actor)
    member.here.host = loop
    assert here.host() is loop
    assert here.actor() is actor
    elsewhere: list[Any] = []
    thread = threading.Thread(target=lambda: elsewhere.append(here.host()))
    thread.start()
    thread.join()
    assert elsewhere == [None]
