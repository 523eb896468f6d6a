"""A survey: whom to visit next, and what is believed of what nodes tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.survey.network_map import MappedNode, Status
from peerage.actors.discovery.survey.survey import LEAST_HEARD, MAX_PORTS_PER_IP, SHARE_OF_GROUP, Survey
from peerage.actors.discovery.survey.visit import MAX_REQUESTS, MAX_TOLD, Errand, Fault, Visited
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from peerage.wire.pex import PexAddress
from tests.actors.discovery.nodes import START, address, node_id

SEED = address(0)


def told(*addresses: NetAddress) -> tuple[PexAddress, ...]:
    """As they stand in an answer."""
    return tuple(PexAddress(each.id, str(each.host), each.port) for each in addresses)


def answered(at: NetAddress, *known: NetAddress, network: str = "net", **changes: object) -> Visited:
    """A node that answers at its address and knows these."""
    info = NodeInfo(id=at.id, network=network, moniker="m")
    visited = Visited(at.dial_string, START, at.id, info, 0.01, 0.02, told(*known))
    return replace(visited, **changes)  # type: ignore[arg-type]  # fields of Visited


def unreachable(at: NetAddress) -> Visited:
    """Nobody there."""
    return Visited(at.dial_string, START, fault=Fault.UNREACHABLE, detail="Connection refused")


def explore(survey: Survey, network: Mapping[NetAddress, Iterable[NetAddress]]) -> list[str]:
    """Visit until nobody is left; who is not in the network does not answer. Returns: the places, in order."""
    there = {each.dial_string: each for each in network}
    visits: list[str] = []
    while (errand := survey.next()) is not None:
        visits.append(errand.place)
        node = there.get(errand.place)
        survey.visited(unreachable(errand.address) if node is None else answered(node, *network[node]))
    assert survey.done
    return visits


def nodes_of(survey: Survey) -> dict[NodeID, MappedNode]:
    """The map's nodes by ID."""
    return {node.id: node for node in survey.network_map().nodes}


def edges_of(survey: Survey) -> set[tuple[NodeID, NodeID]]:
    """Who knows whom."""
    return {(link.teller, link.told) for link in survey.network_map().links()}


def seed_at(ip: str) -> NetAddress:
    """The seed, at another address of its name."""
    return NetAddress(SEED.id, ip, SEED.port)


def test_a_seed_is_visited_at_its_addresses_in_turn_until_it_is_met() -> None:
    """Nobody is at the first, and somebody else at the second. It is no fault, as it was met at the third."""
    elsewhere = [seed_at(f"9.9.9.{number}") for number in range(3)]
    survey = Survey([*elsewhere[:2], SEED, elsewhere[2]])
    assert survey.next() == Errand(elsewhere[0], None)
    assert survey.next() is None  # the others wait for what comes of it
    survey.visited(unreachable(elsewhere[0]))
    assert survey.next() == Errand(elsewhere[1], None)
    survey.visited(answered(address(7)))  # by its ID, which is another
    survey.visited(replace(answered(address(7)), place=elsewhere[1].dial_string))
    assert not survey.has_seed
    assert survey.next() == Errand(SEED, None)
    survey.visited(answered(SEED, address(1)))
    assert explore(survey, {address(1): []}) == [address(1).dial_string]
    assert (survey.has_seed, survey.seed_faults()) == (True, {})
    seed = nodes_of(survey)[SEED.id]
    assert (seed.place, seed.status) == (SEED.dial_string, Status.ANSWERED)
    assert set(seed.others) == {each.dial_string for each in elsewhere}  # nobody was sent to the last one


def test_a_seed_that_is_met_nowhere_is_at_fault_at_each_of_its_addresses() -> None:
    survey = Survey([SEED, seed_at("9.9.9.9")])
    assert explore(survey, {}) == [SEED.dial_string, seed_at("9.9.9.9").dial_string]
    assert survey.seed_faults() == dict.fromkeys([SEED, seed_at("9.9.9.9")], "Connection refused")


NUMBERS = st.integers(0, 30)


@given(st.dictionaries(NUMBERS, st.sets(NUMBERS), max_size=20))
def test_the_map_is_the_network_as_far_as_it_can_be_reached(knows: dict[int, set[int]]) -> None:
    """Any network: all that answer and lead there are found, each place is dialled once, edges are the books."""
    everybody: dict[int, set[int]] = {0: set()} | knows
    network = {address(n): [address(other) for other in others] for n, others in everybody.items()}
    reached, queue = {SEED}, [SEED]
    while queue:
        for other in network.get(queue.pop(), ()):
            if other not in reached:
                reached.add(other)
                queue.append(other)
    survey = Survey([SEED])
    visits = explore(survey, network)
    assert sorted(visits) == sorted({each.dial_string for each in reached})
    nodes = nodes_of(survey)
    assert set(nodes) == {each.id for each in reached}
    for each in reached:
        node = nodes[each.id]
        assert node.status is (Status.ANSWERED if each in network else Status.UNREACHABLE)
        assert node.knows == (len(set(network[each]) - {each}) if each in network else None)
    assert edges_of(survey) == {
        (teller.id, other.id)
        for teller in reached & network.keys()
        for other in network[teller]
        if other != teller
    }
    assert sum(node.known_by for node in nodes.values()) == len(edges_of(survey))


def test_who_is_told_by_more_groups_is_visited_first() -> None:
    """One group of addresses cannot push itself to the front, however many it tells of."""
    crowd = [NetAddress(node_id(n), f"7.7.0.{n}", 1) for n in range(100, 110)]
    friends = [address(n) for n in range(200, 240)]
    survey = Survey([SEED])
    network = {SEED: [*crowd, address(1), address(2)]} | dict.fromkeys(crowd, friends)
    network |= {address(1): [address(9)], address(2): [address(9)]}
    visits = explore(survey, network)
    later = visits[visits.index(address(2).dial_string) + 1 :]
    assert later[0] == address(9).dial_string


def test_one_place_is_dialled_once_whoever_is_said_to_be_there() -> None:
    """The node that answers is known by the ID it has proved; the others are not there."""
    real = address(1)
    false = [NetAddress(node_id(n), real.host, real.port) for n in (50, 51)]
    survey = Survey([SEED])
    assert explore(survey, {SEED: [false[0], real, false[1]], real: []}) == [
        SEED.dial_string,
        real.dial_string,
    ]
    nodes = nodes_of(survey)
    assert nodes[real.id].status is Status.ANSWERED
    for each in false:
        assert nodes[each.id].status is Status.UNREACHABLE
        assert nodes[each.id].reason == f"somebody else answers there: {real.id}"


def test_a_node_with_two_addresses_is_one_node() -> None:
    """It is where it answers."""
    wrong, real = address(1), NetAddress(node_id(1), "8.8.0.1", 7)
    survey = Survey([SEED])
    explore(survey, {SEED: [wrong, real], real: []})
    node = nodes_of(survey)[real.id]
    assert (node.place, node.others, node.known_by) == (real.dial_string, (wrong.dial_string,), 1)


@pytest.mark.parametrize("order", [1, -1])
def test_an_address_full_of_lies_hides_nobody(order: int) -> None:
    """However many wrong places are told of an ID, the right one is visited too."""
    lies = [NetAddress(node_id(1), f"9.{n}.0.1", 1) for n in range(100)]
    survey = Survey([SEED])
    explore(survey, {SEED: [*lies, address(1)][::order], address(1): []})
    assert nodes_of(survey)[node_id(1)].place == address(1).dial_string


# --- networks ---


def test_nobody_else_is_visited_before_the_seeds_have_said_which_network_it_is() -> None:
    """Their networks are those whose nodes are asked."""
    survey = Survey([SEED, address(1)])
    first, second = survey.next(), survey.next()
    assert first == Errand(SEED, None)
    assert second == Errand(address(1), None)
    survey.visited(answered(SEED, address(2), network="one"))
    assert survey.next() is None
    assert not survey.done
    survey.visited(answered(address(1), network="two"))
    assert survey.next() == Errand(address(2), frozenset({"one", "two"}))


def test_with_a_network_given_that_is_the_one() -> None:
    """A seed of another is none."""
    survey = Survey([SEED], networks=["mine"])
    assert survey.next() == Errand(SEED, frozenset({"mine"}))
    assert survey.network_map().waiting == 1
    survey.visited(answered(SEED, network="theirs", told=None, fault=Fault.OTHER_NETWORK, detail="'theirs'"))
    assert not survey.has_seed
    assert survey.seed_faults() == {SEED: "it is of network 'theirs'"}
    assert survey.done


def test_with_any_network_everybody_is_asked() -> None:
    """Whatever it is."""
    survey = Survey([SEED], any_network=True)
    survey.next()
    survey.visited(answered(SEED, address(1)))
    assert survey.next() == Errand(address(1), None)


# --- seeds ---


def test_seeds_that_do_not_answer_are_told_with_the_reason() -> None:
    """One that answers is enough."""
    survey = Survey([SEED, address(1), address(2)])
    for _ in range(3):
        survey.next()
    survey.visited(unreachable(SEED))
    survey.visited(Visited(address(1).dial_string, START, node_id(9), NodeInfo(id=node_id(9))))
    before = survey.has_seed
    assert survey.seed_faults() == {
        SEED: "Connection refused",
        address(1): f"somebody else answers there: {node_id(9)}",
    }
    survey.visited(answered(address(2)))
    assert (before, survey.has_seed, survey.done) == (False, True, True)


def test_a_visit_given_back_is_made_again() -> None:
    """And is nobody's fault."""
    survey = Survey([SEED])
    errand = survey.next()
    assert errand is not None
    assert survey.next() is None
    survey.give_back(errand.place)
    assert survey.next() == errand
    assert survey.visits == 0


# --- bounds ---


def test_no_more_places_are_dialled_than_allowed() -> None:
    """The others are on the map, and were not visited."""
    survey = Survey([SEED], max_visits=5)
    everybody = [address(n) for n in range(1, 20)]
    assert len(explore(survey, {SEED: everybody})) == 5
    left = [node for node in nodes_of(survey).values() if node.status is Status.NOT_VISITED]
    assert len(left) == 15
    assert {node.reason for node in left} == {"5 others were visited"}
    assert survey.network_map().waiting == 0


def test_nobody_has_us_scan_the_ports_of_a_stranger() -> None:
    """So many of one public address are dialled and no more."""
    ports = [NetAddress(node_id(n), "8.8.8.8", n) for n in range(1, 100)]
    survey = Survey([SEED])
    assert len(explore(survey, {SEED: ports})) == 1 + MAX_PORTS_PER_IP
    reasons = [node.reason for node in nodes_of(survey).values() if node.status is Status.NOT_VISITED]
    assert len(reasons) == 99 - MAX_PORTS_PER_IP
    assert set(reasons) == {f"more than {MAX_PORTS_PER_IP} ports of its IP address were told"}


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "fe80::1", "::1", "169.254.169.254"])
def test_a_stranger_does_not_send_us_into_our_own_network(ip: str) -> None:
    """A private address is visited only when one who was found at such an address tells it."""
    private = NetAddress(node_id(1), ip, 22)
    survey = Survey([SEED])
    assert explore(survey, {SEED: [private]}) == [SEED.dial_string]
    node = nodes_of(survey)[private.id]
    assert (node.status, node.reason) == (
        Status.NOT_VISITED,
        "not reachable from outside its own network",
    )
    inside = NetAddress(node_id(2), "192.168.7.7", 1)
    assert explore(Survey([inside]), {inside: [private]}) == [inside.dial_string, private.dial_string]
    survey = Survey([SEED, inside])
    assert private.dial_string in explore(survey, {SEED: [private], inside: [private]})


def test_a_network_inside_has_any_number_of_ports() -> None:
    """A test network on one machine."""
    ports = [NetAddress(node_id(n), "127.0.0.1", n) for n in range(1, 100)]
    assert len(explore(Survey(ports[:1]), {ports[0]: ports})) == 99


@pytest.mark.parametrize(
    "raw",
    [
        ("", "8.8.8.8", 1),
        ("xyz", "8.8.8.8", 1),
        (node_id(1), "", 1),
        (node_id(1), "host.example", 1),
        (node_id(1), "0.0.0.0", 1),
        (node_id(1), "255.255.255.255", 1),
        (node_id(1), "2001:db8::1", 1),
        (node_id(1), "8.8.8.8", 0),
        (node_id(1), "8.8.8.8", 65_536),
        (node_id(0), "8.8.8.8", 1),  # itself
    ],
)
def test_what_can_be_no_address_is_passed_over(raw: tuple[str, str, int]) -> None:
    """Nobody can be there, or it is the teller itself."""
    survey = Survey([SEED])
    survey.next()
    survey.visited(answered(SEED, told=(PexAddress(*raw),)))
    assert survey.done
    assert set(nodes_of(survey)) == {SEED.id}
    assert nodes_of(survey)[SEED.id].knows == 0


def test_ids_count_without_their_case() -> None:
    """They are numbers; nobody is two nodes for being spelt in two ways."""
    loud = NodeID(node_id(0xABCDEF).upper())
    survey = Survey([SEED])
    survey.next()
    survey.visited(
        answered(SEED, told=(PexAddress(loud, "8.8.8.8", 1), PexAddress(loud.lower(), "8.8.8.8", 1)))
    )
    assert edges_of(survey) == {(SEED.id, node_id(0xABCDEF))}


def test_what_one_answer_and_one_group_can_bring_in_is_bounded() -> None:
    """Others still find room; how much was left out is told."""
    crowd = [NetAddress(node_id(n), f"7.7.0.{n}", 1) for n in range(100, 139)]
    survey = Survey([SEED, address(1)], max_visits=60)
    survey.next()
    survey.visited(answered(SEED, *crowd))
    for each in crowd:
        survey.visited(
            answered(each, *(address(each.port + n + (int(each.id, 16) << 10)) for n in range(1000)))
        )
    told_by_crowd = len(crowd) * MAX_TOLD * MAX_REQUESTS
    room = LEAST_HEARD // SHARE_OF_GROUP
    assert told_by_crowd > room
    assert len(nodes_of(survey)) == 2 + len(crowd) + room
    assert survey.network_map().left_out == told_by_crowd - room
    survey.visited(answered(address(1), address(2)))
    assert node_id(2) in nodes_of(survey)


def test_a_place_is_only_heard_once() -> None:
    """What came of a second visit to it does not count."""
    survey = Survey([SEED])
    survey.next()
    survey.visited(answered(SEED, address(1)))
    survey.visited(answered(SEED, address(2)))
    assert edges_of(survey) == {(SEED.id, node_id(1))}
