"""Dials, with a peer host that only keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.messages import ConnectionEnded, ConnectionFacts, Dial
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef
from peerage.actors.switch.dialling import HELD_LIMIT, Dialler, not_dialled
from peerage.actors.switch.peer_table import Stage as How
from peerage.wire.net_address import NetAddress
from tests.actors.switch.parts import ANNA, BERT, OWN, Bans, Beside, Told, address, filters, table
from tests.fake_clock import FakeClock


class Stage:
    """A dialler; the test says whether its peer host is up."""

    def __init__(self, *connection_filters: Any) -> None:
        self.clock, self.beside, self.bans, self.table = FakeClock(), Beside(), Bans(), table()
        self.host = Told("peers-0")
        self.can_dial = True
        self.ended: list[ConnectionEnded] = []
        self.outcomes: list[Any] = []
        judges = filters(self.beside, self.clock, connection_filters)
        self.began: list[ConnectionFacts] = []
        self.dialler = Dialler(
            self.table,
            self,
            self.bans,
            judges,
            now=self.clock.now,
            ended=self.ended.append,
            began=self.began.append,
        )

    def least_loaded(self, load: Callable[[str], int]) -> ActorRef[Any]:
        load(self.host.host)
        return self.host

    @property
    def dials(self) -> list[Dial]:
        return [each for each in self.host.told if isinstance(each, Dial)]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_dial_is_in_the_table_and_its_host_is_told(stage: Stage) -> None:
    """As one that is under way, for everybody who wants to dial the same."""
    assert stage.dialler.dial(address()) is None
    (dial,) = stage.dials
    assert (dial.address, dial.is_trial) == (NetAddress(ANNA, "10.0.0.2", 26656), False)
    connection = stage.table.dialling(ANNA)
    assert connection is not None
    assert connection.stage is How.DIALLING
    assert connection.facts.connection == dial.connection
    assert stage.began == [connection.facts]


def test_whoever_waits_hears_the_outcome_once(stage: Stage) -> None:
    """Of this very dial."""
    stage.dialler.dial(address(), stage.outcomes.append)
    (dial,) = stage.dials
    stage.dialler.settle("another", "no")
    for _ in range(2):
        stage.dialler.settle(dial.connection, "yes")
    assert stage.outcomes == ["yes"]


@pytest.mark.parametrize("subject", [ANNA, "10.0.0.2"])
def test_whoever_is_banned_is_not_dialled(stage: Stage, subject: str) -> None:
    """Nor is anybody at a banned address."""
    stage.bans.subjects = {subject}
    refusal = stage.dialler.dial(address())
    assert refusal is not None
    assert (refusal.reason, stage.dials) == (RefusalReason.BANNED, [])


def test_what_the_table_refuses_is_not_dialled(stage: Stage) -> None:
    """Ourselves, and whoever is being dialled."""
    stage.dialler.dial(address())
    for peer_id, reason in ((OWN, RefusalReason.SELF), (ANNA, RefusalReason.DUPLICATE_ID)):
        refusal = stage.dialler.dial(address(peer_id, "10.0.0.9"))
        assert refusal is not None
        assert refusal.reason is reason


def test_before_a_host_is_up_dials_wait(stage: Stage) -> None:
    """What speaks against one is looked at again then."""
    stage.can_dial = False
    for peer_id in (ANNA, BERT):
        assert (
            stage.dialler.dial(address(peer_id, f"10.0.0.{ord(peer_id[0])}"), stage.outcomes.append) is None
        )
    stage.bans.subjects = {BERT}
    stage.can_dial = True
    stage.dialler.release()
    stage.dialler.release()
    assert [dial.address.id for dial in stage.dials] == [ANNA]
    assert [outcome.reason for outcome in stage.outcomes] == [RefusalReason.BANNED]


def test_not_everything_waits(stage: Stage) -> None:
    """The lack is ours, and says nothing of the remote."""
    stage.can_dial = False
    for number in range(HELD_LIMIT):
        assert stage.dialler.dial(address(port=1 + number)) is None
    refusal = stage.dialler.dial(address())
    assert refusal is not None
    assert (refusal.reason, refusal.is_ours) == (RefusalReason.UNREACHABLE, True)


def test_a_filter_judges_before_the_host_is_told() -> None:
    """Refused, the dial has ended."""
    stage = Stage(lambda _facts: "never")
    stage.dialler.dial(address())
    assert stage.ended == []
    stage.beside.do()
    assert [ended.refusal for ended in stage.ended] == [Refusal(RefusalReason.FILTERED, "never")]
    assert stage.dials == []


def test_a_dial_whose_host_has_ended_is_over(stage: Stage) -> None:
    """The filter's verdict comes too late."""
    stage = Stage(lambda _facts: None)
    stage.dialler.dial(address())
    connection = stage.table.dialling(ANNA)
    assert connection is not None
    stage.table.remove(connection.facts.connection)
    stage.beside.do()
    assert (stage.dials, stage.ended) == ([], [])


def test_what_is_known_of_a_dial_that_was_not_made() -> None:
    """It has no connection."""
    known = not_dialled(address())
    assert (known.connection, known.dialled_id, known.remote_ip) == ("", ANNA, "10.0.0.2")
