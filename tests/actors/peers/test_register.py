"""actors/peers/register.py: places, IDs and limits of a node whose peer hosts decide together."""

from __future__ import annotations

import fcntl
import os
import random
import secrets
import time
from collections.abc import Iterator

import pytest

from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.messages import Admission
from peerage.actors.peers import register_memory as module
from peerage.actors.peers.register import Place, Register, RegisterBusyError, Rules, Taken
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.ip_ranges import packed_ip, parse_network
from peerage.wire.keys import NodeID

IP, OTHER_IP, IP6 = "192.0.2.1", "192.0.2.2", "2001:db8::1"
FAR_IP = "198.51.100.1"
ANNA, BERT, CARL = NodeID("a" * 40), NodeID("b" * 40), NodeID("c" * 40)
ANY_NUMBER, ONE_EACH = IPLimits(per_ip=None), IPLimits()
RULES = Rules(peers=2, ip_limits=ANY_NUMBER)
HOSTS = 2


class Open:
    """Begins the life of a host. Attribute: evicted, the hosts of peers whose places were given away."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self.opened: list[Register] = []
        self.evicted: list[int] = []

    def __call__(self, index: int = 0, rules: Rules = RULES) -> Register:
        self.opened.append(Register(self._memory, index, HOSTS, rules, self.evicted.append))
        return self.opened[-1]


@pytest.fixture
def memory() -> Iterator[int]:
    fd = Register.create(HOSTS)
    yield fd
    os.close(fd)


@pytest.fixture
def start(memory: int) -> Iterator[Open]:
    """Begins the lives of hosts."""
    start = Open(memory)
    yield start
    for each in start.opened:
        each.close()


def enter(register: Register, port: int, ip: str = IP) -> Place:
    place = register.enter(ip, port)
    assert isinstance(place, Place), place
    return place


def beside(connection: str) -> Admission:
    """In the place of another connection, whose end is on its way."""
    return Admission(is_persistent=False, is_unconditional=False, beside=(connection,))


def reason(outcome: object) -> RefusalReason:
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


def test_all_hosts_count_together_and_a_place_that_is_left_is_free(start: Open) -> None:
    """Connections in their handshake included, dials not."""
    one, two = start(0), start(1)
    one.note_dial(OTHER_IP, 26656)
    places = [enter(one, 1), enter(two, 2), enter(one, 3)]
    assert (one.inbound(), two.inbound()) == (3, 3)
    places[1].leave()
    places[1].leave()  # a second time changes nothing
    assert (one.inbound(), two.inbound()) == (2, 2)


def test_handshakes_take_no_place_of_a_peer(start: Open) -> None:
    """However many there are."""
    register = start()
    places = [enter(register, port) for port in range(1, 9)]
    assert places[7].claim(ANNA, "c-8") is None


def test_a_remote_has_one_connection_from_one_port(start: Open) -> None:
    """Whoever dialled: at any host."""
    one, two = start(0), start(1)
    enter(one, 1)
    one.note_dial(OTHER_IP, 26656)
    assert reason(two.enter(IP, 1)) is RefusalReason.DUPLICATE_CONNECTION
    assert reason(two.enter(OTHER_IP, 26656)) is RefusalReason.DUPLICATE_CONNECTION
    enter(two, 1, OTHER_IP)


def test_an_id_is_claimed_once(start: Open) -> None:
    """Which of two connections stays is not decided here."""
    one, two = start(0), start(1)
    first, second = enter(one, 1), enter(two, 2)
    assert first.claim(ANNA, "c-1") is None
    assert isinstance(second.claim(ANNA, "c-2"), Taken)
    assert second.claim(BERT, "c-2") is None
    first.leave()
    assert enter(one, 3).claim(ANNA, "c-3") is None


def test_a_connection_may_stand_beside_the_one_that_it_replaces(start: Open) -> None:
    """And beside no other."""
    one, two = start(0), start(1)
    assert enter(one, 1).claim(ANNA, "c-1") is None
    second = enter(two, 2)
    assert isinstance(second.claim(ANNA, "c-2", beside("c-0")), Taken)
    assert second.claim(ANNA, "c-2", beside("c-1")) is None
    assert isinstance(enter(one, 3).claim(ANNA, "c-3", beside("c-1")), Taken)


def test_inbound_peers_are_limited_but_for_the_unconditional_and_the_dialled(start: Open) -> None:
    """A claim that is made again does not count twice."""
    one, two = start(0, Rules(2, ANY_NUMBER)), start(1, Rules(2, ANY_NUMBER))
    dial = one.note_dial(OTHER_IP, 26656)
    assert dial is not None
    assert dial.claim(NodeID("d" * 40), "dial") is None
    assert enter(one, 1).claim(NodeID("e" * 40), "c-1", Admission(False, is_unconditional=True)) is None
    first = enter(one, 2)
    assert [first.claim(ANNA, "c-2"), enter(two, 3).claim(BERT, "c-3")] == [None, None]
    assert first.claim(ANNA, "c-2") is None
    third = enter(two, 4)
    full = Refusal(RefusalReason.INBOUND_LIMIT, "2 inbound peers of at most 2")
    assert [third.lack(CARL), one.lack(packed_ip(IP)), third.claim(CARL, "c-4")] == [full] * 3
    assert third.lack(ANNA) is None  # it is here already: that is another matter


def test_a_newcomer_of_another_network_gets_the_place_of_one_of_many(start: Open) -> None:
    """In the same step, whichever hosts the two are at; the host of the other is told, and it does not count meanwhile."""
    one, two = start(0), start(1)
    held = [enter(one, 1), enter(one, 2)]
    assert [held[0].claim(ANNA, "c-1"), held[1].claim(BERT, "c-2")] == [None, None]
    newcomer = enter(two, 3, FAR_IP)
    assert newcomer.lack(CARL) is None
    assert newcomer.claim(CARL, "c-3") is None
    gone, stays = sorted(held, key=lambda place: not place.is_given_away)
    assert start.evicted == [0]
    assert (gone.is_given_away, stays.is_given_away) == (True, False)
    assert isinstance(enter(two, 4).claim(NodeID("d" * 40), "c-4"), Refusal)  # one was enough
    gone.leave()
    assert reason(enter(one, 5).claim(NodeID("d" * 40), "c-5")) is RefusalReason.INBOUND_LIMIT
    newcomer.leave()
    assert enter(one, 6).claim(NodeID("d" * 40), "c-6") is None


def test_a_persistent_peer_keeps_its_place(start: Open) -> None:
    """And an unconditional one has none that another could get."""
    register = start()
    kept = Admission(is_persistent=True, is_unconditional=False)
    for port, name in enumerate((ANNA, BERT), 1):
        assert enter(register, port).claim(name, f"c-{port}", kept) is None
    free = Admission(is_persistent=False, is_unconditional=True)
    assert enter(register, 3).claim(CARL, "c-3", free) is None
    assert reason(enter(register, 4, FAR_IP).claim(NodeID("d" * 40), "c-4")) is RefusalReason.INBOUND_LIMIT
    assert start.evicted == []


@pytest.mark.parametrize("ip", [IP, IP6])
def test_one_connection_for_each_ip(start: Open, ip: str) -> None:
    """While it shakes hands and afterwards; the refusal says who has it."""
    rules = Rules(10, ONE_EACH)
    one, two = start(0, rules), start(1, rules)
    holder = enter(one, 1, ip)
    where = f"[{ip}]:1" if ":" in ip else f"{ip}:1"
    assert two.enter(ip, 2) == Refusal(RefusalReason.DUPLICATE_IP, f"{ip} is connected already, by {where}")
    assert holder.claim(ANNA, "c-1") is None
    assert two.enter(ip, 2) == Refusal(RefusalReason.DUPLICATE_IP, f"{ip} is connected already, by {ANNA}")
    enter(two, 2, OTHER_IP)


def test_an_ip_and_its_prefix_may_have_so_many(start: Open) -> None:
    """Connections of all hosts count, those in their handshake too, and those that we dialled once they are peers."""
    rules = Rules(10, IPLimits(per_ip=2, per_prefix=3))
    one, two = start(0, rules), start(1, rules)
    dial = one.note_dial(IP, 26656)
    assert dial is not None
    assert dial.claim(ANNA, "dial") is None
    enter(two, 1)
    refused = two.enter(IP, 2)
    assert refused == Refusal(RefusalReason.DUPLICATE_IP, f"2 connections from {IP} already, of at most 2")
    last = enter(one, 3, OTHER_IP)
    assert reason(two.enter("192.0.2.3", 4)) is RefusalReason.PREFIX_LIMIT
    enter(two, 4, FAR_IP)
    last.leave()
    enter(two, 4, "192.0.2.3")


def test_of_two_that_shake_hands_at_once_the_prefix_has_the_one_that_is_done_first(start: Open) -> None:
    """A dial that is under way counts nowhere, so what decides is who claims an ID."""
    rules = Rules(10, IPLimits(per_ip=None, per_prefix=1))
    one, two = start(0, rules), start(1, rules)
    dial = one.note_dial(OTHER_IP, 26656)
    assert dial is not None
    assert enter(two, 1).claim(ANNA, "c-1") is None
    refused = dial.claim(BERT, "dial")
    assert refused == Refusal(
        RefusalReason.PREFIX_LIMIT, "1 connections from 192.0.2.0/24 already, of at most 1"
    )
    assert isinstance(
        dial.claim(ANNA, "dial"), Taken
    )  # the same peer is not one too many: which stays, is decided


def test_an_ipv6_prefix_holds_no_ipv4_addresses(start: Open) -> None:
    """Although all of them begin like ::1 in the memory."""
    register = start(0, Rules(10, IPLimits(per_ip=None, per_prefix=1)))
    enter(register, 1)
    enter(register, 2, "::1")
    assert reason(register.enter("::2", 3)) is RefusalReason.PREFIX_LIMIT
    enter(register, 4, IP6)
    assert reason(register.enter("2001:db8::ff:0:0:1", 5)) is RefusalReason.PREFIX_LIMIT


def test_exempt_networks_are_not_limited_nor_counted(start: Open) -> None:
    register = start(0, Rules(10, IPLimits(1, 1, exempt=(parse_network("192.0.2.0/31"),))))
    for port in (1, 2, 3):
        enter(register, port)
    enter(register, 4, OTHER_IP)
    assert reason(register.enter("192.0.2.3", 5)) is RefusalReason.PREFIX_LIMIT


def test_of_an_accepted_and_a_dialled_connection_to_one_ip_the_first_peer_stays(start: Open) -> None:
    """A dial in its handshake holds no IP: if both sides refused the other's connection, none would be left."""
    rules = Rules(10, ONE_EACH)
    one, two = start(0, rules), start(1, rules)
    dial = one.note_dial(IP, 26656)
    assert dial is not None
    accepted = enter(two, 1)
    assert dial.claim(ANNA, "dial") is None
    assert reason(accepted.claim(BERT, "c-1")) is RefusalReason.DUPLICATE_IP


def test_what_a_dead_host_held_is_free_when_its_successor_begins(start: Open) -> None:
    """Not before: its connections may be there yet."""
    one, two = start(0), start(1)
    assert enter(one, 1).claim(ANNA, "c-1") is None
    assert isinstance(enter(two, 2).claim(ANNA, "c-2"), Taken)
    start(0)
    assert two.inbound() == 1
    assert enter(two, 3).claim(ANNA, "c-3") is None


def test_places_are_used_again(start: Open) -> None:
    """The lowest first, so that the others look at no more than there are connections."""
    register = start(0, Rules(100, ANY_NUMBER))
    places = [enter(register, port) for port in range(1, 9)]
    for place in (places[2], places[5], places[7], places[6]):
        place.leave()
    again = [enter(register, port) for port in range(11, 15)]
    assert sorted(place.number for place in again) == [2, 5, 6, 7]
    assert [place.number for place in (*places[:2], *again)].count(2) == 1


def test_bytes_that_lie_across_two_places_are_no_id(start: Open) -> None:
    """The end of one ID and the beginning of the next may make a third."""
    register = start(0, Rules(100, ANY_NUMBER))
    first, second = "12" * 20, "34" * 20
    enter(register, 1).claim(NodeID(first), "c-1")
    enter(register, 2).claim(NodeID(second), "c-2")
    assert enter(register, 3).claim(NodeID(first[20:] + second[:20]), "c-3") is None


def test_of_a_withdrawn_place_nothing_is_taken_but_its_id(start: Open) -> None:
    """By another host, even beside it; and the ID, too, is free when everybody has heard of the end."""
    one, two = start(0, Rules(1, ONE_EACH)), start(1, Rules(1, ONE_EACH))
    place = enter(one, 1)
    assert place.claim(ANNA, "c-1") is None
    place.withdraw()
    place.leave()  # and a second withdrawal: nothing happens
    place.withdraw()
    assert (one.inbound(), place.is_given_away) == (0, False)
    again = enter(two, 1)
    assert isinstance(again.claim(ANNA, "c-2", beside("c-1")), Taken)
    assert again.claim(BERT, "c-2") is None
    again.leave()
    one.let_go()
    assert enter(two, 2).claim(ANNA, "c-3") is None


def test_who_comes_back_to_the_same_host_has_everybody_told_of_the_end_first(start: Open) -> None:
    register = start()
    told: list[str] = []

    def tell() -> None:
        told.append("ends")
        register.let_go()

    register.tell_ends = tell
    places = [enter(register, port) for port in (1, 2)]
    for place, peer_id in zip(places, (ANNA, BERT), strict=True):
        assert place.claim(peer_id, f"c-{peer_id}") is None
        place.withdraw()
    assert enter(register, 3).claim(CARL, "c-3") is None
    assert told == []
    assert enter(register, 4).claim(ANNA, "c-4") is None
    assert told == ["ends"]
    assert [enter(register, port).number for port in (5, 6)] == [0, 1]  # no place is lost


def test_a_place_that_was_left_claims_nothing(start: Open) -> None:
    place = enter(start(), 1)
    place.leave()
    assert reason(place.claim(ANNA, "c-1")) is RefusalReason.STOPPING


def test_a_host_without_a_free_place_turns_away(start: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLACES", 1)
    register = start()
    enter(register, 1)
    assert reason(register.enter(IP, 2)) is RefusalReason.INBOUND_LIMIT
    assert register.note_dial(IP, 3) is None


def test_a_host_that_is_frozen_in_the_middle_of_a_decision_holds_the_others_up_for_a_moment(
    memory: int, start: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the lock. The kernel takes it from it when it dies."""
    monkeypatch.setattr(module, "LOCK_PATIENCE_S", 0.0)
    register = start()
    ready, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        fcntl.lockf(memory, fcntl.LOCK_EX)
        os.write(write, b".")
        time.sleep(3600)
        os._exit(1)
    try:
        os.read(ready, 1)
        with pytest.raises(RegisterBusyError):
            register.enter(IP, 1)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(write)
    enter(register, 1)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does nothing but decide may keep another from it for long, on a busy machine."""
    monkeypatch.setattr(module, "LOCK_PATIENCE_S", 50.0)


@pytest.mark.usefixtures("patience")
def test_processes_that_decide_at_once_never_exceed_the_limit_nor_share_an_id(memory: int) -> None:
    """Two of them enter, claim and leave as fast as they can; each sees what both hold."""
    rules = Rules(peers=3, ip_limits=ANY_NUMBER)
    _let_contend(memory, rules)


@pytest.mark.usefixtures("patience")
def test_processes_that_decide_at_once_never_exceed_the_limit_of_a_prefix(memory: int) -> None:
    """The same, with places enough for all."""
    _let_contend(memory, Rules(peers=9, ip_limits=IPLimits(per_ip=None, per_prefix=3)))


def _let_contend(memory: int, rules: Rules) -> None:
    ids = [NodeID(secrets.token_hex(20)) for _ in range(5)]
    pids = []
    for index in range(HOSTS):
        pid = os.fork()
        if pid == 0:
            os._exit(_contend(Register(memory, index, HOSTS, rules), index, ids))
        pids.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0]


def _contend(register: Register, index: int, ids: list[NodeID]) -> int:
    rng = random.Random(index)
    for _turn in range(2000):
        entered = [register.enter(IP, 1000 * index + number) for number in range(1, 4)]
        held = [place for place in entered if isinstance(place, Place)]
        for place, peer_id in zip(held, rng.sample(ids, len(held)), strict=True):
            place.claim(peer_id, f"{index}-{place.number}")
        if register.room.peers() > 3:
            return 1
        for place in held:
            place.leave()
    return 0
