"""Draws a network map as SVG.

Up to 60 nodes are placed on a circle, each with its name. More of them fill a disc, the best known in the middle and
named in a list beside it; nodes that did not answer form a ring around the disc, without lines. A line connects each pair
of which one knows the other; it is darker if both do.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TextIO
from xml.sax.saxutils import escape

from peerage.actors.discovery.survey.network_map import MappedNode, NetworkMap, Status
from peerage.commands.geography import NOWHERE, Locations
from peerage.commands.network_files import label
from peerage.wire.keys import NodeID

CIRCLE_NODES = 60  # with more, names on a circle could not be read
SIZE = 1000.0  # side of the square that the network fills
SIDE = 380.0  # width of the legend
LABEL_ROOM = 185.0  # for names around a circle
MARGIN = 30.0
# Fractions of the radius: the outer edge of the nodes that answered, and the inner edge of the others' ring.
DISC, RING = 0.78, 0.84
CURVE = 0.45  # how far a line bends towards the middle
MAX_LINES = 20_000  # more would only make the file heavy
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
NAMED = 20  # how many of the best known are named in the legend
LONGEST_NAME = 23  # characters
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#bcbd22", "#17becf")
OTHER_COLOUR, NOBODY = "#555555", "#bbbbbb"

_Place = tuple[float, float]


def draw_network(found: NetworkMap, file: TextIO, _locations: Locations = NOWHERE) -> None:
    """Write the picture."""
    answered = _ordered(found.answered())
    absent = [node for node in found.nodes if node.status is not Status.ANSWERED]
    on_circle = len(answered) + len(absent) <= CIRCLE_NODES
    places = _circle([*answered, *absent]) if on_circle else _disc(found.answered(), absent)
    colours = _colours(answered)
    radii = _radii(answered, absent)
    width, height = SIZE + SIDE, SIZE
    file.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>\n'
    )
    pairs = _pairs(found)
    there = {node.id for node in answered}
    drawn = {
        pair: both for pair, both in pairs.items() if on_circle or (pair[0] in there and pair[1] in there)
    }
    file.writelines(_lines(drawn, places))
    for node in [*absent, *answered]:
        x, y = places[node.id]
        colour = colours.get(_version(node), OTHER_COLOUR)
        fill = f'fill="{colour}"' if node.status is Status.ANSWERED else f'fill="white" stroke="{NOBODY}"'
        file.write(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radii[node.id]:.1f}" {fill}>')
        file.write(f"<title>{escape(_title(node))}</title></circle>\n")
        if on_circle:
            file.write(_label(node, x, y))
    file.writelines(_legend(found, colours, answered, absent, len(drawn), named=not on_circle))
    file.write("</svg>\n")


# --- where the nodes are placed ---


def _ordered(answered: Sequence[MappedNode]) -> list[MappedNode]:
    """Nodes of the same version next to each other, the best known of them first."""
    common = Counter(_version(node) for node in answered)
    return sorted(
        answered, key=lambda node: (-common[_version(node)], _version(node), -node.known_by, node.id)
    )


def _circle(nodes: Sequence[MappedNode]) -> dict[NodeID, _Place]:
    radius = SIZE / 2 - LABEL_ROOM
    return {
        node.id: _at(radius, 2 * math.pi * number / len(nodes) - math.pi / 2)
        for number, node in enumerate(nodes)
    }


def _disc(answered: Sequence[MappedNode], absent: Sequence[MappedNode]) -> dict[NodeID, _Place]:
    """Places like those of the seeds in a sunflower, so that all nodes of a kind have equal room."""
    radius = SIZE / 2 - MARGIN
    places = _sunflower(answered, 0.0, radius * (DISC if absent else 1.0))
    return places | _sunflower(absent, radius * RING if answered else 0.0, radius)


def _sunflower(nodes: Sequence[MappedNode], inner: float, outer: float) -> dict[NodeID, _Place]:
    """The first node is in the middle, or at the inner edge of a ring."""
    area = outer**2 - inner**2
    return {
        node.id: _at(math.sqrt(inner**2 + area * (number + 0.5) / len(nodes)), number * GOLDEN_ANGLE)
        for number, node in enumerate(nodes)
    }


def _at(radius: float, angle: float) -> _Place:
    return SIZE / 2 + radius * math.cos(angle), SIZE / 2 + radius * math.sin(angle)


def _radii(answered: Sequence[MappedNode], absent: Sequence[MappedNode]) -> dict[NodeID, float]:
    """Better known nodes are larger, and all are as large as the room allows."""
    most = max((node.known_by for node in answered), default=0) or 1
    radius = SIZE / 2 - MARGIN
    largest = min(12.0, 0.6 * radius * DISC / math.sqrt(len(answered) or 1))
    radii = {node.id: largest * (0.35 + 0.65 * math.sqrt(node.known_by / most)) for node in answered}
    hollow = min(4.0, 0.6 * radius * math.sqrt(1 - RING**2) / math.sqrt(len(absent) or 1))
    return radii | {node.id: hollow for node in absent}


# --- lines ---


def _pairs(found: NetworkMap) -> dict[tuple[NodeID, NodeID], bool]:
    """Pairs of which one knows the other, the smaller ID first; True if both know each other."""
    pairs: dict[tuple[NodeID, NodeID], bool] = {}
    for link in found.links():
        pair = (min(link.teller, link.told), max(link.teller, link.told))
        pairs[pair] = pair in pairs
    return pairs


def _lines(pairs: Mapping[tuple[NodeID, NodeID], bool], places: Mapping[NodeID, _Place]) -> Iterator[str]:
    """Lines for the pairs, at most MAX_LINES; those who know each other are drawn last and so lie on top."""
    step = max(1, math.ceil(len(pairs) / MAX_LINES))
    drawn = sorted(islice(pairs, 0, None, step), key=lambda pair: pairs[pair])
    opacity = min(0.6, max(0.02, 100 / (len(drawn) or 1)))
    for both in (False, True):
        colour = "#334466" if both else "#99aabb"
        yield f'<g fill="none" stroke="{colour}" stroke-width="1" stroke-opacity="{opacity:.3f}">\n'
        for pair in drawn:
            if pairs[pair] is both:
                yield _curve(places[pair[0]], places[pair[1]])
        yield "</g>\n"


def _curve(one: _Place, other: _Place) -> str:
    middle = SIZE / 2
    x = middle + ((one[0] + other[0]) / 2 - middle) * (1 - CURVE)
    y = middle + ((one[1] + other[1]) / 2 - middle) * (1 - CURVE)
    return f'<path d="M{one[0]:.1f},{one[1]:.1f}Q{x:.1f},{y:.1f} {other[0]:.1f},{other[1]:.1f}"/>\n'


# --- words ---


def _version(node: MappedNode) -> str:
    return label(node.info.version) if node.info is not None else ""


def _name(node: MappedNode) -> str:
    name = label(node.info.moniker) if node.info is not None else node.place
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "\u2026"


def _title(node: MappedNode) -> str:
    """The text that a viewer shows when the pointer rests on a node."""
    lines = [_name(node), f"{node.id}@{node.place}"]
    if node.info is not None:
        lines.append(f"version {_version(node)}, network {label(node.info.network)}")
    lines.append(f"known by {node.known_by}" + ("" if node.knows is None else f", knows {node.knows}"))
    return "\n".join([*lines, label(node.reason)] if node.reason else lines)


def _label(node: MappedNode, x: float, y: float) -> str:
    """A node's name, written along the ray from the middle."""
    angle = math.degrees(math.atan2(y - SIZE / 2, x - SIZE / 2))
    left = abs(angle) > 90.0
    turn, anchor, shift = (angle + 180, "end", -16) if left else (angle, "start", 16)
    colour = "#222222" if node.status is Status.ANSWERED else "#888888"
    return (
        f'<text transform="translate({x:.1f},{y:.1f}) rotate({turn:.1f})" x="{shift}" y="4" '
        f'text-anchor="{anchor}" fill="{colour}">{escape(_name(node))}</text>\n'
    )


def _colours(answered: Sequence[MappedNode]) -> dict[str, str]:
    common = Counter(_version(node) for node in answered).most_common(len(COLOURS))
    return dict(zip((version for version, _count in common), COLOURS, strict=False))


def _legend(
    found: NetworkMap,
    colours: Mapping[str, str],
    answered: Sequence[MappedNode],
    absent: Sequence[MappedNode],
    pairs: int,
    *,
    named: bool,
) -> Iterator[str]:
    """The text beside the picture: network, counts by version, what lines and sizes mean, and the best known nodes."""
    counts = Counter(_version(node) for node in answered)
    others = sum(count for version, count in counts.items() if version not in colours)
    title = ", ".join(map(label, found.networks)) or "no network"
    rows: list[tuple[str, str]] = [("", f"{len(answered)} nodes answered"), ("", "")]
    rows += [(colour, f"{version or 'no version'}: {counts[version]}") for version, colour in colours.items()]
    if others:
        rows.append((OTHER_COLOUR, f"other versions: {others}"))
    if absent:
        rows.append(("hollow", f"did not answer: {len(absent)}"))
    few = f", one in {math.ceil(pairs / MAX_LINES)} drawn" if pairs > MAX_LINES else ""
    rows += [("", ""), ("", f"line: one knows the other ({pairs}{few})"), ("", "darker line: both do")]
    rows.append(("", "larger: known by more"))
    if named:
        rows += [("", ""), ("", "best known:")]
        rows += [("", f"{node.known_by}  {_name(node)}") for node in found.answered()[:NAMED]]
    yield f'<text x="{SIZE:.0f}" y="40" font-size="20" font-weight="bold">{escape(title)}</text>\n'
    y = 70.0
    for colour, text in rows:
        if colour:
            fill = f'fill="white" stroke="{NOBODY}"' if colour == "hollow" else f'fill="{colour}"'
            yield f'<circle cx="{SIZE + 6:.0f}" cy="{y - 4:.0f}" r="6" {fill}/>\n'
        yield f'<text x="{SIZE + (20 if colour else 0):.0f}" y="{y:.0f}">{escape(text)}</text>\n'
        y += 20.0
