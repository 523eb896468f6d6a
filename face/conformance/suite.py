"""All groups of cases, and which of them are done to a node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from peerage.conformance import (
    connections,
    dialled,
    honest,
    key_exchange,
    liveness,
    messages,
    node_infos,
    opening,
    packets,
    pex_answers,
    proofs,
    sealed_frames,
)
from peerage.conformance.case import Case, Group, When

__all__ = ["GROUPS", "Chosen", "chosen"]

GROUPS: Sequence[Group] = (
    honest.GROUP,
    opening.GROUP,
    key_exchange.GROUP,
    proofs.GROUP,
    sealed_frames.GROUP,
    node_infos.GROUP,
    packets.GROUP,
    messages.GROUP,
    liveness.GROUP,
    connections.GROUP,
    pex_answers.GROUP,
    dialled.GROUP,
)
Chosen = Sequence[tuple[Group, Case]]


def chosen(
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    *,
    widely: bool = False,
    known: Callable[[str], None] = lambda _name: None,
) -> Chosen:
    """The cases that are asked for, in order.

    Args: only, names of groups or cases, or patterns of `group: case`, all if there is none; skip, such that are left out;
        widely, whether variants belong to it; known, called with each name that fits none.
    """
    everything = [(group, case) for group in GROUPS for case in group.cases if case.when is not When.NEVER]
    for name in (*only, *skip):
        if not any(_fits(name, group, case) for group, case in everything):
            known(name)
    return [
        (group, case)
        for group, case in everything
        if (
            any(_fits(name, group, case) for name in only) if only else widely or case.when is not When.WIDELY
        )
        and not any(_fits(name, group, case) for name in skip)
    ]


def _fits(name: str, group: Group, case: Case) -> bool:
    return name in {group.key, case.name} or fnmatchcase(f"{group.key}: {case.name}", name)
