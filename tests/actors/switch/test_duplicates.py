"""Two connections to one ID, on a clock that the test sets."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.messages import AdmitPeer, ProbePeer, StopPeer
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorDeadError
from peerage.actors.switch.duplicates import KEEP_S, PROOF_S, YOUNG_S, Duplicates
from peerage.actors.switch.peer_table import Connection
from peerage.wire.keys import NodeID
from tests.actors.switch.parts import ANNA, BERT, OWN, Told, admit, facts, table
from tests.fake_clock import FakeClock


class Contest:
    """A connection that is admitted, and a second one of the same ID. `outcome` is the second one's."""

    def __init__(self, peer_id: NodeID = ANNA, age: float = 0.0) -> None:
        self.clock, self.table, self.first = FakeClock(), table(), Told()
        self.outcome: list[Any] = []
        self.duplicates = Duplicates(
            OWN, self.table, now=self.clock.now, call_later=self.clock.call_later, admit=self.admit
        )
        self.existing: Connection = self.table.admit(facts(1), peer_id, self.first, self.clock.now())
        self.clock.pass_by(age)
        self.table.add(facts(2), self.clock.now())
        self.second = admit(2, peer_id)
        self.duplicates.settle(self.second, self.existing, self.outcome.append)

    def admit(self, message: AdmitPeer, reply: Any, first: str) -> None:
        assert (message, first) == (self.second, "c-1")
        reply("admitted")

    def end(self, number: int) -> None:
        self.table.remove(f"c-{number}")
        self.duplicates.ended(f"c-{number}")

    @property
    def reasons(self) -> list[Any]:
        return [each.reason if isinstance(each, Refusal) else each for each in self.outcome]


def test_the_first_one_is_asked_to_prove_itself() -> None:
    """Nothing is decided before."""
    contest = Contest()
    assert (contest.first.told, contest.outcome) == ([ProbePeer()], [])


def test_one_that_proves_itself_stays() -> None:
    """Once and for all."""
    contest = Contest()
    contest.first.answer.set(True)
    contest.clock.pass_by(60.0)
    assert contest.reasons == [RefusalReason.DUPLICATE_ID]


@pytest.mark.parametrize("answer", [False, ActorDeadError("gone")])
def test_without_proof_the_time_decides(answer: Any) -> None:
    """A remote may just be slow."""
    contest = Contest(BERT)
    if isinstance(answer, Exception):
        contest.first.answer.set_exception(answer)
    else:
        contest.first.answer.set(answer)
    assert contest.outcome == []
    contest.clock.pass_by(PROOF_S)
    assert contest.outcome == ["admitted"]


@pytest.mark.parametrize("age", [0.0, YOUNG_S])
def test_one_that_is_slow_to_answer_stays(age: float) -> None:
    """A host under load takes seconds, however young the connection is."""
    contest = Contest(BERT, age)
    contest.clock.pass_by(4.9)
    assert contest.outcome == []
    contest.first.answer.set(True)
    contest.clock.pass_by(60.0)
    assert contest.reasons == [RefusalReason.DUPLICATE_ID]


def test_one_that_ends_makes_way() -> None:
    """The remote has taken it away, and keeps the second."""
    contest = Contest()
    contest.end(1)
    assert contest.outcome == ["admitted"]


def test_of_two_young_and_silent_ones_the_dial_of_the_lower_id_stays() -> None:
    """The first is inbound, so its remote has dialled it. That it stays is said soon: the remote may be waiting for it."""
    for peer_id, outcome, seconds in (
        (NodeID("0" * 40), RefusalReason.DUPLICATE_ID, KEEP_S),
        (BERT, "admitted", PROOF_S),
    ):
        contest = Contest(peer_id)
        contest.clock.pass_by(seconds - 0.1)
        assert contest.reasons == []
        contest.clock.pass_by(0.2)
        assert contest.reasons == [outcome]


def test_an_old_and_silent_one_is_dead() -> None:
    """It is stopped, and stands for the ID no more."""
    contest = Contest(NodeID("0" * 40), age=YOUNG_S)
    contest.clock.pass_by(PROOF_S)
    assert contest.outcome == ["admitted"]
    assert isinstance(contest.first.told[-1], StopPeer)
    assert not contest.first.told[-1].is_error
    assert contest.table.of_id(NodeID("0" * 40)) is None


def test_a_second_one_that_is_closed_meanwhile_is_no_peer() -> None:
    """However the first one has fared."""
    contest = Contest()
    contest.table.remove("c-2")
    contest.end(1)
    assert contest.reasons == [RefusalReason.STOPPING]


def test_a_third_one_that_was_quicker_stays() -> None:
    """The ID is taken again."""
    contest = Contest()
    contest.table.remove("c-1")
    contest.table.admit(facts(3), ANNA, Told(), contest.clock.now())
    contest.duplicates.ended("c-1")
    assert contest.reasons == [RefusalReason.DUPLICATE_ID]
