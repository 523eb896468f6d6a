"""actors/peers/memory_budget.py: who may read, who waits and who has to go when memory is short."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.names import NodeNames
from peerage.actors.peers import memory_budget as module
from peerage.actors.peers.memory_budget import (
    ALLOWANCE,
    LOOK_S,
    MOST_BY_DEFAULT,
    STEP,
    TRIM_S,
    Account,
    MemoryBudget,
    budget_for,
    least_budget,
)
from peerage.actors.runtime.heap import WORTH_TRIMMING
from peerage.testing import loopback_config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.peers.budgets import Trims, budgets_of
from tests.actors.peers.fake_loop import FakeLoop

MIB = 1024 * 1024
LIMIT = 80 * MIB
HELD, WAITING = 40 * MIB, 30 * MIB


class Connection:
    """One with an account, and what it was told."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.told: list[bool] = []
        self.reasons: list[str] = []
        self.account: Account = budget.open(self.told.append, self.reasons.append)

    def holds(self, unfinished: int = 0, unsent: int = 0) -> None:
        self.account.holds(unfinished, unsent)


class Host:
    """One of the hosts of a node."""

    def __init__(self, loop: FakeLoop, budget: MemoryBudget) -> None:
        self.loop, self.budget = loop, budget

    def connection(self, unfinished: int = 0) -> Connection:
        made = Connection(self.budget)
        made.holds(unfinished)
        return made


def hosts(count: int = 1, give_back: Trims | None = None) -> list[Host]:
    loops = [FakeLoop() for _ in range(count)]
    return list(map(Host, loops, budgets_of(LIMIT, *loops, give_back=give_back)))


def wait(*nodes: Host, seconds: float = LOOK_S) -> None:
    for host in nodes:
        host.loop.time += seconds
    for host in nodes:
        host.loop.settle()


# --- held ------------------------------------------------------------------------------------------------------------


def test_with_room_everybody_may_read() -> None:
    (host,) = hosts()
    connections = [host.connection(10 * MIB) for _ in range(3)]
    wait(host)
    assert all(each.account.may_read() for each in connections)
    assert [each.reasons for each in connections] == [[], [], []]


def test_when_the_budget_is_used_up_the_heaviest_goes_and_the_others_go_on() -> None:
    """What it holds comes free with it."""
    (host,) = hosts()
    small, large = host.connection(10 * MIB), host.connection(30 * MIB)
    assert not small.account.may_read()
    assert small.told == [True]
    wait(host)
    assert len(large.reasons) == 1
    assert small.reasons == []
    large.account.close()
    wait(host)
    assert small.told == [True, False]
    assert small.account.may_read()
    assert host.budget.ended == 1


def test_the_reason_says_what_was_held_and_which_setting_bounds_it() -> None:
    (host,) = hosts()
    connection = Connection(host.budget)
    connection.holds(unfinished=30 * MIB, unsent=15 * MIB)
    wait(host, seconds=3.0)
    (reason,) = connection.reasons
    assert reason == (
        "memory is short: 30.0 MiB of unfinished messages and 15.0 MiB that were not taken, for 3 s; "
        "all peers together may hold 80 MiB (peerage.peer_memory)"
    )


def test_who_has_held_much_for_long_goes_before_who_receives_a_long_message() -> None:
    """An honest peer's message is on its way for seconds; one that is left unfinished grows heavier all the time."""
    (host,) = hosts()
    hoarders = [host.connection(8 * MIB) for _ in range(3)]
    wait(host, seconds=60.0)
    honest = host.connection(16 * MIB)
    wait(host)
    assert honest.reasons == []
    assert [len(each.reasons) for each in hoarders].count(1) == 1


def test_a_connection_that_has_given_up_its_bytes_begins_anew() -> None:
    """One long message after the other is no hoard."""
    (host,) = hosts()
    honest, hoarder = host.connection(10 * MIB), host.connection(10 * MIB)
    wait(host, seconds=60.0)
    honest.holds(0)
    honest.holds(20 * MIB)
    wait(host)
    hoarder.holds(20 * MIB)
    wait(host)
    assert honest.reasons == []
    assert len(hoarder.reasons) == 1


def test_one_at_a_time_has_to_go_and_is_told_once() -> None:
    """Its end takes a turn, and may be enough."""
    (host,) = hosts()
    connections = [host.connection(20 * MIB) for _ in range(3)]
    for _ in range(2):
        host.loop.time += LOOK_S
        host.loop.turn()
    assert sorted(len(each.reasons) for each in connections) == [0, 0, 1]


def test_whoever_holds_little_is_never_concerned() -> None:
    """Neither held up nor ended, whatever others hold."""
    (host,) = hosts()
    host.connection(HELD)
    little = host.connection(ALLOWANCE)
    assert little.account.may_read()
    wait(host)
    assert (little.told, little.reasons) == ([], [])


def test_many_that_hold_little_end_nobody() -> None:
    (host,) = hosts()
    connections = [host.connection(ALLOWANCE) for _ in range(HELD // ALLOWANCE + 10)]
    wait(host)
    assert not any(each.reasons for each in connections)
    assert host.budget.unfinished > HELD


# --- several hosts -----------------------------------------------------------------------------------------------------


def test_the_heaviest_of_the_node_goes_whichever_host_is_short() -> None:
    """The host that holds it finds that out by itself, at its next look."""
    one, two = hosts(2)
    hoarder = two.connection(38 * MIB)
    wait(one, two, seconds=1.0)
    honest = one.connection(3 * MIB)
    assert not honest.account.may_read()
    wait(one, two)
    assert honest.reasons == []
    assert len(hoarder.reasons) == 1
    hoarder.account.close()
    wait(one, two)
    assert honest.told == [True, False]


def test_anyone_may_lower_the_limit_of_all_hosts() -> None:
    one, two = hosts(2)
    connection = two.connection(20 * MIB)
    wait(one, two)
    assert connection.account.may_read()
    one.budget.shrink_to(30 / 80)
    wait(one, two)
    assert not connection.account.may_read()
    assert len(connection.reasons) == 1


def test_a_host_looks_for_room_again_after_a_step() -> None:
    one, two = hosts(2)
    connection = two.connection(MIB)
    assert connection.account.may_read()
    hoarder = one.connection(40 * MIB)
    connection.holds(MIB + STEP - 1)
    assert connection.account.may_read()
    connection.holds(MIB + STEP)
    assert not connection.account.may_read()
    assert hoarder.reasons == []


# --- waiting ------------------------------------------------------------------------------------------------------------


def test_slow_reactors_hold_up_reading_and_end_nobody() -> None:
    """It is not the remote's fault. Reading goes on when they have consumed."""
    (host,) = hosts()
    behind, other = Connection(host.budget), Connection(host.budget)
    behind.account.waits(WAITING)
    other.account.waits(ALLOWANCE)
    assert not behind.account.may_read()
    assert other.account.may_read()
    wait(host, seconds=60.0)
    assert (behind.told, behind.reasons) == ([True], [])
    behind.account.waits(WAITING - MIB)
    wait(host)
    assert behind.told == [True, False]


def test_a_connection_that_waits_is_told_once() -> None:
    (host,) = hosts()
    behind = Connection(host.budget)
    behind.account.waits(WAITING)
    for _ in range(3):
        assert not behind.account.may_read()
    assert behind.told == [True]


# --- the end -------------------------------------------------------------------------------------------------------------


def test_a_closed_account_holds_nothing_and_hears_nothing() -> None:
    (host,) = hosts()
    connection = Connection(host.budget)
    connection.holds(HELD)
    connection.account.waits(WAITING)
    assert not connection.account.may_read()
    connection.account.close()
    budget = host.budget
    assert (budget.unfinished, budget.unsent, budget.unconsumed) == (0, 0, 0)
    wait(host, seconds=60.0)
    assert (connection.told, connection.reasons) == ([True], [])
    assert host.loop.timers == []


def test_memory_of_a_large_connection_goes_back_to_the_system_once_a_second() -> None:
    trims = Trims()
    (host,) = hosts(give_back=trims)
    for _ in range(5):
        host.connection(WORTH_TRIMMING).account.close()
    assert trims.count == 0
    wait(host, seconds=TRIM_S)
    assert trims.count == 1
    host.connection(WORTH_TRIMMING - 1).account.close()
    wait(host, seconds=60.0)
    assert trims.count == 1


# --- how much ------------------------------------------------------------------------------------------------------------


def test_broadcasts_have_an_eighth_shared_by_the_hosts() -> None:
    one, two = hosts(2)
    assert one.budget.broadcast_share == two.budget.broadcast_share == LIMIT // 8 // 2


@pytest.mark.parametrize(
    ("setting", "machine", "budget"),
    [
        (0, 4 << 30, 1 << 30),
        (0, 64 << 30, MOST_BY_DEFAULT),
        (300 * MIB, 64 << 30, 300 * MIB),
        (1, 64 << 30, 84 * MIB),
        (0, 100 * MIB, 84 * MIB),
    ],
)
def test_the_budget_is_the_setting_or_a_part_of_the_machine(
    setting: int, machine: int, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any case enough for a message of the largest channel beside another one."""
    monkeypatch.setattr(module, "memory_limit", lambda: machine)
    assert budget_for(setting, [ChannelDescriptor(id=0x50), ChannelDescriptor(id=0x51)]) == budget


def test_without_channels_there_is_a_budget_too() -> None:
    assert least_budget([]) > 0


def test_a_peer_in_a_process_of_its_own_has_its_part(tmp_path: Path) -> None:
    """Nobody shares it; a message of the largest channel finds room all the same."""
    key = NodeKey.generate()
    info = NodeInfo(id=key.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m")
    channels = (ChannelDescriptor(id=0x50, recv_message_capacity=MIB),)
    config = loopback_config(
        tmp_path,
        p2p={"max_num_inbound_peers": 4, "max_num_outbound_peers": 6},
        peerage={"peer_memory": 400 * MIB},
    )
    context = NodeContext(NodeNames("n/", ("ONE",), 1), config, key.public_key, info, channels, {0x50: "ONE"})
    budget = MemoryBudget.of_one(context, FakeLoop())
    assert budget.broadcast_share == 40 * MIB // 8
    connection = Connection(budget)
    connection.holds(20 * MIB - 1)
    assert connection.account.may_read()
    connection.holds(20 * MIB + STEP)
    assert not connection.account.may_read()
