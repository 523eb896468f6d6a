"""Why a peer was refused: one word each for the log, the metrics and the caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from peerage.actors.discovery.book.offences import Offence
from peerage.wire.keys import NodeID
from peerage.wire.quick_pickle import quick_pickle
from peerage.wire.remote_text import shown

__all__ = ["DETAIL_LIMIT", "Refusal", "RefusalReason"]

DETAIL_LIMIT = 300  # characters: 200 of the remote, and the words around them


class RefusalReason(StrEnum):
    """The reasons of reference 3, kept apart, and those that end an attempt before or beside them."""

    UNREACHABLE = "unreachable"  # the dial itself failed: nobody was there to refuse anything
    AUTH_FAILURE = "auth failure"  # handshake, timeout inside it, dialled-ID mismatch, NodeInfo ID differs
    OTHER_PROTOCOL = "other protocol"  # CometBFT: auth failure
    INVALID_NODE_INFO = "invalid node info"
    SELF = "self"
    INCOMPATIBLE = "incompatible"
    INBOUND_LIMIT = "inbound limit"
    PROXY_HEADER = "proxy header"  # a connection of a load balancer does not say for whom it is
    HANDSHAKE_LIMIT = "handshake limit"  # no place for one more handshake, or another one needed its place
    DUPLICATE_ID = "duplicate id"
    DUPLICATE_IP = "duplicate ip"  # CometBFT: filtered, with duplicate inside
    PREFIX_LIMIT = "prefix limit"  # its IPv4 /24 or IPv6 /56 has as many connections as it may
    DUPLICATE_CONNECTION = "duplicate connection"
    FILTERED = "filtered"
    FILTER_TIMEOUT = "filter timeout"
    BANNED = "banned"
    TOO_OFTEN = "asked too often"  # a seed sends it away without an answer
    STOPPING = "stopping"  # this node is on its way down


@quick_pickle
@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal: the reason, and what exactly was found.

    Args:
        detail: cut to DETAIL_LIMIT, for it may quote the remote, and a filter may quote it whole.
        impostor: somebody answered a dial who is not who was dialled.
        is_ours: this machine lacked the means (descriptors, memory, ports), which says nothing of the remote.
        offence: what the remote did wrong, if it did.
        offender: its ID, if it had proved it by then.
        is_look: somebody has connected to us and hung up without a word: `peerage doctor`, a load balancer or a scanner that
            sees whether the port is open. It is counted, and is nobody's news.
    """

    reason: RefusalReason
    detail: str = ""
    impostor: bool = False
    is_ours: bool = False
    offence: Offence | None = field(default=None, compare=False)
    offender: NodeID | None = field(default=None, compare=False)
    is_look: bool = field(default=False, compare=False)

    @property
    def speaks_otherwise(self) -> bool:
        """Whether the remote is of another network or protocol: nothing it could mend soon, and no fault of its own."""
        return self.reason in {RefusalReason.INCOMPATIBLE, RefusalReason.OTHER_PROTOCOL}

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", shown(self.detail, DETAIL_LIMIT))

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)
