"""Every message that has reached an actor is settled once."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime.host.answers import Answers
from peerage.actors.runtime.host.mailbox import Mailbox
from peerage.actors.runtime.host.receipts import Receipts
from peerage.actors.runtime.host.settlement import Settlement
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import EXEMPT, Kind
from peerage.actors.runtime.mail.ref import ActorRef
from tests.actors.runtime.host.fakes import Post, ask, loop, tell

SENDER, OTHER = 7 << 20, 8 << 20


@pytest.fixture
def port() -> Post:
    return Post()


@pytest.fixture
def answers(port: Post) -> Answers:
    return Answers(port, lambda *_: None, {})  # type: ignore[arg-type]  # as far as answers need a port


@pytest.fixture
def settlement(port: Post, answers: Answers) -> Settlement:
    timers, _poller = loop()
    receipts = Receipts(port, timers, "/nowhere/handled", lambda _name: True, "host")
    ref: ActorRef[Any] = ActorRef("actor", "host", 4, system="test")
    return Settlement(port, receipts, answers, ref)  # type: ignore[arg-type]  # as above


def acknowledged(port: Post) -> list[tuple[int, tuple[int, ...]]]:
    return [(address, value[1]) for address, kind, _number, value in port.sent if kind == Kind.ACK]


def test_each_sender_has_counts_of_its_own(settlement: Settlement) -> None:
    """They are made once."""
    counts = settlement.counts_for(SENDER)
    assert settlement.counts_for(SENDER) is counts
    assert settlement.counts_for(OTHER) is not counts
    assert settlement.unacknowledged.keys() == {SENDER, OTHER}


def test_what_is_left_in_the_mailbox_is_refused(settlement: Settlement, answers: Answers, port: Post) -> None:
    """Tells become dead letters, asks are told so, and what was handled before is acknowledged with them."""
    settlement.settle(SENDER, 0, 10, 0)
    settlement.settle(OTHER, EXEMPT, 10, 0)
    mailbox = Mailbox()
    for item in (tell("a", SENDER), ask("b", 5, SENDER)):
        mailbox.put(item)
    answers.open.add((SENDER, 5))
    size = len(codec.dumps("a"))
    settlement.refuse(mailbox)
    assert (mailbox.depth, len(mailbox.items)) == (0, 0)
    assert acknowledged(port) == [(SENDER, (2, 10 + size, 0, 1)), (OTHER, (0, 0, 1, 0))]
    assert [(kind, number) for _address, kind, number, _value in port.sent if kind == Kind.DEAD] == [
        (Kind.DEAD, 5)
    ]


def test_requests_to_stop_are_answered_at_the_end(settlement: Settlement, port: Post) -> None:
    """Those that were handled, and those that still wait in the mailbox."""
    settlement.asked_to_stop(SENDER, 3)
    mailbox = Mailbox()
    for number in (0, 4):  # 0: nobody waits for the answer
        mailbox.put((int(Kind.STOP), 0, OTHER, number, b"", codec.dumps(None), (), 0, 0.0))
    settlement.refuse(mailbox)
    assert port.sent == []
    settlement.answer_stops()
    assert port.sent == [(SENDER, Kind.REPLY, 3, None), (OTHER, Kind.REPLY, 4, None)]


def test_an_unreadable_ask_fails(settlement: Settlement, answers: Answers, port: Post) -> None:
    """With what was wrong."""
    answers.open.add((SENDER, 5))
    settlement.unreadable(int(Kind.ASK), 0, SENDER, 5, 10, ValueError("torn"))
    assert [(sent[1], sent[2], str(sent[3])) for sent in port.sent] == [(Kind.FAIL, 5, "torn")]


def test_an_unreadable_tell_is_a_dead_letter(settlement: Settlement, port: Post) -> None:
    """One of a batch is noted only, since the batch is settled as a whole."""
    counts = settlement.counts_for(SENDER)
    settlement.unreadable(int(Kind.TELL), 0, SENDER, 0, 10, ValueError("torn"))
    settlement.unreadable_in_batch(counts, ValueError("torn"))
    settlement.refuse(Mailbox())
    assert acknowledged(port) == [(SENDER, (1, 10, 0, 1))]
