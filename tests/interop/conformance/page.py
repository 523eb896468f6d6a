"""The page of what `peerage conform` finds: docs/reference/conformance.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from peerage.conformance.suite import GROUPS

__all__ = ["page"]

Report = Mapping[str, Any]

INTRODUCTION = """\
# Conformance

`peerage conform ID@host:port` tests whether a node keeps the rules of the [protocol](protocol.md):
each case is a connection that breaks or bends one rule, and has one right answer.
Here is every case, its rule, and what came of it at a node of ours and at CometBFT's.
How to use the command is in [its how-to](../howto/conform.md).

```sh
python -m tests.interop.conformance                                          # some minutes; Go is needed
python -m tests.interop.conformance --write docs/reference/conformance.md    # this page
```

The nodes of CometBFT are the newest of each line that the Go module proxy serves: v0.34, v0.37 to v0.40, and v1.
Every node runs alone on the loopback with the timeouts that it has by default, and its RPC has it dial us.
*ok*: the right answer came. Otherwise the word is what came: *ended* by the node, *served* as before, *held* without a word.
A case that needs `--all`, `--slow` or `--rpc` is not done by default.

Wrong here is what the reference calls wrong.
CometBFT, in every line, takes an ephemeral key that is too short or too long, fills it up or cuts it, and goes on;
the specification says 32 bytes, and we refuse it.
All other rules it keeps, as far as these cases go; no line differs from another.
Not among them is an empty sealed frame: we skip it, CometBFT takes it for the byte that it read last
([hostile cases](hostile-cases.md)).
"""


def page(reports: Mapping[str, Report]) -> str:
    """All of it, as Markdown. Args: reports, by the name of the node."""
    return "\n".join(
        [
            INTRODUCTION,
            "## In figures\n",
            *_figures(reports),
            "",
            "## What failed\n",
            *_failures(reports),
            "",
            *(line for group in GROUPS for line in _cases(group.name, group.key, reports)),
        ]
    )


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _named(name: str) -> str:
    return f"CometBFT {name}" if name.startswith("v") else name


def _figures(reports: Mapping[str, Report]) -> Iterator[str]:
    yield _row("", *map(_named, reports))
    yield _row("---", *("---:" for _ in reports))
    for name, key in (("cases that passed", "passed"), ("that failed", "failed"), ("left out", "left_out")):
        yield _row(name, *(report[key] for report in reports.values()))
    yield _row("connections", *(report["connections"] for report in reports.values()))
    yield _row("KiB sent", *(round(report["bytes_sent"] / 1024) for report in reports.values()))


def _failures(reports: Mapping[str, Report]) -> Iterator[str]:
    yield _row("case", "rule", "right", *map(_named, reports))
    yield _row("---", "---", "---", *("---" for _ in reports))
    for cases in zip(*(report["cases"] for report in reports.values()), strict=True):
        if any(case["result"] == "fail" for case in cases):
            first = cases[0]
            rule = f"{first['section']}: {first['rule']}"
            yield _row(f"{first['group']}: {first['name']}", rule, first["right"], *map(_came, cases))


def _cases(headline: str, key: str, reports: Mapping[str, Report]) -> Iterator[str]:
    yield f"## {headline}\n"
    yield f"`--only {key}`, `--skip {key}`\n"
    yield _row("case", "section", "rule", "right", "needs", *map(_named, reports))
    yield _row("---", "---", "---", "---", "---", *("---" for _ in reports))
    for cases in zip(*(report["cases"] for report in reports.values()), strict=True):
        first = cases[0]
        if first["group"] == key:
            needs = " ".join(first["needs"])
            yield _row(
                first["name"], first["section"], first["rule"], first["right"], needs, *map(_came, cases)
            )
    yield ""


def _came(case: Mapping[str, Any]) -> str:
    if case["result"] == "pass":
        return "ok"
    return f"**{case['came']}**" if case["result"] == "fail" else "left out"
