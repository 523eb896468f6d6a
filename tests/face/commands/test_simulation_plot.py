"""A picture of simulations: two diagrams, a colour for each set of rules."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from peerage.actors.discovery.simulation.simulation import Result, Scenario, Spread
from peerage.commands.simulation_plot import COLOURS, LEFT, TOP, WIDTH, plot_svg

SVG = "{http://www.w3.org/2000/svg}"


def result_of(*in_degrees: int, converged_s: float | None = 30.0, cometbft: bool = False) -> Result:
    spread = Spread.of(in_degrees)
    return Result(
        scenario=Scenario(nodes=len(in_degrees), cometbft=cometbft),
        converged_s=converged_s,
        full=((0.0, 0.0), (30.0, 0.95), (60.0, 1.0), (600.0, 1.0)),
        in_degree=spread,
        in_degrees=in_degrees,
        book=spread,
        served=None,
        dials=1,
        dials_succeeded=1,
        hostile_before=None,
        hostile=None,
        events=1,
    )


def drawn(*results: Result) -> ET.Element:
    return ET.fromstring(plot_svg(results))


def test_each_set_of_rules_has_its_name_and_its_colour() -> None:
    picture = drawn(result_of(1, 2), result_of(2, 2, cometbft=True))
    texts = [each.text for each in picture.iter(f"{SVG}text")]
    assert texts[-2:] == ["peerage's rules", "CometBFT's rules"]
    assert [line.get("stroke") for line in picture.iter(f"{SVG}polyline")] == list(COLOURS)


def test_the_curve_begins_below_left_and_ends_where_all_have_their_peers() -> None:
    """It is cut off a little after the slowest network has converged."""
    (curve,) = drawn(result_of(1, 2)).iter(f"{SVG}polyline")
    points = [point.partition(",") for point in (curve.get("points") or "").split()]
    places = [(float(x), float(y)) for x, _, y in points]
    assert places[0] == (float(LEFT), max(y for _, y in places))
    assert places[-1] == (float(LEFT + WIDTH), float(TOP))


def test_a_bar_stands_for_the_nodes_with_so_many_inbound_peers() -> None:
    """The highest bar reaches the top; a number that no node has gets no bar."""
    picture = drawn(result_of(0, 2, 2))
    bars = [
        float(each.get("height", 0)) for each in picture.iter(f"{SVG}rect") if each.get("fill") == COLOURS[0]
    ]
    assert sorted(bars)[1:] == [120.0, 240.0]  # the smallest is the key to the colour


def test_a_network_that_never_came_together_is_drawn_too() -> None:
    assert drawn(result_of(converged_s=None)).tag == f"{SVG}svg"
