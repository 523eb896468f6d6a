"""All groups of cases, in the order of the table."""

from __future__ import annotations

from collections.abc import Sequence

from peerage.conformance import (
    dialled,
    key_exchange,
    liveness,
    node_infos,
    pex_answers,
    proofs,
    sealed_frames,
)
from peerage.conformance.case import Group
from tests.hostile import floods, messages, opening, packets

__all__ = ["GROUPS"]

GROUPS: Sequence[Group] = (
    opening.GROUP,
    key_exchange.GROUP,
    proofs.GROUP,
    sealed_frames.GROUP,
    node_infos.GROUP,
    packets.GROUP,
    messages.GROUP,
    liveness.GROUP,
    pex_answers.GROUP,
    dialled.GROUP,
    floods.GROUP,
)
