"""The outboxes of a reactor, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.messages import Credits
from peerage.actors.reactors.outboxes import Outboxes
from peerage.actors.transfer import BROADCAST, SEND

CHANNEL = 0x50


class Reactor:
    """Its outboxes, what they tell, and what is due at the end of its turn."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.due: list[Callable[[], None]] = []
        self.outboxes = Outboxes(self.due.append)

    def gather(self, name: str, *messages: bytes) -> None:
        """Send in quick succession: the first one is told at once."""
        outbox = self.outboxes.get(name)
        assert outbox is not None
        for message in messages:
            outbox.add(CHANNEL, message)

    def end_turn(self) -> None:
        for call in self.due:
            call()
        self.due.clear()

    @property
    def frames(self) -> list[bytes]:
        return [bytes(frame) for message in self.told for frame in message.frames]


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


def open_for_peer(reactor: Reactor, places: int = 10) -> None:
    reactor.outboxes.open_for_peer("c-1", reactor.told.append, {CHANNEL: places}, lambda _class, _size: None)


def test_what_gathers_is_told_at_the_end_of_the_turn(reactor: Reactor) -> None:
    """Once, however many messages there are."""
    open_for_peer(reactor)
    reactor.gather("c-1", b"1", b"2", b"3")
    assert (reactor.frames, len(reactor.due)) == ([b"1"], 1)
    reactor.end_turn()
    assert reactor.frames == [b"1", b"2", b"3"]
    assert {message.header[0] for message in reactor.told} == {SEND}


def test_broadcasts_have_a_header_of_their_own(reactor: Reactor) -> None:
    """A transport cuts them for all of its peers."""
    reactor.outboxes.open_for_host("peers-0", reactor.told.append, {CHANNEL: 10})
    reactor.gather("peers-0", b"1")
    assert reactor.told[0].header[0] == BROADCAST


def test_credits_go_to_the_outbox_that_they_name(reactor: Reactor) -> None:
    """Those of a connection that has gone go nowhere."""
    open_for_peer(reactor, places=0)
    outbox = reactor.outboxes.get("c-1")
    assert outbox is not None
    assert outbox.room(CHANNEL) == 0
    reactor.outboxes.grant(Credits("c-1", {CHANNEL: 3}))
    reactor.outboxes.grant(Credits("c-2", {CHANNEL: 3}))
    assert outbox.room(CHANNEL) == 3


def test_one_that_is_dropped_tells_what_it_has_gathered(reactor: Reactor) -> None:
    """The end of the turn finds nothing of it any more, be there another one of its name."""
    open_for_peer(reactor)
    reactor.gather("c-1", b"1", b"2")
    reactor.outboxes.drop("c-1")
    assert reactor.frames == [b"1", b"2"]
    assert reactor.outboxes.get("c-1") is None
    reactor.outboxes.drop("c-1")
    open_for_peer(reactor)
    reactor.end_turn()
    assert reactor.frames == [b"1", b"2"]
