"""Maps as files and as pictures: what hostile nodes say of themselves confuses no reader."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from xml.etree import ElementTree as ET

import networkx as nx
import pytest

from peerage.commands.geography import Location
from peerage.commands.network_files import printable, write_csv, write_edges, write_graphml, write_json
from peerage.commands.network_picture import draw_network
from tests.actors.discovery.nodes import address, node_id
from tests.face.commands.networks import network_map, written

NASTY = "</text>&\"'<!--\x1b[2J\x00\udcff,\n=1+1\u202e"
SVG = "{http://www.w3.org/2000/svg}"


def test_json_holds_nodes_and_edges() -> None:
    """With everything that is known about each."""
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
    """Unknown values are empty."""
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
    """Numbers stay numbers, and edges have a direction."""
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
    """One without nodes, or with a single node that knows nobody."""
    found = network_map(nodes, knows=0)
    assert len(json.loads(written(write_json, found))["nodes"]) == nodes
    assert len(nx.read_graphml(io.BytesIO(written(write_graphml, found).encode()))) == nodes
    assert len(written(write_csv, found).splitlines()) == nodes + 1
    assert ET.fromstring(written(draw_network, found)).tag == f"{SVG}svg"


def test_what_nodes_say_breaks_no_file() -> None:
    """Markup, control characters, bytes that are not text, marks that change the direction of writing."""
    found = network_map(2, text=NASTY)
    clean = printable(NASTY)
    assert clean.isprintable()
    assert json.loads(written(write_json, found))["nodes"][0]["moniker"] == clean
    assert next(csv.DictReader(io.StringIO(written(write_csv, found))))["moniker"] == clean
    graph = nx.read_graphml(io.BytesIO(written(write_graphml, found).encode()))
    assert graph.nodes[node_id(0)]["moniker"] == clean
    texts = "".join(ET.fromstring(written(draw_network, found)).itertext())
    assert clean[:10] in texts


def test_where_nodes_are_is_told_in_every_format() -> None:
    """Only if it was asked for; what files call an organisation is made printable like all other texts."""
    found = network_map(2, 1, knows=1)
    where = {node_id(0): Location("DE", None, 52.5, 13.25, 64496, f"Net{NASTY}"), node_id(2): Location("FR")}
    columns = ("country", "city", "latitude", "longitude", "asn", "organisation")
    assert not set(columns) & set(json.loads(written(write_json, found))["nodes"][0])

    def write(writer: Callable[..., None]) -> str:
        return written(lambda each, file: writer(each, file, where), found)

    first, second, last = json.loads(write(write_json))["nodes"]
    assert [first[name] for name in columns[:5]] == ["DE", None, 52.5, 13.25, 64496]
    assert first["organisation"] == f"Net{printable(NASTY)}"
    assert [second[name] for name in columns] == [None] * 6
    assert last["country"] == "FR"
    row = next(csv.DictReader(io.StringIO(write(write_csv))))
    assert (row["country"], row["city"], row["asn"]) == ("DE", "", "64496")
    graph = nx.read_graphml(io.BytesIO(write(write_graphml).encode()))
    assert graph.nodes[node_id(0)]["latitude"] == 52.5
    assert graph.nodes[node_id(0)]["asn"] == 64496
    assert "city" not in graph.nodes[node_id(0)]
