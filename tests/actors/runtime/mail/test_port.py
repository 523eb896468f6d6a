"""actors/runtime/mail/port.py: one thread's mailbox, with nobody at the other end but itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peerage.actors.runtime import FAIL, ActorDeadError, DownReason, ForeignRefError, MailboxFullError
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.codec import encode
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import HostFacts
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.window import ACK, DROP, WINDOW_MESSAGES
from tests.actors.runtime.mail.fakes import ADDRESS, HOST, KEY, MINE, path


class Owner:
    """The process of the port."""

    def __init__(self) -> None:
        self.retired: list[Port] = []
        self.later: list[tuple[int, float]] = []

    def retire(self, port: Port) -> None:
        self.retired.append(port)

    def call_later(self, address: int, delay: float, _fn: Callable[[], object]) -> None:
        self.later.append((address, delay))


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def port(tmp_path: Path, owner: Owner) -> Iterator[Port]:
    """Its network knows its own host, and one that nobody runs."""
    network = Network(str(tmp_path), MINE >> 20, KEY, "system")
    for name, serial in (("mine", MINE >> 20), ("host", HOST)):
        network.table.up(HostFacts(name, serial, 1), frozenset())
    (tmp_path / f"{HOST}.0").touch()
    made = Port(network, MINE, owner)
    yield made
    made.close()
    network.flusher.end()
    network.close()
    network.foothold.close()


def arrive(port: Port, kind: int, number: int, body: bytes, target: bytes = b"") -> None:
    """Handle a message of the host."""
    port.handlers[kind](0, ADDRESS, number, target, b"", body, (), len(body))


def die(port: Port) -> None:
    port.table.down(HOST, DownReason("killed", "by SIGKILL"), frozenset(), gracefully=False)


def test_a_tell_holds_a_place_until_it_is_acknowledged(port: Port) -> None:
    port.tell(path(), b"a", None, False)
    port.tell(path(), b"b", None, True)
    route = port.route(path())
    assert route is not None
    assert (route.window.messages, route.window.exempt, route.window.tells) == (1, 1, 2)
    arrive(port, Kind.ACK, 0, ACK.pack(1, 1, 1, 1), b"actor")
    assert route.window.tells == 0
    assert port.dead_letters == 1  # the actor had ended


def test_an_ask_is_answered(port: Port) -> None:
    future = port.ask(path(), "question")
    body, _extras, _flags = encode("answer")
    arrive(port, Kind.REPLY, future.asked.number, body)
    assert future.get(timeout=0) == "answer"


def test_a_death_settles_all_that_was_under_way(port: Port) -> None:
    """Tells are counted, asks fail, watches end."""
    told: list[DownReason] = []
    port.tell(path(), b"a", None, False)
    future = port.ask(path(), "question")
    port.lives.watch(path(), lambda _ref, reason: told.append(reason))
    die(port)
    assert port.wait(lambda: future.done, 20.0)
    assert port.dead_letters == 1
    assert "ended before it answered" in str(future.error)
    assert told == [DownReason("killed", "by SIGKILL")]


def test_a_message_to_an_actor_that_is_not_there_is_lost(port: Port) -> None:
    """A tell is a dead letter, an ask fails."""
    die(port)
    port.tell(path(), b"a", None, False)
    assert port.dead_letters == 1
    assert "not found" in str(port.ask(path(), "question").error)


def test_an_actor_of_another_system_is_out_of_reach(port: Port) -> None:
    foreign = ActorPath("actor", "host", HOST, "", "another")
    with pytest.raises(ForeignRefError):
        port.tell(foreign, b"a", None, False)
    assert isinstance(port.ask(foreign, "question").error, ForeignRefError)


def test_a_full_window_is_answered_as_the_sender_has_chosen(port: Port) -> None:
    route = port.route(path())
    assert route is not None
    route.window.messages = WINDOW_MESSAGES
    with pytest.raises(MailboxFullError):
        port.tell(path(), b"a", FAIL, False)
    with pytest.raises(MailboxFullError):
        port.ask(path(), "question", when_full=FAIL)
    port.tell(path(), b"a", DROP, False)
    assert port.dead_letters == 1


def test_what_is_no_choice_for_a_full_window_is_named(port: Port) -> None:
    route = port.route(path())
    assert route is not None
    route.window.messages = WINDOW_MESSAGES
    with pytest.raises(TypeError, match=r"when_full is 'drop': Wait\(seconds\), FAIL or DROP was expected"):
        port.tell(path(), b"a", "drop", False)  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(TypeError, match="when_full is 3: "):
        port.ask(path(), "question", when_full=3)  # type: ignore[arg-type]  # as above


def test_what_a_thread_sends_itself_arrives(port: Port) -> None:
    """By way of its socket."""
    heard: list[int] = []
    port.handlers[Kind.QUERY] = lambda _flags, _source, number, *_: heard.append(number)
    port.send(MINE, Kind.QUERY, 5)
    assert port.wait(lambda: heard == [5], 20.0)


def test_a_wait_ends_in_time(port: Port) -> None:
    assert not port.wait(lambda: False, 0.01)
    assert port.wait(lambda: True, 0.0)


def test_only_its_own_thread_owns_it(port: Port) -> None:
    assert port.is_mine()
    others: list[bool] = []
    thread = threading.Thread(target=lambda: others.append(port.is_mine()))
    thread.start()
    thread.join()
    assert others == [False]


def test_calls_for_later_are_made_by_its_process(port: Port, owner: Owner) -> None:
    port.call_later(1.5, int)
    assert owner.later == [(MINE, 1.5)]


def test_closing_fails_what_waits(port: Port, owner: Owner) -> None:
    """Once; its process takes over what it has counted, and what comes too late."""
    future = port.ask(path(), "question")
    port.close()
    port.close()
    assert "the asking thread or the system has ended" in str(future.error)
    assert owner.retired == [port]
    with pytest.raises(ActorDeadError):
        port.check_open()
    port.tell(path(), b"a", None, False)
    assert (port.dead_letters, port.network.dead_letters.count) == (0, 1)
    assert isinstance(port.ask(path(), "question").error, ActorDeadError)
