"""What a reactor is told and asked, besides the messages that arrived."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from peerage.wire.keys import NodeID

__all__ = ["AskForAddresses", "Credits", "RemovePeer", "SeedRequestDropped"]


class RemovePeer(Struct, frozen=True):
    """peer → reactor, an ask: the last thing about this connection.

    Answer, when remove_peer has returned: by channel, how many messages the reactor has sent in all; None when it did not
    know the connection.
    """

    connection: str
    reason: str


class Credits(Struct, frozen=True):
    """peer → reactor, transport → reactor: by channel, how many messages the reactor may have sent, or broadcast, by now.

    Args: connection, or the transport's name.
    """

    connection: str
    totals: Mapping[int, int]


class AskForAddresses(Struct, frozen=True):
    """peer → PEX reactor of a seed, an ask: who has just called asks for addresses, and has said nothing else.

    Answer: bytes, the message to send before hanging up; StandingAnswer; or Refusal.
    Args: listen_addr, as in its NodeInfo; connection, its name.
    """

    id: NodeID
    listen_addr: str
    connection: str
    remote_ip: str


class StandingAnswer(Struct, frozen=True):
    """The answer to AskForAddresses under load: for this caller, and for others of whom nobody has asked before.

    Args: message, to send before hanging up; fresh_until, monotonic seconds, when the host is to ask for the next one;
        until, when this one is void; but, groups of IP addresses whose nodes may not have it.
    """

    message: bytes
    fresh_until: float
    until: float
    but: frozenset[str]


class CallersAnswered(Struct, frozen=True):
    """peer host → PEX reactor of a seed: these callers have got a standing answer, without a question.

    Args: callers, ID, what its NodeInfo says it listens at, and IP of each; size, bytes of the answer.
    """

    callers: tuple[tuple[NodeID, str, str], ...]
    size: int


class SeedRequestDropped(Struct, frozen=True):
    """peer → PEX reactor of a seed: this caller has hung up and waits for no answer any more."""

    id: NodeID
    connection: str
