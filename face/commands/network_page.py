"""Writes a network map as one HTML page: a summary, the picture, and a table of the nodes that can be sorted.

The page asks for nothing else, and works without its script, which sorts and filters the table. All that comes from the
network is escaped, and a policy in the page's head lets nothing run but that script, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import io
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TextIO

from peerage.actors.discovery.survey.network_map import MappedNode, NetworkMap, Status
from peerage.commands.crawl_report import operator_of
from peerage.commands.geography import NOWHERE, Location, Locations
from peerage.commands.network_files import MILLISECONDS, label
from peerage.commands.network_picture import draw_network
from peerage.config.release import VERSION

__all__ = ["write_page"]

MOST_BARS = 12  # versions, countries, operators that are named
MOST_REASONS = 8
LONGEST_REASON = 120  # characters

_Cell = tuple[str, str, float | None]  # HTML, class, what a number is sorted by; None for text

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --raised: #f4f5f7; --ink: #16191d; --quiet: #565d66; --line: #c9cdd3;
  --accent: #0b57d0; --bad: #b3261e; --good: #116329;
  font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
@media (prefers-color-scheme: dark) { :root { --ground: #101317; --raised: #1a1f26; --ink: #e8eaed; --quiet: #a8b0ba;
  --line: #3a424d; --accent: #8ab4f8; --bad: #ff8a80; --good: #81c995; }
  figure svg { filter: invert(.93) hue-rotate(180deg); } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 100rem; }
h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .5rem; }
h3 { font-size: .95rem; margin: 0 0 .3rem; }
.quiet { color: var(--quiet); }
dl { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0 0; }
dl > div { background: var(--raised); border: 1px solid var(--line); border-radius: 8px; padding: .45rem .8rem;
  min-width: 7.5rem; }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.shares { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); gap: 1.2rem; }
.shares ul { list-style: none; margin: 0; padding: 0; }
.shares li { display: grid; grid-template-columns: minmax(0, 1fr) 6rem 3.5rem; gap: .5rem; align-items: center; }
.shares span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.shares meter { width: 100%; }
.shares b { font-weight: 500; text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 0; }
figure svg { width: 100%; height: auto; max-height: 90vh; display: block; border: 1px solid var(--line);
  border-radius: 8px; }
.tools { margin-bottom: .5rem; }
.tools[hidden] { display: none; }
input { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--quiet); border-radius: 6px;
  padding: .35rem .7rem; min-width: min(20rem, 70vw); }
.scroll { overflow: auto; max-height: 85vh; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top;
  max-width: 24rem; overflow-wrap: anywhere; }
thead th { position: sticky; top: 0; background: var(--raised); white-space: nowrap; }
thead button { font: inherit; font-weight: 600; color: inherit; border: 0; background: none; padding: .1rem .2rem;
  cursor: pointer; }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
.number { text-align: right; white-space: nowrap; }
.id { font-family: ui-monospace, monospace; font-size: .8rem; min-width: 15rem; }
.good { color: var(--good); }
.bad { color: var(--bad); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
"""

_SCRIPT = """
"use strict";
const table = document.querySelector("#nodes"), body = table.tBodies[0], rows = [...body.rows];
const value = (row, at) => {
  const cell = row.cells[at];
  return "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent.toLowerCase();
};
table.tHead.querySelectorAll("th").forEach((head, at) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const down = head.ariaSort === "ascending" || (!head.ariaSort && head.classList.contains("number"));
    table.tHead.querySelectorAll("th").forEach(each => each.removeAttribute("aria-sort"));
    head.ariaSort = down ? "descending" : "ascending";
    const way = down ? -1 : 1;
    rows.sort((one, other) => {
      const a = value(one, at), b = value(other, at);
      return a < b ? -way : a > b ? way : 0;
    });
    body.append(...rows);
  });
});
const tools = document.querySelector(".tools"), filter = tools.querySelector("input"), count = tools.querySelector("output");
tools.hidden = false;
const show = () => {
  const wanted = filter.value.toLowerCase();
  let shown = 0;
  for (const row of rows) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
    shown += !row.hidden;
  }
  count.textContent = `${shown} of ${rows.length}`;
};
filter.addEventListener("input", show);
show();
"""


def write_page(found: NetworkMap, file: TextIO, locations: Locations = NOWHERE) -> None:
    """Write the page."""
    hashed = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    title = ", ".join(map(label, found.networks)) or "a network"
    # the picture has attributes of its own for sizes and colours, and no styles
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'; base-uri 'none'"
    file.write(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}: nodes and who knows whom</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    file.writelines(_header(found, title))
    file.writelines(_shares(found, locations))
    file.writelines(_picture(found))
    file.writelines(_table(found, locations))
    file.write(f"<script>{_SCRIPT}</script>\n</body>\n</html>\n")


def _header(found: NetworkMap, title: str) -> Iterator[str]:
    counts = Counter(node.status for node in found.nodes)
    seen = [node.seen for node in found.nodes if node.seen is not None]
    when = ""
    if seen:
        first, last = (time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) for at in (min(seen), max(seen)))
        when = f"seen from {first} to {last} UTC, " if first != last else f"seen on {first} UTC, "
    yield f"<header>\n<h1>{escape(title)}</h1>\n"
    yield f'<p class="quiet">{when}by peerage {escape(VERSION)} over the peer-to-peer protocol itself</p>\n'
    figures = [
        ("answered", counts[Status.ANSWERED]),
        ("unreachable", counts[Status.UNREACHABLE]),
        ("not visited", counts[Status.NOT_VISITED]),
        ("one knows the other", sum(1 for _ in found.links())),
    ]
    if found.left_out:
        figures.append(("addresses left out", found.left_out))
    yield "<dl>\n"
    yield from (f"<div><dt>{what}</dt><dd>{number:,}</dd></div>\n" for what, number in figures)
    yield "</dl>\n</header>\n<main>\n"


def _shares(found: NetworkMap, locations: Locations) -> Iterator[str]:
    answered = found.answered()
    absent = [node for node in found.nodes if node.status is not Status.ANSWERED]
    where = [locations.get(node.id, Location()) for node in answered]
    yield '<h2>Of those that answered</h2>\n<div class="shares">\n'
    yield from _share("Versions", (_version(node) for node in answered))
    yield from _share("Networks", (label(node.info.network) for node in answered if node.info is not None))
    if locations:
        yield from _share("Countries", (label(each.country or "unknown") for each in where))
        yield from _share("Operators of their addresses", (label(operator_of(each)) for each in where))
    yield "</div>\n"
    if absent:
        yield '<h2>Why others did not</h2>\n<div class="shares">\n'
        reasons = (label(node.reason.partition(":")[0]) for node in absent)
        yield from _share("Reasons", reasons, MOST_REASONS)
        yield "</div>\n"


def _share(what: str, values: Iterable[str], most: int = MOST_BARS) -> Iterator[str]:
    counts = Counter(values)
    total = sum(counts.values())
    named = counts.most_common(most)
    rest = total - sum(count for _value, count in named)
    yield f"<section><h3>{what}</h3>\n<ul>\n"
    for value, count in [*named, ("others", rest)] if rest else named:
        text = escape(value) or "none"
        yield (
            f'<li><span title="{text}">{text}</span><meter min="0" max="{total}" value="{count}"></meter>'
            f"<b>{count:,}</b></li>\n"
        )
    yield "</ul></section>\n"


def _picture(found: NetworkMap) -> Iterator[str]:
    drawing = io.StringIO()
    draw_network(found, drawing)
    name = "Nodes, and lines between those of which one knows the other"
    yield "<h2>Who knows whom</h2>\n<figure>\n"
    yield drawing.getvalue().replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)
    yield "</figure>\n"


def _table(found: NetworkMap, locations: Locations) -> Iterator[str]:
    head = [
        ("Moniker", ""),
        ("Version", ""),
        ("Reachability", ""),
        ("Known by", "number"),
        ("Knows", "number"),
    ]
    head.append(("Latency, ms", "number"))
    if locations:
        head += [("Country", ""), ("ASN", "number"), ("Organisation", "")]
    head.append(("Address", ""))
    yield '<h2>Nodes</h2>\n<p class="tools" hidden><label>Only those with <input type="search"></label> '
    yield "<output></output></p>\n"
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Nodes">\n<table id="nodes">\n<thead><tr>'
    yield from (f'<th scope="col"{_class(kind)}>{what}</th>' for what, kind in head)
    yield "</tr></thead>\n<tbody>\n"
    others = sorted(
        (node for node in found.nodes if node.status is not Status.ANSWERED), key=lambda node: -node.known_by
    )
    for node in [*found.answered(), *others]:
        cells = _cells(node, locations.get(node.id, Location()) if locations else None)
        yield f"<tr>{''.join(map(_cell, cells))}</tr>\n"
    yield "</tbody>\n</table>\n</div>\n</main>\n"


def _cells(node: MappedNode, location: Location | None) -> Sequence[_Cell]:
    moniker = label(node.info.moniker) if node.info is not None else ""
    reason = label(node.reason)[:LONGEST_REASON]
    status = escape(str(node.status)) + (f': <span class="quiet">{escape(reason)}</span>' if reason else "")
    where: list[_Cell] = []
    if location is not None:
        asn = "" if location.asn is None else f"AS{location.asn}"
        title = "" if location.city is None else f' <span class="quiet">{escape(label(location.city))}</span>'
        where = [
            (f"{escape(label(location.country or ''))}{title}", "", None),
            (asn, "number", float(location.asn or 0)),
            (escape(label(location.organisation or "")), "", None),
        ]
    return (
        (escape(moniker), "", None),
        (escape(_version(node)), "", None),
        (status, "good" if node.status is Status.ANSWERED else "bad", None),
        _number(node.known_by),
        _number(node.knows),
        _number(round(node.connect_s * MILLISECONDS, 1) or None),
        *where,
        (escape(f"{node.id}@{node.place}"), "id", None),
    )


def _number(value: float | None) -> _Cell:
    return ("" if value is None else f"{value:,}", "number", -1.0 if value is None else float(value))


def _cell(cell: _Cell) -> str:
    text, kind, number = cell
    data = "" if number is None else f' data-v="{number:g}"'
    return f"<td{_class(kind)}{data}>{text}</td>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _version(node: MappedNode) -> str:
    return (label(node.info.version) or "none") if node.info is not None else ""
