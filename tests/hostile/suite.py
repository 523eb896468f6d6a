"""All groups of cases, in the order of the table."""

from __future__ import annotations

from collections.abc import Sequence

from tests.hostile import (
    dialled,
    floods,
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
from tests.hostile.case import Group

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
