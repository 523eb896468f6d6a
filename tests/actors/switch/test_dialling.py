"""Dials, with a peer host that only keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.messages import ConnectionEnded, ConnectionFacts, Dial, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef
from peerage.actors.switch.dialling import HELD_LIMIT, Dialler, not_dialled
from peerage.actors.switch.name_records import NameRecords
from peerage.actors.switch.peer_table import Stage as How
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from tests.actors.switch.parts import ANNA, BERT, OWN, Bans, Beside, Told, address, facts, filters, table
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
        self.records = NameRecords()
        self.dialler = Dialler(
            self.table,
            self,
            self.bans,
            judges,
            self.records,
            now=self.clock.now,
            ended=self.ended.append,
            began=self.began.append,
        )

    def least_loaded(self, load: Callable[[str], int]) -> ActorRef[Any]:
        load(self.host.host)
        return self.host

    def dial_name(self, *ips: str, peer_id: NodeID = ANNA) -> None:
        """Dial a name that has these addresses."""
        first = address(peer_id, ips[0])
        self.records.note(first, ips)
        assert self.dialler.dial(first, self.outcomes.append) is None

    def fails(self, reason: RefusalReason = RefusalReason.UNREACHABLE, detail: str = "no") -> Any:
        """The latest dial fails. Returns: what is to be told of it; None if the next address is dialled."""
        facts = self.began[-1]
        self.table.remove(facts.connection)
        return self.dialler.refused(facts, Refusal(reason, detail))

    @property
    def dialled(self) -> list[str]:
        return [str(dial.address.host) for dial in self.dials]

    @property
    def dials(self) -> list[Dial]:
        return [each for each in self.host.told if isinstance(each, Dial)]


def connected(facts: ConnectionFacts) -> PeerInfo:
    return PeerInfo(
        connection=facts.connection,
        ref=Told(),
        id=ANNA,
        node_info=NodeInfo(),
        remote_ip=facts.remote_ip,
        socket_address=facts.socket_address,
        is_outbound=True,
        is_persistent=False,
        is_unconditional=False,
        host="peers-0",
    )


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


def test_all_addresses_of_a_name_are_tried_in_one_dial(stage: Stage) -> None:
    """Whoever waits hears the outcome at the end, with the words of all."""
    stage.dial_name("10.0.0.2", "10.0.0.3")
    assert stage.fails(detail="Connection refused") is None
    assert stage.dialled == ["10.0.0.2", "10.0.0.3"]
    assert stage.outcomes == []
    facts, refusal = stage.fails(detail="dial timeout of 2 s")
    assert refusal.reason is RefusalReason.UNREACHABLE
    assert refusal.detail == "10.0.0.2:26656: Connection refused; 10.0.0.3:26656: dial timeout of 2 s"
    assert facts.remote_ip == "10.0.0.2"
    assert stage.outcomes == [refusal]


def test_the_same_failure_is_told_in_the_same_words_in_whatever_order(stage: Stage) -> None:
    """Name servers change it at will, and the log would have a new line each time."""
    told = []
    for ips in (("10.0.0.2", "10.0.0.3"), ("10.0.0.3", "10.0.0.2")):
        stage.dial_name(*ips)
        assert stage.fails() is None
        facts, refusal = stage.fails()
        told.append((facts.socket_address, refusal))
    assert told[0] == told[1]


def test_the_addresses_share_the_time_of_one_dial(stage: Stage) -> None:
    """What one does not use is there for the next; when it is over, nothing more is dialled."""
    stage.dial_name("10.0.0.2", "10.0.0.3", "10.0.0.4")
    assert stage.dials[-1].timeout == 1.0
    assert stage.fails() is None
    assert stage.dials[-1].timeout == 1.5
    stage.clock.pass_by(1.5)
    assert stage.fails() is None
    assert stage.dials[-1].timeout == 1.5
    stage.clock.pass_by(1.5)
    assert stage.fails() is not None
    stage.dial_name("10.0.0.5", "10.0.0.6", peer_id=BERT)
    stage.clock.pass_by(3.0)
    assert stage.fails() is not None
    assert stage.dialled[3:] == ["10.0.0.5"]


def test_an_address_alone_has_all_the_time_that_is_configured(stage: Stage) -> None:
    stage.dialler.dial(address())
    assert stage.dials[-1].timeout == 0.0


def test_somebody_else_at_one_address_is_no_reason_to_leave_out_the_next(stage: Stage) -> None:
    """As at a record that nobody has changed after a move. What the last one says is told."""
    stage.dial_name("10.0.0.2", "10.0.0.3")
    assert stage.fails(RefusalReason.AUTH_FAILURE) is None
    _facts, refusal = stage.fails(RefusalReason.INCOMPATIBLE, "of another network")
    assert refusal == Refusal(RefusalReason.INCOMPATIBLE, "of another network")


def test_whoever_says_no_is_not_asked_again_at_another_address(stage: Stage) -> None:
    stage.dial_name("10.0.0.2", "10.0.0.3")
    assert stage.fails(RefusalReason.INBOUND_LIMIT) is not None
    assert len(stage.dials) == 1


def test_an_address_that_may_not_be_dialled_is_left_out(stage: Stage) -> None:
    """A banned one, or one where another peer is; if that is all of them, the first one's reason is the answer."""
    stage.bans.subjects = {"10.0.0.2"}
    stage.dialler.dial(address(BERT, "10.0.0.3"))
    stage.dial_name("10.0.0.2", "10.0.0.3", "10.0.0.4")
    assert stage.dialled == ["10.0.0.3", "10.0.0.4"]
    assert stage.fails() is not None
    stage.bans.subjects = {"10.0.0.2", "10.0.0.4"}
    refusal = stage.dialler.dial(address())
    assert refusal is not None
    assert refusal.reason is RefusalReason.BANNED


def test_a_peer_that_has_come_meanwhile_is_not_dialled_at_its_other_addresses(stage: Stage) -> None:
    """A dial of it that is under way elsewhere is found as well."""
    stage.dial_name("10.0.0.2", "10.0.0.3")
    first = stage.began[-1]
    stage.table.remove(first.connection)
    stage.table.add(facts(9), 0.0)
    stage.table.admit(facts(9), ANNA, Told(), 0.0)
    assert stage.dialler.refused(first, Refusal(RefusalReason.UNREACHABLE)) is not None
    assert len(stage.dials) == 1


def test_a_trial_is_of_one_address(stage: Stage) -> None:
    """The book wants to know about that one."""
    stage.records.note(address(), ["10.0.0.2", "10.0.0.3"])
    stage.dialler.dial(address(), is_trial=True)
    assert stage.fails() is not None


def test_a_filter_sees_each_address() -> None:
    """One that it does not like is no reason to leave out the next."""
    stage = Stage(lambda facts: "not there" if facts.remote_ip == "10.0.0.2" else None)
    stage.records.note(address(), ["10.0.0.2", "10.0.0.3"])
    stage.dialler.dial(address())
    stage.beside.do()
    (ended,) = stage.ended
    stage.table.remove(ended.facts.connection)
    assert ended.refusal is not None
    assert stage.dialler.refused(ended.facts, ended.refusal) is None
    stage.beside.do()
    assert stage.dialled == ["10.0.0.3"]


def test_the_address_that_answered_is_remembered(stage: Stage) -> None:
    """The next dial begins there."""
    stage.dial_name("10.0.0.2", "10.0.0.3")
    assert stage.fails() is None
    info = connected(stage.began[-1])
    stage.dialler.settle(info.connection, info)
    assert stage.outcomes == [info]
    assert stage.records.ordered(ANNA, ["10.0.0.2", "10.0.0.3"]) == ["10.0.0.3", "10.0.0.2"]


def test_what_is_known_of_a_dial_that_was_not_made() -> None:
    """It has no connection."""
    known = not_dialled(address())
    assert (known.connection, known.dialled_id, known.remote_ip) == ("", ANNA, "10.0.0.2")
