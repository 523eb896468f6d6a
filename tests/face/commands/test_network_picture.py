"""Pictures of network maps: SVG that a browser shows, however large the network is."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from peerage.actors.discovery.survey.network_map import NetworkMap
from peerage.commands.network_picture import CIRCLE_NODES, MAX_LINES, draw_network
from tests.actors.discovery.nodes import address
from tests.face.commands.networks import network_map, written

SVG = "{http://www.w3.org/2000/svg}"


def circles(found: NetworkMap) -> tuple[list[ET.Element], list[str], int]:
    """The circles of nodes, the texts, and how many lines a picture has."""
    picture = ET.fromstring(written(draw_network, found))
    nodes = [each for each in picture.iter(f"{SVG}circle") if each.find(f"{SVG}title") is not None]
    texts = [each.text or "" for each in picture.iter(f"{SVG}text")]
    return nodes, texts, sum(1 for _ in picture.iter(f"{SVG}path"))


def test_a_small_network_has_names() -> None:
    """All nodes are on the circle, labelled, with a line for each pair."""
    nodes, texts, lines = circles(network_map(10, 3))
    assert len(nodes) == 13
    assert texts.count("node") == 10 + 1  # labels, and the title, which is the network's name
    assert address(12).dial_string in texts
    assert "10 nodes answered" in texts
    assert lines == 30


def test_a_large_network_has_a_list_of_the_best_known() -> None:
    """The nodes that answered are dots inside, the others a ring around them; lines are only drawn inside."""
    nodes, texts, lines = circles(network_map(CIRCLE_NODES, 200))
    assert len(nodes) == CIRCLE_NODES + 200
    assert "best known:" in texts
    assert "did not answer: 200" in texts
    assert lines == 3 * CIRCLE_NODES - (1 + 2 + 3)  # the last three know some of those who did not answer
    middle = [(float(each.get("cx", 0)) - 500) ** 2 + (float(each.get("cy", 0)) - 500) ** 2 for each in nodes]
    assert max(middle[200:]) < min(middle[:200])  # absent ones are drawn first
    assert all(0 < float(each.get(axis, 0)) < 1000 for each in nodes for axis in ("cx", "cy"))


def test_a_picture_stays_small() -> None:
    """However many nodes know each other."""
    _, texts, lines = circles(network_map(300, knows=200))
    assert 0 < lines <= MAX_LINES
    assert any("one in" in text for text in texts)


def test_no_two_nodes_lie_on_each_other() -> None:
    """Neither on the circle nor in the disc."""
    for answered, absent in ((20, 5), (300, 100)):
        nodes, _, _ = circles(network_map(answered, absent))
        assert len({(each.get("cx"), each.get("cy")) for each in nodes}) == answered + absent
