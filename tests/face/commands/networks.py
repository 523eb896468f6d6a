"""Network maps made up for tests, and what is written of them."""

from __future__ import annotations

import io
from array import array
from collections.abc import Callable
from typing import TextIO

from peerage.actors.discovery.survey.network_map import NetworkMap, Told
from peerage.actors.discovery.survey.visit import Fault, Visited
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo
from tests.actors.discovery.nodes import START, address, node_id


def network_map(answered: int, absent: int = 0, *, text: str = "node", knows: int = 3) -> NetworkMap:
    """A network in which each node that answers knows this many of the nodes after it."""
    total = answered + absent
    told = [Told(node_id(n), address(n).dial_string) for n in range(total)]
    found: dict[NodeID, Visited] = {}
    for n in range(answered):
        info = NodeInfo(id=node_id(n), network=text, version=text, moniker=text, channels=b"\0\x20")
        found[node_id(n)] = Visited(told[n].place, START, node_id(n), info, 0.0123, 0.045, ())
    dead = {
        each.place: Visited(each.place, START, fault=Fault.UNREACHABLE, detail="no")
        for each in told[answered:]
    }
    links = {node_id(n): array("I", ((n + k + 1) % total for k in range(knows))) for n in range(answered)}
    outcomes = dead | {visited.place: visited for visited in found.values()}
    return NetworkMap(found=found, told=told, links=links, outcomes=outcomes, networks=[text])


def written(write: Callable[[NetworkMap, TextIO], None], found: NetworkMap) -> str:
    file = io.StringIO()
    write(found, file)
    return file.getvalue()
