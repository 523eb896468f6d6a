"""Which loss it is when a connection ends, by what the link says."""

from __future__ import annotations

from peerage.actors.loss import LossReason
from peerage.actors.peers.connector import CLOSED_BY_REMOTE
from peerage.actors.peers.memory_budget import MEMORY_IS_SHORT
from peerage.wire.errors import ConnectionClosedError, PongTimeoutError, RemoteError

__all__ = ["loss_of"]


def loss_of(cause: str | RemoteError) -> LossReason:
    """The reason. Args: cause, a rule that the remote broke, or why the connection is gone, in words."""
    match cause:
        case PongTimeoutError():
            return LossReason.NO_PONG
        case ConnectionClosedError():
            return LossReason.CLOSED_BY_REMOTE
        case RemoteError():
            return LossReason.PROTOCOL_ERROR
    if cause == CLOSED_BY_REMOTE:
        return LossReason.CLOSED_BY_REMOTE
    return LossReason.MEMORY if cause.startswith(MEMORY_IS_SHORT) else LossReason.BROKEN
