"""A visit to a node, to learn its identity and the addresses it knows: the place to dial, and the result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from peerage.wire.pex import PexAddress

MAX_TOLD = 250  # addresses taken of one answer: an honest one has no more (reference 9, selection)
MAX_REQUESTS = 2  # in one visit: a third would break the rate limit (reference 8)


class Fault(StrEnum):
    """Why a visit did not learn everything."""

    UNREACHABLE = "unreachable"
    SILENT = "silent"
    CLOSED = "closed"
    AUTH_FAILURE = "auth failure"
    INVALID_NODE_INFO = "invalid node info"
    # In the following cases we know the node, but not its addresses.
    OTHER_NETWORK = "other network"
    NO_PEX = "no peer exchange"
    NO_ANSWER = "no answer"
    BAD_ANSWER = "bad answer"


@dataclass(frozen=True, slots=True)
class Errand:
    """A place to dial, whichever node is there.

    networks: only nodes of these are asked for addresses; None: all nodes are.
    """

    address: NetAddress
    networks: frozenset[str] | None = None

    @property
    def place(self) -> str:
        """ip:port."""
        return self.address.dial_string


@dataclass(frozen=True, slots=True)
class Visited:
    """The result of dialling one place.

    Args:
        place: ip:port.
        at: Unix seconds.
        id: the node that proved its ID there; None if none did.
        info: what that node says of itself; also None when it is not valid.
        connect_s, handshake_s: seconds that TCP took to connect, and then the handshake; 0.0 if it never did.
        told: the addresses it told; None when it was not asked or did not answer.
        fault: what went wrong; None if nothing did.
        detail: more about the fault, in ASCII.
    """

    place: str
    at: float
    id: NodeID | None = None
    info: NodeInfo | None = None
    connect_s: float = 0.0
    handshake_s: float = 0.0
    told: tuple[PexAddress, ...] | None = None
    fault: Fault | None = None
    detail: str = ""

    @property
    def trouble(self) -> str:
        """What went wrong, in words; empty if nothing did."""
        if self.fault is None or self.fault is Fault.UNREACHABLE:
            return self.detail
        return f"{self.fault}: {self.detail}" if self.detail else str(self.fault)
