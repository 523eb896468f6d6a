"""What came of a case."""

from __future__ import annotations

import socket

import pytest

from peerage.conformance.case import Case, Outcome
from peerage.conformance.trial import try_out
from peerage.conformance.visitor import Visitor, WrongAnswerError
from peerage.wire.errors import MessageTooLongError
from tests.face.conformance.model import ModelNode


def join(visitor: Visitor) -> None:
    visitor.join()


def join_and_break_a_rule(visitor: Visitor) -> None:
    visitor.join()
    visitor.say(b"\x00")


def leave(visitor: Visitor) -> None:
    visitor.sock.close()


def complain(_visitor: Visitor) -> None:
    raise WrongAnswerError("so it is")


def hear_nonsense(_visitor: Visitor) -> None:
    raise MessageTooLongError("message", 2, 1)


@pytest.mark.parametrize(
    ("act", "must", "outcome", "wrong"),
    [
        (join, {Outcome.SERVED}, Outcome.SERVED, ""),
        (join, {Outcome.HELD}, Outcome.HELD, ""),
        (join_and_break_a_rule, {Outcome.ENDED}, Outcome.ENDED, ""),
        (join_and_break_a_rule, {Outcome.SERVED}, Outcome.ENDED, "served was expected"),
        (leave, {Outcome.LEFT}, Outcome.LEFT, ""),
        (complain, {Outcome.SERVED}, Outcome.HELD, "so it is"),
    ],
)
def test_the_outcome_is_what_became_of_the_connection(
    act: object, must: set[Outcome], outcome: Outcome, wrong: str
) -> None:
    """And it is wrong if it is none of those that may be."""
    case = Case("case", act, frozenset(must))  # type: ignore[arg-type]  # an act, as the table says
    with ModelNode() as node, node.visit() as visitor:
        found = try_out(visitor, case, 10.0)
    assert (found.outcome, found.wrong) == (outcome, wrong)


def test_a_node_that_goes_on_is_told_from_one_that_waits() -> None:
    """Both should have ended the connection."""
    for act, outcome in ((join, Outcome.SERVED), (lambda _visitor: None, Outcome.HELD)):
        with ModelNode() as node, node.visit() as visitor:
            found = try_out(visitor, Case("case", act, frozenset({Outcome.ENDED})), 0.05)
        assert (found.outcome, found.wrong) == (outcome, "ended was expected")


def test_what_cannot_be_read_is_no_service() -> None:
    """Where the node must go on; where it must end the connection that is all that is looked at."""
    with ModelNode() as node, node.visit() as visitor:
        found = try_out(visitor, Case("case", hear_nonsense, frozenset({Outcome.SERVED})), 0.05)
    assert found.wrong.startswith("what the node says cannot be read: ")
    with ModelNode(handshake_s=0.1) as node, node.visit() as visitor:
        assert try_out(visitor, Case("case", hear_nonsense, frozenset({Outcome.ENDED})), 10.0).wrong == ""


def test_a_seed_may_hang_up_when_it_has_answered() -> None:
    """Nobody asks it for a pong then."""

    def ask(visitor: Visitor) -> None:
        visitor.join()
        visitor.message(visitor.sample())
        visitor.hear_addresses()
        visitor.sock.shutdown(socket.SHUT_RD)

    case = Case("case", ask, frozenset({Outcome.SERVED}), asks_pex=True)
    for is_seed, wrong in ((True, ""), (False, "served was expected")):
        with ModelNode() as node:
            object.__setattr__(node.claims, "is_seed", is_seed)
            with node.visit() as visitor:
                assert try_out(visitor, case, 1.0).wrong == wrong
