"""The page of all cases: docs/reference/hostile-cases.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from peerage.conformance.case import Group, Outcome
from tests.hostile.results import Results, less_strict
from tests.hostile.trial import Finding

__all__ = ["page"]

MEBIBYTE = 1 << 20
LONGEST = 100  # characters of a reason

INTRODUCTION = """\
# Hostile cases

What peers send that they should not, and what a node does then:
ours, and CometBFT's switch with its transport and PEX reactor.
The cases are harmless: none of them crashes or hangs any of these nodes.

```sh
python -m tests.hostile                                              # our node: half a minute
python -m tests.hostile --against v0.38.26 --against v0.40.0        # and these; Go is needed
python -m tests.hostile --against v0.38.26 --against v0.40.0 --write docs/reference/hostile-cases.md
```

Every case is a connection of its own, from an address of its own, with a key of its own; up to 32 of them are open at once.
Beside them an honest peer sends messages all the time, which must come back; afterwards no connection of a case may be left.
The cases against our node are a part of the test suite.
Both nodes give up a handshake after 3 s, send a ping every 4 s and wait 3 s for its pong.

| word | what became of the connection |
| --- | --- |
| ended | the node ended it |
| served | it goes on: a message is echoed |
| held | neither; the node waits for the rest of what was begun |
| left | the case ended it itself; nothing of it was left with the node |

What a flood comes to is up to how much of it is read in time: the node's own pings lie behind it, and a pong that takes more
than 3 s ends the connection.
Times are of a machine with two busy cores: they tell that nobody is held up for long, and not who is quicker.
"""

STRICT = """\
## Where CometBFT fails

It goes on where it must end the connection:
"""
LENIENT = """\
## Where ours goes on and CometBFT ends

| case | why |
| --- | --- |
"""
LEFT_OUT = """\
One kind of key that ours refuses is left out (`wire/keys.py`, `verify`).
"""


def page(groups: Sequence[Group], ours: Results, theirs: Sequence[Results]) -> str:
    """All of it, as Markdown."""
    nodes = [ours, *theirs]
    return "\n".join(
        [
            INTRODUCTION,
            "## In figures\n",
            *_figures(groups, nodes),
            "",
            *_failures(theirs),
            LENIENT
            + "\n".join(
                f"| {each.group}: {each.case.name} | {each.case.reason} |"
                for each in less_strict(ours, theirs)
            ),
            "",
            *(line for group in groups for line in _cases(group, nodes)),
        ]
    )


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _figures(groups: Sequence[Group], nodes: Sequence[Results]) -> Iterator[str]:
    yield _row("", *(node.name for node in nodes))
    yield _row("---", *("---:" for _ in nodes))
    rows: Sequence[tuple[str, Callable[[Results], object]]] = (
        ("cases", lambda node: len(node.findings)),
        ("that must end the connection", lambda node: _count(node, Outcome.ENDED)),
        ("of these ended", lambda node: _count(node, Outcome.ENDED, came=True)),
        ("that are allowed", lambda node: _count(node, Outcome.SERVED)),
        ("of these served", lambda node: _count(node, Outcome.SERVED, came=True)),
        ("descriptors, before and after", lambda node: "{} → {}".format(*node.descriptors)),
        ("MiB of memory, before and after", lambda node: "{} → {}".format(*map(_mib, node.resident))),
        ("processes or connections lost or left, errors logged", lambda node: len(node.violations)),
    )
    for name, figure in rows:
        yield _row(name, *map(figure, nodes))
    for group in groups:
        worst = (f"{node.services[group.name].worst * 1000:.0f} ms" for node in nodes)
        yield _row(f"longest way of an honest message beside: {group.name}", *worst)


def _count(node: Results, must: Outcome, *, came: bool = False) -> int:
    """Cases that must come out like this; or those of them that did."""
    found = [each for each in node.findings.values() if each.case.must == {must}]
    return sum(each.outcome is must for each in found) if came else len(found)


def _mib(size: int) -> int:
    return round(size / MEBIBYTE)


def _must_end(finding: Finding) -> bool:
    return finding.case.must == {Outcome.ENDED}


def _failures(theirs: Sequence[Results]) -> Iterator[str]:
    if theirs:
        yield STRICT
        yield _row("case", *(node.name for node in theirs))
        yield _row("---", *("---" for _ in theirs))
        for key, first in theirs[0].findings.items():
            outcomes = [node.findings[key].outcome for node in theirs]
            if _must_end(first) and any(each is not Outcome.ENDED for each in outcomes):
                yield _row(": ".join(key), *(each.value for each in outcomes))
        yield ""
        yield LEFT_OUT


def _cases(group: Group, nodes: Sequence[Results]) -> Iterator[str]:
    yield f"## {group.name}\n"
    yield _row("case", "must be", *(node.name for node in nodes), "what our node says")
    yield _row("---", "---", *("---" for _ in nodes), "---")
    for case in group.cases:
        found = [node.findings[group.name, case.name] for node in nodes]
        must = " or ".join(each.value for each in Outcome if each in case.must)
        name = (
            f"{case.name} (the node dials)"
            if case.is_dialled and group.name != "Dialled by the node"
            else case.name
        )
        said = nodes[0].reason(found[0]) if found[0].outcome is Outcome.ENDED else ""
        said = said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
        yield _row(name, must, *(each.outcome.value for each in found), f"`{said}`" if said else "")
    yield ""
