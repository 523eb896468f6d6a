"""Replies to those who call a seed."""

from __future__ import annotations

import time
from typing import Any

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.manager.effects import AnswerSeedRequest, RefuseSeedRequest, Standing
from peerage.actors.discovery.manager.events import SeedRequest
from peerage.actors.messages import BansChanged, StandingAnswer
from peerage.actors.reactors.seed_replies import SeedReplies
from peerage.actors.refusal import Refusal, RefusalReason
from tests.actors.discovery.nodes import address, node_id


class FakeReply:
    """Of an ask, as the runtime hands it out."""

    def __init__(self) -> None:
        self.answers: list[Any] = []

    def set(self, answer: Any) -> None:
        self.answers.append(answer)


class Replies(SeedReplies):
    """Counts sizes, and gives fakes."""

    def __init__(self, *, may_stand: bool = False) -> None:
        self.sizes: list[int] = []
        super().__init__(self.sizes.append, may_stand=may_stand)

    def call(self, number: int) -> tuple[SeedRequest, FakeReply]:
        request, reply = SeedRequest(node_id(number), f"c-{number}", address(number), None), FakeReply()
        self.add(request.connection, reply)  # type: ignore[arg-type]  # a reply is set, and nothing else
        return request, reply


def ban_of(number: int) -> Ban:
    now = time.time_ns()
    return Ban(node_id(number), "forged", now, now + 10**12)


def test_each_gets_the_answer_to_its_own_request() -> None:
    """Once; the size of what was sent is counted."""
    replies = Replies()
    (one, reply_to_one), (_other, reply_to_other) = replies.call(1), replies.call(2)
    for _ in range(2):
        replies.answer(AnswerSeedRequest(one, b"abc"))
    assert (reply_to_one.answers, reply_to_other.answers) == ([b"abc"], [])
    assert replies.sizes[0] == 3


def test_peer_hosts_that_know_who_has_asked_are_told_for_whom_else_an_answer_is() -> None:
    """Others get the answer alone."""
    standing = Standing(1.0, 2.0, frozenset({"1.2.0.0"}))
    for may_stand, told in (
        (True, StandingAnswer(b"abc", 1.0, 2.0, frozenset({"1.2.0.0"}))),
        (False, b"abc"),
    ):
        replies = Replies(may_stand=may_stand)
        request, reply = replies.call(1)
        replies.answer(AnswerSeedRequest(request, b"abc", standing))
        assert (reply.answers, replies.sizes) == ([told], [3])


def test_whoever_is_sent_away_hears_why() -> None:
    """As a refusal."""
    replies = Replies()
    request, reply = replies.call(1)
    replies.refuse(RefuseSeedRequest(request, "too many wait for their turn"))
    assert reply.answers == [Refusal(RefusalReason.TOO_OFTEN, "too many wait for their turn")]


def test_whoever_has_hung_up_gets_nothing() -> None:
    """Nor does it matter to hang up twice."""
    replies = Replies()
    request, reply = replies.call(1)
    for _ in range(2):
        replies.drop(request.connection)
    replies.answer(AnswerSeedRequest(request, b"abc"))
    assert reply.answers == []


def test_the_banned_are_sent_away_until_their_ban_is_lifted() -> None:
    """Whether the ban was there at the start or came later."""
    replies = Replies()
    replies.know_bans([ban_of(1)])
    replies.bans_changed(BansChanged((ban_of(2),)))
    for number in (1, 2):
        request, reply = replies.call(number)
        assert not replies.admits(request)
        assert [answer.reason for answer in reply.answers] == [RefusalReason.BANNED]
    replies.bans_changed(BansChanged((), (node_id(1),)))
    request, reply = replies.call(1)
    assert replies.admits(request)
    assert reply.answers == []
