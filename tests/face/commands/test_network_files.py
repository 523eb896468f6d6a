"""Maps as files and as pictures: what hostile nodes say of themselves confuses no reader."""

from __future__ import annotations

import csv
import io
import json
from array import array
from collections.abc import Callable
from typing import TextIO
from xml.etree import ElementTree as ET

import networkx as nx
import pytest

from peerage.actors.discovery.survey.network_map import NetworkMap, Told
from peerage.actors.discovery.survey.visit import Fault, Visited
from peerage.commands.network_files import printable, write_csv, write_edges, write_graphml, write_json
from peerage.commands.network_picture import CIRCLE_NODES, MAX_LINES, draw_network
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo
from tests.actors.discovery.nodes import START, address, node_id

NASTY = "</text>&\"'<!--\x1b[2J\x00\udcff,\n=1+1\u202e"
SVG = "{http://www.w3.org/2000/svg}"


def network_map(answered: int, absent: int = 0, *, text: str = "node", knows: int = 3) -> NetworkMap:
    """Each of those that answer knows so many that follow it."""
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


def test_json_holds_nodes_and_edges() -> None:
    """With all that is known of each."""
    found = json.loads(written(write_json, network_map(2, 1, knows=1)))
    assert [edge["to"] for edge in found["edges"]] == [node_id(1), node_id(2)]
    first, _, last = found["nodes"]
    assert (first["status"], first["channels"], first["latency_ms"]) == ("answered", ["0x00", "0x20"], 12.3)
    assert (first["knows"], first["known_by"], first["seen"]) == (1, 0, "2023-11-14T22:13:20Z")
    assert (last["status"], last["reason"], last["moniker"], last["known_by"]) == (
        "unreachable",
        "no",
        None,
        1,
    )


def test_csv_has_a_line_for_each_node_and_each_edge() -> None:
    """Nothing is there where nothing is known."""
    rows = list(csv.DictReader(io.StringIO(written(write_csv, network_map(2, 1)))))
    assert [(row["id"], row["status"]) for row in rows] == [
        (node_id(0), "answered"),
        (node_id(1), "answered"),
        (node_id(2), "unreachable"),
    ]
    assert (rows[0]["channels"], rows[0]["seed"], rows[2]["latency_ms"]) == ("0x00 0x20", "false", "")
    edges = list(csv.DictReader(io.StringIO(written(write_edges, network_map(2, 1, knows=1)))))
    assert edges[1] == {"from": node_id(1), "to": node_id(2), "address": address(2).dial_string}


def test_graphml_is_read_by_networkx() -> None:
    """Numbers are numbers there, and edges have a direction."""
    graph = nx.read_graphml(io.BytesIO(written(write_graphml, network_map(3, 2)).encode()))
    assert graph.is_directed()
    assert not graph.is_multigraph()
    assert set(graph.successors(node_id(0))) == {node_id(1), node_id(2), node_id(3)}
    assert graph.nodes[node_id(0)]["latency_ms"] == 12.3
    assert graph.nodes[node_id(0)]["seed"] is False
    assert "latency_ms" not in graph.nodes[node_id(4)]
    assert graph.edges[node_id(0), node_id(1)]["address"] == address(1).dial_string


@pytest.mark.parametrize("nodes", [0, 1])
def test_an_empty_map_is_one_too(nodes: int) -> None:
    """Of nobody, or of one who knows nobody."""
    found = network_map(nodes, knows=0)
    assert len(json.loads(written(write_json, found))["nodes"]) == nodes
    assert len(nx.read_graphml(io.BytesIO(written(write_graphml, found).encode()))) == nodes
    assert len(written(write_csv, found).splitlines()) == nodes + 1
    assert ET.fromstring(written(draw_network, found)).tag == f"{SVG}svg"


def test_what_nodes_say_breaks_no_file() -> None:
    """Markup, controls, bytes that are no text, marks that turn the direction of writing."""
    found = network_map(2, text=NASTY)
    clean = printable(NASTY)
    assert clean.isprintable()
    assert json.loads(written(write_json, found))["nodes"][0]["moniker"] == clean
    assert next(csv.DictReader(io.StringIO(written(write_csv, found))))["moniker"] == clean
    graph = nx.read_graphml(io.BytesIO(written(write_graphml, found).encode()))
    assert graph.nodes[node_id(0)]["moniker"] == clean
    texts = "".join(ET.fromstring(written(draw_network, found)).itertext())
    assert clean[:10] in texts


def circles(found: NetworkMap) -> tuple[list[ET.Element], list[str], int]:
    """The circles of nodes, the texts, and how many lines a picture has."""
    picture = ET.fromstring(written(draw_network, found))
    nodes = [each for each in picture.iter(f"{SVG}circle") if each.find(f"{SVG}title") is not None]
    texts = [each.text or "" for each in picture.iter(f"{SVG}text")]
    return nodes, texts, sum(1 for _ in picture.iter(f"{SVG}path"))


def test_a_small_network_has_names() -> None:
    """Everybody on the circle, labelled, with a line for each pair."""
    nodes, texts, lines = circles(network_map(10, 3))
    assert len(nodes) == 13
    assert texts.count("node") == 10 + 1  # labels, and the title, which is the network's name
    assert address(12).dial_string in texts
    assert "10 nodes answered" in texts
    assert lines == 30


def test_a_large_network_has_a_list_of_the_best_known() -> None:
    """Dots inside for who answered, a ring of others around them; lines only between those inside."""
    nodes, texts, lines = circles(network_map(CIRCLE_NODES, 200))
    assert len(nodes) == CIRCLE_NODES + 200
    assert "best known:" in texts
    assert "did not answer: 200" in texts
    assert lines == 3 * CIRCLE_NODES - (1 + 2 + 3)  # the last three know some of those who did not answer
    middle = [(float(each.get("cx", 0)) - 500) ** 2 + (float(each.get("cy", 0)) - 500) ** 2 for each in nodes]
    assert max(middle[200:]) < min(middle[:200])  # absent ones are drawn first
    assert all(0 < float(each.get(axis, 0)) < 1000 for each in nodes for axis in ("cx", "cy"))


def test_a_picture_stays_small() -> None:
    """However many know each other."""
    _, texts, lines = circles(network_map(300, knows=200))
    assert 0 < lines <= MAX_LINES
    assert any("one in" in text for text in texts)


def test_no_two_nodes_lie_on_each_other() -> None:
    """Neither on the circle nor in the disc."""
    for answered, absent in ((20, 5), (300, 100)):
        nodes, _, _ = circles(network_map(answered, absent))
        assert len({(each.get("cx"), each.get("cy")) for each in nodes}) == answered + absent
