"""actors/peers/standing_answers.py: which callers a host answers, and which it leaves to the PEX reactor."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peerage.actors.asked_table import AskedTable
from peerage.actors.messages import CallersAnswered, StandingAnswer
from peerage.actors.peers.standing_answers import REPORT_S, StandingAnswers
from peerage.wire.packet import packets_of
from peerage.wire.pex import PEX_CHANNEL
from tests.actors.discovery.nodes import node_id
from tests.actors.peers.fake_loop import FakeLoop

LISTENS = "tcp://9.9.9.9:26656"
MESSAGE = b"addresses" * 300
READY = MESSAGE, packets_of(PEX_CHANNEL, MESSAGE, 1024)


class Host:
    """A peer host of a seed. `reported` is what the reactor has heard, `banned` the IDs that are."""

    def __init__(self, asked: int) -> None:
        self.loop = FakeLoop()
        self.reported: list[CallersAnswered] = []
        self.banned: set[str] = set()
        self.asked = AskedTable(asked, self.loop.now)
        self.answers = StandingAnswers(
            self.loop, self.asked, self.banned.__contains__, self.reported.append, 1024
        )

    def take(self, *, message: bytes = MESSAGE, but: frozenset[str] = frozenset()) -> None:
        """The reactor has answered somebody with what stands for a tenth of a second, and a tenth more."""
        now = self.loop.now()
        self.answers.take(StandingAnswer(message, now + 0.1, now + 0.2, but))

    def call(self, number: int, ip: str = "127.0.0.1") -> tuple[bytes, bytes] | None:
        return self.answers.answer_to(node_id(number), LISTENS, ip)


@pytest.fixture
def memory() -> Iterator[int]:
    fd = AskedTable.create()
    yield fd
    os.close(fd)


@pytest.fixture
def host(memory: int) -> Host:
    return Host(memory)


def test_before_the_reactor_has_said_so_nobody_is_answered(host: Host) -> None:
    """Nor reported."""
    assert (host.call(1), host.reported) == (None, [])


def test_whoever_asks_for_the_first_time_is_answered_and_reported(host: Host) -> None:
    """Several together, within a moment: with what the reactor would have been asked."""
    host.take()
    assert [host.call(1), host.call(2)] == [READY, READY]
    assert host.reported == []
    host.loop.advance(REPORT_S)
    callers = tuple((node_id(number), LISTENS, "127.0.0.1") for number in (1, 2))
    assert host.reported == [CallersAnswered(callers, len(MESSAGE))]
    host.loop.advance(REPORT_S)
    assert len(host.reported) == 1


def test_whoever_asks_again_is_left_to_the_reactor_which_has_heard_of_the_first_time(host: Host) -> None:
    """So it counts both."""
    host.take()
    host.call(1)
    assert host.call(1) is None
    assert [report.callers[0][0] for report in host.reported] == [node_id(1)]


def test_whoever_has_asked_another_host_is_left_to_the_reactor(host: Host, memory: int) -> None:
    """Also while that host has not said so."""
    other = Host(memory)
    for each in (host, other):
        each.take()
    assert other.call(1) == READY
    assert host.call(1) is None


def test_whoever_asked_before_there_was_an_answer_is_left_to_the_reactor(host: Host) -> None:
    """It may be waiting there."""
    host.call(1)
    host.take()
    assert host.call(1) is None


def test_the_banned_are_left_to_the_reactor(host: Host) -> None:
    """Which has the reason."""
    host.banned.add(node_id(1))
    host.take()
    assert (host.call(1), host.call(2)) == (None, READY)


def test_of_each_group_one_caller_has_an_answer(host: Host) -> None:
    """The others are judged by the reactor, until there is another answer. Local addresses are no group."""
    host.take(but=frozenset({"5.5.0.0"}))
    assert [host.call(1, "9.9.1.1"), host.call(2, "9.9.2.2"), host.call(3, "8.8.8.8")] == [READY, None, READY]
    assert host.call(4, "5.5.1.1") is None
    host.take(but=frozenset({"5.5.0.0"}))  # the same, as the answer to another question
    assert host.call(5, "9.9.3.3") is None
    host.loop.advance(0.1)
    host.take()
    assert [host.call(6, "9.9.3.3"), host.call(7, "5.5.1.1")] == [READY, READY]


def test_one_caller_fetches_the_next_answer_and_others_have_this_one_meanwhile(host: Host) -> None:
    """For a moment: an answer that does not come leaves all to the reactor."""
    host.take()
    host.loop.advance(0.1)
    assert [host.call(number) for number in (1, 2, 3)] == [None, READY, READY]
    host.loop.advance(0.1)
    assert [host.call(number) for number in (4, 5)] == [None, None]
    host.take(message=b"next")
    assert host.call(6) == (b"next", packets_of(PEX_CHANNEL, b"next"))
    host.loop.advance(0.1)
    assert [host.call(number) for number in (7, 8)] == [None, (b"next", packets_of(PEX_CHANNEL, b"next"))]


def test_each_report_has_the_size_of_the_answer_that_it_is_about(host: Host) -> None:
    """What was answered with the one before is told when another takes its place."""
    host.take()
    host.call(1)
    host.loop.advance(0.1)
    host.take(message=b"next")
    host.call(2)
    host.answers.flush()
    assert [(len(report.callers), report.size) for report in host.reported] == [(1, len(MESSAGE)), (1, 4)]
