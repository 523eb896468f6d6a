"""Which loss it is, by what the link says."""

from __future__ import annotations

import pytest

from peerage.actors.loss import LossReason
from peerage.actors.peers.connector import CLOSED_BY_REMOTE
from peerage.actors.peers.losses import loss_of
from peerage.actors.peers.memory_budget import MEMORY_IS_SHORT
from peerage.wire.errors import ConnectionClosedError, FrameTagError, PongTimeoutError, RemoteError


@pytest.mark.parametrize(
    ("cause", "loss"),
    [
        (CLOSED_BY_REMOTE, LossReason.CLOSED_BY_REMOTE),
        (ConnectionClosedError("frames", 7), LossReason.CLOSED_BY_REMOTE),
        ("Connection reset by peer", LossReason.BROKEN),
        (f"{MEMORY_IS_SHORT}: 3 MiB", LossReason.MEMORY),
        (PongTimeoutError(45.0), LossReason.NO_PONG),
        (FrameTagError(3), LossReason.PROTOCOL_ERROR),
    ],
    ids=str,
)
def test_losses(cause: str | RemoteError, loss: LossReason) -> None:
    assert loss_of(cause) is loss
