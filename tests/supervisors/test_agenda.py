"""What a supervisor does next."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.supervisors.agenda import Agenda, Asked, Due, Ended
from peerage.supervisors.child import Child
from peerage.supervisors.messages import (
    DeleteChild,
    RenewChild,
    Request,
    RestartChild,
    StartChild,
    TerminateChild,
)
from peerage.supervisors.strategy import Exit, ExitKind, Rest, StartAgain, Terminate
from tests.supervisors.parts import spec

AGAIN, LATER = (StartAgain((name,), 0.0, name, "why", 1) for name in "ab")
EXIT = Exit("a", ExitKind.NORMAL)


class NoReply:
    """Nobody waits."""

    def set(self, value: Any = None) -> None: ...

    def set_exception(self, error: BaseException) -> None: ...


@pytest.fixture
def agenda() -> Agenda:
    return Agenda()


def ask(agenda: Agenda, *requests: Request) -> None:
    for request in requests:
        agenda.add_request(request, NoReply())


def asked(agenda: Agenda, *, starts_wait: bool) -> list[Request]:
    """Take the requests that are served now, in their order."""
    served = []
    while (entry := agenda.next(starts_wait=starts_wait)) is not None:
        assert isinstance(entry, Asked)
        served.append(entry.request)
    return served


def test_the_order_of_kinds(agenda: Agenda) -> None:
    """The plan, the restart that is under way, ends, restarts that are due, requests."""
    child = Child(spec())
    ask(agenda, TerminateChild("a"))
    agenda.add_due(LATER)
    agenda.add_end(child, EXIT)
    agenda.go_on(AGAIN)
    agenda.plan([Terminate("b"), Rest("a")])
    taken = [agenda.next(starts_wait=False) for _ in range(5)]
    assert taken == [Terminate("b"), Rest("a"), Due(AGAIN), Ended(child, EXIT), Due(LATER)]
    assert asked(agenda, starts_wait=False) == [TerminateChild("a")]


def test_while_a_start_must_be_waited_for_only_the_plan_and_harmless_requests_are_served(
    agenda: Agenda,
) -> None:
    """What may start a child stays where it is, in its order."""
    child = Child(spec())
    agenda.add_end(child, EXIT)
    agenda.add_due(AGAIN)
    ask(agenda, StartChild(spec("new")), RestartChild("b"), TerminateChild("c"), DeleteChild("d"))
    agenda.plan([Terminate("a")])
    assert agenda.next(starts_wait=True) == Terminate("a")
    assert asked(agenda, starts_wait=True) == [TerminateChild("c"), DeleteChild("d")]
    assert [agenda.next(starts_wait=False) for _ in range(2)] == [Ended(child, EXIT), Due(AGAIN)]
    assert asked(agenda, starts_wait=False) == [StartChild(spec("new")), RestartChild("b")]


def test_no_request_overtakes_an_earlier_one_about_the_same_child(agenda: Agenda) -> None:
    """Restarted, then terminated is not terminated, then restarted."""
    ask(agenda, RestartChild("a"), TerminateChild("a"), TerminateChild("b"))
    assert asked(agenda, starts_wait=True) == [TerminateChild("b")]
    assert asked(agenda, starts_wait=False) == [RestartChild("a"), TerminateChild("a")]


def test_a_termination_is_taken_early_if_it_is_the_next(agenda: Agenda) -> None:
    """So that neighbours stop side by side."""
    agenda.plan([Terminate("a"), Rest("b")])
    assert agenda.next_termination(lambda child: child == "b") is None
    assert agenda.next_termination(lambda child: child == "a") == "a"
    assert agenda.next_termination(lambda _child: True) is None
    assert agenda.next(starts_wait=False) == Rest("b")


def test_requests_are_taken_from_it_at_the_end(agenda: Agenda) -> None:
    """They have to be refused."""
    ask(agenda, TerminateChild("a"), DeleteChild("b"))
    assert [entry.request for entry in agenda.take_requests()] == [TerminateChild("a"), DeleteChild("b")]
    assert agenda.next(starts_wait=False) is None


def test_a_request_that_makes_no_sense_is_served_like_others(agenda: Agenda) -> None:
    """Its asker is told so then."""
    ask(agenda, StartChild("nonsense"))  # type: ignore[arg-type]  # on purpose
    assert len(asked(agenda, starts_wait=False)) == 1


def test_a_renewal_waits_for_starts_as_a_restart_does() -> None:
    """And overtakes no other request about its child."""
    agenda = Agenda()
    ask(agenda, TerminateChild("a"), RenewChild("a"), RenewChild("b"), TerminateChild("b"))
    assert asked(agenda, starts_wait=True) == [TerminateChild("a")]
    assert asked(agenda, starts_wait=False) == [RenewChild("a"), RenewChild("b"), TerminateChild("b")]
