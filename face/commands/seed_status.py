"""How the chains of a seed stand: each node is asked over its own socket, as `peerage status` asks one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from peerage.commands.exit_status import FailureError
from peerage.commands.node_link import NodeGoneError
from peerage.commands.printing import age, put_json, put_lines
from peerage.commands.running_node import call_node
from peerage.config.home import Home
from peerage.wire.remote_text import shown

__all__ = ["show_status"]

ANSWER_S = 8.0  # the node waits for an answer of its parts for 5 s
MOST_AT_ONCE = 16
DOWN = "down"


def show_status(home: Home, output: Path | None, *, as_json: bool) -> None:
    """Print a line for each chain that has a home below this one. Raises: FailureError, when none runs."""
    homes = _homes(home)
    if not homes:
        raise FailureError(
            f"no chain has a home in {home / 'chains'}; `peerage seed --home {home}` makes them"
        )
    with ThreadPoolExecutor(min(len(homes), MOST_AT_ONCE)) as pool:
        found = dict(zip((each.path.name for each in homes), pool.map(_ask, homes), strict=True))
    if as_json:
        put_json(found, output)
    else:
        put_lines(_lines(found), output)
    if not any(each["running"] for each in found.values()):
        raise FailureError(f"no chain of {home} runs")


def _homes(home: Home) -> Sequence[Home]:
    try:
        return [Home(path) for path in sorted((home / "chains").iterdir()) if path.is_dir()]
    except FileNotFoundError:
        return []


def _ask(home: Home) -> dict[str, Any]:
    try:
        return {"running": True, **call_node(home, "overview", within=ANSWER_S)}
    except NodeGoneError as error:
        return {"running": False, "why": error.cause}
    except FailureError as error:
        return {"running": False, "why": error.message}


def _lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("CHAIN", "UP", "PEERS", "ADDRESSES", "RESTARTS", "PID", "ADDRESS")]
    rows += [(chain, *_cells(facts)) for chain, facts in found.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cells(facts: Mapping[str, Any]) -> tuple[str, ...]:
    if not facts["running"]:
        return (DOWN, "", "", "", "", shown(facts["why"]))
    peers, book = facts["peers"], facts["addresses"]
    return (
        age(facts["uptime_s"]) if facts["uptime_s"] is not None else "?",
        "?" if peers is None else str(peers["inbound"] + peers["outbound"]),
        "?" if book is None else str(book["size"]),
        "?" if facts["restarts"] is None else str(facts["restarts"]),
        "?" if facts["pid"] is None else str(facts["pid"]),
        facts["address"],
    )
