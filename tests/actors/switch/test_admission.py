"""Who is let in."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.messages import Admission, ConnectionFacts
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.switch.admission import Gate
from tests.actors.switch.parts import ANNA, OWN, Bans, Beside, Told, admit, facts, filters, table
from tests.fake_clock import FakeClock


class Door:
    """A gate; `answers` are what was decided, `refused` what was reported."""

    def __init__(self, max_inbound: int = 10, connection: Any = (), peer: Any = ()) -> None:
        self.clock, self.beside, self.bans = FakeClock(), Beside(), Bans()
        self.table = table(max_inbound)
        self.answers: list[Any] = []
        self.refused: list[tuple[ConnectionFacts, Refusal]] = []
        self.gate = Gate(
            self.table,
            self.bans,
            filters(self.beside, self.clock, connection, peer),
            now=self.clock.now,
            call_later=self.clock.call_later,
            refused=lambda each, refusal: self.refused.append((each, refusal)),
        )

    def connect(self, number: int = 1) -> Any:
        self.gate.admit_connection(facts(number), self.answers.append)
        return self.answers[-1]

    def reason(self) -> RefusalReason:
        refusal = self.answers[-1]
        assert isinstance(refusal, Refusal)
        return refusal.reason


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_connection_that_is_let_in_is_in_the_table(door: Door) -> None:
    """From then on it counts."""
    assert door.connect() is None
    assert "c-1" in door.table.connections
    assert door.refused == []


def test_a_ban_refuses_before_the_handshake(door: Door) -> None:
    """The refusal is reported, and nothing is kept."""
    door.bans.subjects = {"10.0.0.1"}
    refusal = door.connect()
    assert refusal.reason is RefusalReason.BANNED
    assert door.refused == [(facts(), refusal)]
    assert door.table.connections == {}


def test_while_filters_look_at_it_a_connection_holds_its_place() -> None:
    """Refused, it gives it back."""
    door = Door(connection=(lambda _facts: "never",))
    door.gate.admit_connection(facts(), door.answers.append)
    assert (door.answers, list(door.table.connections)) == ([], ["c-1"])
    door.beside.do()
    assert door.reason() is RefusalReason.FILTERED
    assert door.table.connections == {}
    assert len(door.refused) == 1


def test_a_peer_that_is_let_in_stands_for_its_id(door: Door) -> None:
    """It hears whether it is persistent or unconditional."""
    door.table.unconditional.add(ANNA)
    door.connect()
    door.gate.admit_peer(admit(), door.answers.append)
    assert door.answers[-1] == Admission(False, True)
    assert door.table.of_id(ANNA) is not None


def test_a_connection_that_the_switch_has_not_heard_of_may_become_a_peer(door: Door) -> None:
    """The switch was restarted during its handshake."""
    door.gate.admit_peer(admit(), door.answers.append)
    assert isinstance(door.answers[-1], Admission)


def test_a_banned_id_and_our_own_are_refused(door: Door) -> None:
    """Both are known after the handshake only."""
    door.bans.subjects = {ANNA}
    for peer_id, reason in ((ANNA, RefusalReason.BANNED), (OWN, RefusalReason.SELF)):
        door.gate.admit_peer(admit(1, peer_id), door.answers.append)
        assert door.reason() is reason


def test_a_peer_filter_judges_last() -> None:
    """It sees the peer as it will be."""
    seen = []

    def judge(info: Any) -> str:
        seen.append(info.id)
        return "not this one"

    door = Door(peer=(judge,))
    door.gate.admit_peer(admit(), door.answers.append)
    door.beside.do()
    assert (seen, door.reason()) == ([ANNA], RefusalReason.FILTERED)


def test_a_second_connection_of_an_id_is_a_contest(door: Door) -> None:
    """The first one is asked; when it ends, the second is let in."""
    first = Told()
    door.gate.admit_peer(admit(1, ANNA, first), door.answers.append)
    door.gate.admit_peer(admit(2, ANNA), door.answers.append)
    assert (len(door.answers), len(first.told)) == (1, 1)
    door.table.remove("c-1")
    door.gate.duplicates.ended("c-1")
    assert isinstance(door.answers[-1], Admission)


def test_a_connection_is_no_duplicate_of_itself(door: Door) -> None:
    """A switch may be asked twice."""
    for _ in range(2):
        door.gate.admit_peer(admit(), door.answers.append)
        assert isinstance(door.answers[-1], Admission)
