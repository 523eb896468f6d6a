"""The map of a network: one row for each node, from what was told and what visits have found."""

from __future__ import annotations

from dataclasses import replace

from peerage.actors.discovery.survey.network_map import Link, MappedNode, NetworkMap, Status, Told
from peerage.actors.discovery.survey.visit import Fault, Visited
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo
from tests.actors.discovery.nodes import START, address, node_id


def place(number: int) -> str:
    return address(number).dial_string


def found(number: int, *, told: bool = True) -> Visited:
    """A node that answered at its place, and told addresses or was not asked."""
    info = NodeInfo(id=node_id(number), network="net", moniker="m")
    return Visited(place(number), START, node_id(number), info, 0.01, 0.02, () if told else None)


# Node 1 answered and told of 2, at two places, and of 3; node 2 answered and was not asked; nobody is at the place of 3.
TOLD = [
    Told(node_id(2), place(2)),
    Told(node_id(2), "9.9.9.9:1"),
    Told(node_id(3), place(3)),
    Told(node_id(4), place(4)),
]
FOUND = {node_id(1): found(1), node_id(2): found(2, told=False)}
UNREACHABLE = Visited(place(3), START + 1, fault=Fault.UNREACHABLE, detail="Connection refused")
OUTCOMES: dict[str, Visited | str] = {
    place(1): FOUND[node_id(1)],
    place(2): FOUND[node_id(2)],
    place(3): UNREACHABLE,
    place(4): "its turn has not come",
}
LINKS = {node_id(1): [0, 1, 2], node_id(2): [2]}


def mapped(outcomes: dict[str, Visited | str] | None = None) -> dict[NodeID, MappedNode]:
    drawn = NetworkMap(
        found=FOUND,
        told=TOLD,
        links=LINKS,
        outcomes=OUTCOMES if outcomes is None else outcomes,
        seeds=[address(1)],
    )
    return {node.id: node for node in drawn.nodes}


def test_a_node_that_answered_is_where_it_was_found_with_what_it_says_of_itself() -> None:
    """And with how many it knows, each counted once however many addresses of it were told."""
    first = mapped()[node_id(1)]
    assert (first.place, first.status, first.reason) == (place(1), Status.ANSWERED, "")
    assert first.info is not None
    assert (first.seen, first.connect_s, first.handshake_s) == (START, 0.01, 0.02)
    assert (first.knows, first.known_by, first.is_seed) == (2, 0, True)


def test_a_node_that_was_not_asked_may_know_anybody() -> None:
    """That is another thing than knowing nobody."""
    second = mapped()[node_id(2)]
    assert second.knows is None
    assert (second.known_by, second.others, second.is_seed) == (1, ("9.9.9.9:1",), False)


def test_a_node_that_was_only_told_is_unreachable_or_was_not_visited() -> None:
    """With the reason; what was not dialled was not seen."""
    nodes = mapped()
    third, fourth = nodes[node_id(3)], nodes[node_id(4)]
    assert (third.status, third.reason, third.seen) == (
        Status.UNREACHABLE,
        "Connection refused",
        START + 1,
    )
    assert third.known_by == 2
    assert (fourth.status, fourth.reason, fourth.seen) == (
        Status.NOT_VISITED,
        "its turn has not come",
        None,
    )


def test_another_node_that_answers_at_its_place_makes_it_unreachable() -> None:
    """It may have moved; who answers is on the map under its own ID."""
    third = mapped({**OUTCOMES, place(3): replace(found(9), place=place(3))})[node_id(3)]
    assert (third.status, third.reason) == (
        Status.UNREACHABLE,
        f"somebody else answers there: {node_id(9)}",
    )


def test_an_address_that_there_was_no_room_for_is_on_the_map() -> None:
    """It was told, and nobody went there."""
    third = mapped({})[node_id(3)]
    assert (third.status, third.reason) == (Status.NOT_VISITED, "there was no room for it")


def test_each_pair_is_one_link_in_the_order_of_the_ids() -> None:
    """At the first place that was told."""
    drawn = NetworkMap(found=FOUND, told=TOLD, links=dict(reversed(LINKS.items())), outcomes=OUTCOMES)
    assert list(drawn.links()) == [
        Link(node_id(1), node_id(2), place(2)),
        Link(node_id(1), node_id(3), place(3)),
        Link(node_id(2), node_id(3), place(3)),
    ]


def test_the_best_known_of_those_that_answered_come_first() -> None:
    """As an operator looks for peers."""
    drawn = NetworkMap(found=FOUND, told=TOLD, links=LINKS, outcomes=OUTCOMES)
    assert [node.id for node in drawn.answered()] == [node_id(2), node_id(1)]
