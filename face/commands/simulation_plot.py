"""Draws simulations as SVG: how fast the network becomes connected, and how inbound peers are distributed."""

from collections.abc import Iterator, Sequence

from peerage.actors.discovery.simulation.simulation import Result

WIDTH, HEIGHT = 420, 240  # of the area inside one diagram's axes
LEFT, TOP, GAP = 60, 40, 90
COLOURS = ("#1f77b4", "#d62728")


def plot_svg(results: Sequence[Result]) -> str:
    """Two diagrams side by side, with one colour for each result."""
    width, height = LEFT + 2 * WIDTH + GAP + 20, TOP + HEIGHT + 80
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_curves(results, LEFT),
        *_degrees(results, LEFT + WIDTH + GAP),
    ]
    for index, result in enumerate(results):
        name = "CometBFT's rules" if result.scenario.cometbft else "peerage's rules"
        y = TOP + HEIGHT + 50 + 16 * index
        lines.append(f'<rect x="{LEFT}" y="{y - 9}" width="10" height="10" fill="{COLOURS[index]}"/>')
        lines.append(f'<text x="{LEFT + 16}" y="{y}">{name}</text>')
    return "\n".join([*lines, "</svg>\n"])


def _curves(results: Sequence[Result], left: float) -> Iterator[str]:
    """The first diagram: the share of nodes that have all their outbound peers, over time."""
    # Stop a little after the slowest has converged: the rest is a straight line.
    ends = [result.converged_s or result.full[-1][0] for result in results]
    most = max(60.0, min(2.0 * max(ends), results[0].full[-1][0]))
    yield from _frame(left, "have all outbound peers", f"{most:.0f} s", "100 %")
    for index, result in enumerate(results):
        points = " ".join(
            f"{left + WIDTH * at / most:.1f},{TOP + HEIGHT * (1 - share):.1f}"
            for at, share in result.full
            if at <= most
        )
        yield f'<polyline points="{points}" fill="none" stroke="{COLOURS[index]}" stroke-width="2"/>'


def _degrees(results: Sequence[Result], left: float) -> Iterator[str]:
    """The second diagram: how many nodes have how many inbound peers."""
    most = max(max(result.in_degrees, default=0) for result in results) + 1
    counts = [[result.in_degrees.count(degree) for degree in range(most)] for result in results]
    highest = max(1, *(max(column) for column in counts))
    yield from _frame(left, "nodes by number of inbound peers", str(most - 1), str(highest))
    bar = WIDTH / most / len(results)
    for index, column in enumerate(counts):
        for degree, number in enumerate(column):
            if number:
                height = HEIGHT * number / highest
                x = left + (degree * len(results) + index) * bar
                yield (
                    f'<rect x="{x:.1f}" y="{TOP + HEIGHT - height:.1f}" width="{bar:.2f}" '
                    f'height="{height:.1f}" fill="{COLOURS[index]}"/>'
                )


def _frame(left: float, title: str, right: str, top: str) -> Iterator[str]:
    """A diagram's title, axes and the labels at their ends."""
    bottom = TOP + HEIGHT
    yield f'<text x="{left}" y="{TOP - 15}" font-weight="bold">{title}</text>'
    yield f'<path d="M{left},{TOP} V{bottom} H{left + WIDTH}" fill="none" stroke="black"/>'
    yield f'<text x="{left - 6}" y="{TOP + 4}" text-anchor="end">{top}</text>'
    yield f'<text x="{left - 6}" y="{bottom + 4}" text-anchor="end">0</text>'
    yield f'<text x="{left + WIDTH}" y="{bottom + 18}" text-anchor="end">{right}</text>'
