"""Why a peer was lost: one word each for events and the history, as `refusal.py` has them for those who never became one."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["LossReason"]


class LossReason(StrEnum):
    """All reasons. What exactly happened stands beside it, in words."""

    CLOSED_BY_REMOTE = "closed by remote"  # it hung up
    BROKEN = "connection broken"  # the network or the remote's machine: reset, timed out, unreachable
    NO_PONG = "no pong"  # it did not answer a ping in time
    PROTOCOL_ERROR = "protocol error"  # it broke a rule, and which one stands beside it
    MEMORY = "memory short"  # it held more than its share while memory was short
    BANNED = "banned"
    REPLACED = "replaced"  # by a newer connection of the same ID
    EVICTED = "evicted"  # a newcomer has its place
    ROTATED = "rotated"  # another address of the book has its turn
    BY_REACTOR = "stopped by a reactor"  # or by the embedding program, for the reason beside it
    BY_OPERATOR = "closed by the operator"
    GRACEFUL = "graceful stop"  # this node had nothing more to say, or stops
    HOST_ENDED = "peer host ended"  # a fault on our side: the process that held the connection
    INTERNAL_ERROR = "internal error"  # a fault on our side, of this connection alone
    UNSEEN = "unseen"  # it went while nobody wrote it down: the RPC process was being restarted
    NODE_ENDED = "node ended"  # this node was killed, and the connection with it
