"""The event hub: what it is told reaches listeners and the history; private peers stay private."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
from msgspec.structs import replace

from peerage.actors.context import NodeContext
from peerage.actors.events import history_keeper, hub
from peerage.actors.events.happenings import Happening
from peerage.actors.events.history import Session, read_history
from peerage.actors.events.hub import EventHub
from peerage.actors.events.messages import EventLine, EventLines, Happened, NextEvents
from peerage.actors.loss import LossReason
from peerage.actors.messages import GetPeers, GetPrivatePeers, PeerInfo, PrivatePeers
from peerage.actors.names import NodeNames
from peerage.actors.runtime import THREAD, ActorRef, System
from peerage.testing import Probe, loopback_config, wait_until
from peerage.wire.keys import NodeKey
from tests.actors.events.parts import ANNA, BERT, came, gone, refused
from tests.actors.events.test_connections import peer_of

_serials = itertools.count(1)


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """Every actor of these tests is gone in the end."""
    yield
    System.current().shutdown()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for in a node, is not here."""
    monkeypatch.setattr(history_keeper, "GATHER_S", 0.01)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch is asked at once who is here."""
    monkeypatch.setattr(hub, "SETTLED_S", 0.05)


def connected_as(connection: str) -> PeerInfo:
    return replace(peer_of(), connection=connection)


class Stage:
    """A hub whose switch the test plays. Args: home; private, IDs that were added while the node ran."""

    def __init__(self, home: Path, *, private: frozenset[str] = frozenset()) -> None:
        self.names = NodeNames(f"hub-{next(_serials)}/", (), 1)
        self.peers: tuple[PeerInfo, ...] = ()
        self.private = private
        self.switch = Probe(self.names.of("switch"), self.answer)
        self.supervisor = Probe(self.names.of("supervisor"))  # whose life is the node's
        key = NodeKey.generate()
        self.context = NodeContext(
            names=self.names,
            config=loopback_config(home, moniker="ours", rpc={"laddr": "tcp://127.0.0.1:0"}),
            public_key=key.public_key,
            node_info=peer_of("ours").node_info,
            channels=(),
            routes={},
        )
        self._stack = ExitStack()
        self.ref: ActorRef[EventHub]

    def answer(self, message: Any) -> Any:
        if isinstance(message, GetPrivatePeers):
            return PrivatePeers(self.private)
        return self.peers if isinstance(message, GetPeers) else None

    def __enter__(self) -> Self:
        self._stack.enter_context(self.supervisor)
        self._stack.enter_context(self.switch)
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self.ref.is_alive():
            self.ref.stop()
        self._stack.close()

    def start(self) -> None:
        self.ref = EventHub.options(
            name=self.names.of("rpc/events"), place=THREAD, extra=self.context
        ).start()

    def tell(self, *news: Happening) -> None:
        self.ref.tell(Happened(tuple((time.time(), what) for what in news)))

    def next(self, **options: Any) -> EventLines:
        answer: EventLines = self.ref.ask(NextEvents(**options))
        return answer

    def all(self) -> list[dict[str, Any]]:
        return keys(self.next(public=False).lines)

    def public(self) -> list[dict[str, Any]]:
        return keys(self.next().lines)

    def history(self, *, is_running: bool = True) -> list[Session]:
        return read_history(self.context.config.home.peer_history, is_running=is_running)


def keys(lines: tuple[EventLine, ...]) -> list[dict[str, Any]]:
    return [json.loads(line.whole) for line in lines]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def test_what_is_told_reaches_listeners_in_order(stage: Stage) -> None:
    stage.tell(came(), gone())
    found = stage.all()
    assert [(each["kind"], each["node"]) for each in found] == [("connected", "ours"), ("lost", "ours")]
    assert found[0]["id"] < found[1]["id"]


def test_who_waits_is_answered_when_something_happens(stage: Stage) -> None:
    cursor = stage.next(public=False).cursor
    waiting = stage.ref.ask(NextEvents(cursor, public=False, wait=30.0), block=False)
    stage.tell(refused())
    answer = waiting.get(timeout=10.0)
    assert len(answer.lines) == 1
    assert stage.next(after=answer.cursor, public=False, wait=0.01) == replace(answer, lines=())


def test_questions_of_listeners_that_have_gone_do_not_pile_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest is answered, with nothing."""
    monkeypatch.setattr(hub, "MOST_WAITING", 2)
    asked = [stage.ref.ask(NextEvents(public=False, wait=30.0), block=False) for _ in range(3)]
    assert asked[0].get(timeout=10.0).lines == ()
    stage.tell(refused())
    assert [len(each.get(timeout=10.0).lines) for each in asked[1:]] == [1, 1]


def test_the_history_has_who_came_and_went(stage: Stage) -> None:
    stage.tell(came(1), came(2, BERT), gone(2, BERT))
    wait_until(lambda: [each.reason for each in stage.history()].count("no pong") == 1)
    here = {each.connection: each.reason for each in stage.history()}
    assert here == {"c-1": "", "c-2": "no pong"}


def test_at_the_end_of_the_node_its_peers_have_left_in_peace(stage: Stage) -> None:
    stage.tell(came())
    stage.ref.stop()
    (left,) = stage.history(is_running=False)
    assert left.reason == "graceful stop"


@pytest.mark.usefixtures("settled")
def test_a_hub_that_was_restarted_finds_who_is_here_still(tmp_path: Path) -> None:
    """It asks the switch. Who went meanwhile is not told as lost: it may have been, by its predecessor."""
    with Stage(tmp_path) as stage:
        stage.peers = (connected_as("c-1"), connected_as("c-7"))
        stage.tell(came(1), came(7))
        wait_until(lambda: len(stage.history()) == 2)
        _kill(stage)
        stage.peers = (connected_as("c-1"), connected_as("c-3"))
        stage.start()
        wait_until(lambda: _reasons(stage) == {"c-1": "", "c-3": "", "c-7": "unseen"})
        assert [each["connection"] for each in stage.all()] == ["c-3"]


def test_of_a_node_that_was_killed_everybody_left_with_it(tmp_path: Path) -> None:
    with Stage(tmp_path) as first:
        first.tell(came())
        wait_until(first.history)
        _kill(first)
    with Stage(tmp_path) as second:
        wait_until(lambda: second.history()[0].went is not None)
        assert second.history()[0].reason == "node ended"


@pytest.mark.usefixtures("settled")
def test_whoever_went_unheard_is_told_as_lost(stage: Stage) -> None:
    """The switch was restarted meanwhile, and has never known of him."""
    stage.tell(came())
    wait_until(lambda: len(stage.all()) == 2)
    assert (stage.all()[1]["kind"], stage.all()[1]["reason"]) == ("lost", LossReason.UNSEEN)
    wait_until(lambda: _reasons(stage) == {"c-1": "unseen"})


def test_private_peers_are_told_to_the_owner_alone(tmp_path: Path) -> None:
    with Stage(tmp_path, private=frozenset({ANNA})) as stage:
        stage.peers = (connected_as("c-1"),)
        stage.tell(
            came(1), came(2, BERT), refused(f"here already, by {ANNA}"), refused(address="192.0.2.1:7")
        )
        assert len(stage.all()) == 4
        wait_until(stage.public)
        (shown,) = stage.public()
        assert shown["peer"] == BERT
        assert shown["id"].endswith("-000000000001")  # not even their number is told


def test_who_becomes_private_is_forgotten_for_the_public(stage: Stage) -> None:
    stage.peers = (connected_as("c-1"),)
    stage.tell(
        came(1),
        refused(address="192.0.2.1:7", peer=BERT),
        refused(address="192.0.2.2:7"),
        refused(address="192.0.2.3:7", peer=BERT),
    )
    wait_until(lambda: len(stage.public()) == 4)
    stage.ref.tell(PrivatePeers(frozenset({ANNA})))
    assert [each["address"] for each in stage.public()] == ["192.0.2.3:7"]


def test_where_a_private_peer_was_seen_is_forgotten_too(tmp_path: Path) -> None:
    """Of what came from there before it was known who is there."""
    with Stage(tmp_path, private=frozenset({ANNA})) as stage:
        stage.tell(refused(address="192.0.2.1:7", peer=BERT))
        wait_until(stage.public)
        stage.tell(came(1))
        assert stage.public() == []


def test_until_it_is_known_who_is_private_nothing_is_public(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.start()  # there is no switch yet
    try:
        stage.tell(came())
        assert stage.public() == []
        with stage.switch:
            wait_until(stage.public)
    finally:
        stage.ref.stop()


def test_strange_messages_mean_nothing(stage: Stage) -> None:
    assert stage.ref.ask("what") is None


def _reasons(stage: Stage) -> dict[str, str]:
    return {each.connection: each.reason for each in stage.history()}


def _kill(stage: Stage) -> None:
    """End it without its `on_stop`, as SIGKILL does."""
    stage.ref.tell(Happened(((0.0, None),)))  # type: ignore[arg-type]  # a fault
    wait_until(lambda: not stage.ref.is_alive())
