"""Small line charts, one above the other, both axes logarithmic: a straight line of slope one is proportional cost."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, GAP, LEFT, RIGHT, TOP, BOTTOM = 640, 150, 48, 70, 20, 30, 40
FLAT = 0.5  # what grows by less than half from end to end is drawn as measured, and called constant
INK, LINE, GRID = "#222", "#1f5f99", "#ddd"


def draw(xs: Sequence[float], curves: Mapping[str, Sequence[float]], x_label: str) -> str:
    """An SVG image.

    Args:
        xs: positive, ascending.
        curves: title → a value for each x; zeros are drawn at the least value of their curve.
    """
    total = TOP + len(curves) * (HEIGHT + GAP) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{total}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{total}" fill="white"/>',
    ]
    for index, (title, values) in enumerate(curves.items()):
        parts += _panel(title, xs, values, TOP + index * (HEIGHT + GAP))
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{total - 10}" text-anchor="middle" fill="{INK}">{escape(x_label)}</text>'
    )
    return "\n".join([*parts, "</svg>", ""])


def law(xs: Sequence[float], values: Sequence[float]) -> str:
    """Which curve it is: constant, or a constant and so much for each x, by the first and the last point."""
    if len(xs) < 2:
        return _text(values[0])
    slope = (values[-1] - values[0]) / (xs[-1] - xs[0])
    constant = values[0] - slope * xs[0]
    if slope * xs[-1] < FLAT * constant:
        return f"constant, about {_text(statistics.median(values))}"
    return f"{_text(constant)} + {_text(slope)} n"


def _panel(title: str, xs: Sequence[float], values: Sequence[float], top: float) -> list[str]:
    least = min((value for value in values if value > 0), default=1.0)
    ys = [math.log10(max(value, least)) for value in values]
    low, high = math.floor(min(ys)), max(math.ceil(max(ys)), math.floor(min(ys)) + 1)
    first, last = math.log10(xs[0]), max(math.log10(xs[-1]), math.log10(xs[0]) + 1)

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (math.log10(x) - first) / (last - first) * (WIDTH - LEFT - RIGHT),
            top + HEIGHT - (y - low) / (high - low) * HEIGHT,
        )

    parts = [f'<text x="{LEFT}" y="{top - 8}" fill="{INK}" font-weight="bold">{escape(title)}</text>']
    for decade in range(low, high + 1):
        _x, y = at(xs[0], decade)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{10.0**decade:g}</text>'
        )
    points = [at(x, y) for x, y in zip(xs, ys, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline fill="none" stroke="{LINE}" stroke-width="2" points="{path}"/>')
    for (x, y), x_value, value in zip(points, xs, values, strict=True):
        anchor = "end" if x > WIDTH - RIGHT - 40 else "start"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{LINE}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{y - 7:.1f}" text-anchor="{anchor}" fill="{LINE}">{_text(value)}</text>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{top + HEIGHT + 14:.1f}" text-anchor="middle" fill="{INK}">{x_value:g}</text>'
        )
    return parts


def _text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
