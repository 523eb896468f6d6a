"""What a program may want of its running node: each question with whom it is for, and what is made of the answer.

Asked by `Node`, which waits for the answer, and by its awaitable forms, which do not (`asking.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.http.listening import GetAddresses
from peerage.actors.messages import (
    AddPersistent,
    AddPrivate,
    AddUnconditional,
    DialPeer,
    DialPeersAsync,
    GetPeers,
    PeerInfo,
)
from peerage.actors.messages.steering import (
    ClosePeers,
    DropPersistent,
    Reconfigure,
    Reconfigured,
    UpgradeReactor,
)
from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.refusal import Refusal
from peerage.config import Config
from peerage.supervisors.node.errors import DialError
from peerage.wire.keys import NodeID, is_node_id, normal_id
from peerage.wire.remote_text import quoted

__all__ = [
    "ASK_TIMEOUT_S",
    "BAN_S",
    "BY_THE_PROGRAM",
    "DIAL_WAIT_S",
    "Request",
    "addresses_of",
    "ban",
    "dial",
    "dial_in_background",
    "disconnect",
    "get_peers",
    "make_persistent",
    "make_private",
    "make_unconditional",
    "reconfigure",
    "remove_persistent",
    "unban",
    "upgrade_reactor",
]

ASK_TIMEOUT_S: Final = 10.0
DIAL_WAIT_S: Final = 60.0  # dial and handshake have shorter limits of their own
UPGRADE_S: Final = (
    80.0  # 30 for the import, 5 for the end of the old one, 30 for the start of the new one, and some
)
BAN_S: Final = 24 * 3600.0  # Bitcoin Core's, as the command's
BY_THE_PROGRAM: Final = "by the program"
AN_ADDRESS: Final = "ID@host:port"
A_NODE_ID: Final = "a node ID"
A_SUBJECT: Final = "a node ID, an IP address or a network"

T = TypeVar("T")


def _is_done(_answer: Any) -> None:
    """The answer says no more than that."""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One question.

    Args:
        message: for the part.
        result: what the program gets of the answer.
        part: of the node, which answers.
        timeout: seconds.
    """

    message: Any
    result: Callable[[Any], T]
    part: str = "switch"
    timeout: float = ASK_TIMEOUT_S


def dial(address: str, persistent: bool, wait: bool | None, timeout: float) -> Request[Peer | None]:
    """See `Node.dial`."""
    wait = not persistent if wait is None else wait
    address = _text("address", address, AN_ADDRESS)

    def result(answer: PeerInfo | Refusal | None) -> Peer | None:
        if isinstance(answer, Refusal) and wait:
            raise DialError(address, answer)
        return Peer(answer) if isinstance(answer, PeerInfo) else None

    return Request(DialPeer(address, persistent, wait), result, timeout=timeout)


def dial_in_background(
    addresses: Iterable[str], persistent: bool, unconditional: bool, private: bool
) -> Request[None]:
    """See `Node.dial_peers_async`."""
    return Request(
        DialPeersAsync(_texts("addresses", addresses, AN_ADDRESS), persistent, unconditional, private),
        _is_done,
    )


def make_persistent(addresses: Iterable[str]) -> Request[None]:
    """See `Node.add_persistent_peers`."""
    return Request(AddPersistent(_texts("addresses", addresses, AN_ADDRESS)), _is_done)


def make_unconditional(ids: Iterable[str]) -> Request[None]:
    """See `Node.add_unconditional_peer_ids`."""
    return Request(AddUnconditional(_texts("ids", ids, A_NODE_ID)), _is_done)


def make_private(ids: Iterable[str]) -> Request[None]:
    """See `Node.add_private_peer_ids`."""
    return Request(AddPrivate(_texts("ids", ids, A_NODE_ID)), _is_done)


def get_peers() -> Request[list[Peer]]:
    """See `Node.peers`."""
    return Request(GetPeers(), lambda infos: [Peer(info) for info in infos])


def addresses_of(part: str) -> Request[list[str]]:
    """Where an HTTP server is reached. Args: part, which has it."""
    return Request(GetAddresses(), list, part=part)


def disconnect(whom: str) -> Request[tuple[NodeID, ...]]:
    """See `Node.disconnect`."""
    whom = _text("whom", whom, "a node ID or an IP address, with or without a port")
    return Request(ClosePeers(whom), lambda closed: tuple(peer.id for peer in closed))


def remove_persistent(ids: Iterable[str]) -> Request[tuple[NodeID, ...]]:
    """See `Node.remove_persistent_peers`. Raises: ValueError, one is no node ID."""
    wanted = []
    for peer in _texts("ids", ids, A_NODE_ID):
        peer_id = peer.partition("@")[0]  # of an address as `add_persistent_peers` has it
        if not is_node_id(peer_id):
            raise ValueError(f"{quoted(peer_id)} is no node ID: 40 hexadecimal characters are expected")
        wanted.append(NodeID(normal_id(peer_id)))
    return Request(DropPersistent(tuple(wanted)), tuple, part="supervisor")


def ban(subject: str, seconds: float, reason: str) -> Request[Ban]:
    """See `Node.ban`. Raises: ValueError, that is no time."""
    if not 0 < seconds < math.inf:
        raise ValueError(f"a ban for {seconds!r} seconds is none; a number above 0 is expected")
    subject = _text("subject", subject, A_SUBJECT)
    return Request(BookCall(BadPeers.ban, (subject, seconds, reason)), _unchanged, part="addrbook")


def unban(subject: str) -> Request[bool]:
    """See `Node.unban`."""
    subject = _text("subject", subject, A_SUBJECT)
    return Request(BookCall(Misbehaviour.forgive, (subject,)), bool, part="addrbook")


def reconfigure(config: Config) -> Request[Reconfigured]:
    """See `Node.reconfigure`. Raises: TypeError, it is no configuration."""
    if not isinstance(config, Config):
        raise TypeError(f"config is {config!r:.100}; a peerage.Config is expected")
    return Request(Reconfigure(config), _unchanged, part="supervisor")


def upgrade_reactor(name: str) -> Request[None]:
    """See `Node.upgrade_reactor`."""
    return Request(UpgradeReactor(name), _is_done, part="supervisor", timeout=UPGRADE_S)


def _unchanged(answer: Any) -> Any:
    return answer


def _text(name: str, value: Any, form: str) -> str:
    """Raises: TypeError, it is something else: a peer, say, where its ID is expected."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r:.100}; text is expected: {form}")
    return value


def _texts(name: str, values: Any, form: str) -> tuple[str, ...]:
    """Raises: TypeError, it is something else: one text, above all, which is a list of its characters to Python."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name} is {values!r:.100}; a list of texts is expected, each {form}")
    return tuple(_text(f"one of {name}", value, form) for value in values)
