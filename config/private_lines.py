"""Whom the log does not name: private peers.

In lines at info and above, the ID of a private peer, with the address behind it, is replaced by a tag, `private-3f9a1c`; so
are the addresses at which one was seen. The address and the moniker in a line about one are `private`: by default
CometBFT's moniker is the name of the machine. The tag is a keyed hash, the same in all processes of a node until the program
ends: two peers can be told apart, and nobody can compare logs of two nodes or try all IDs of a network.

Whoever is turned away before it has proved its ID is an address and nothing else: it may be that of a private peer which
comes from a new one. So a node that has private peers tells a caller's address with its ID or not at all: a tag stands for
it, `unnamed-7b02d4`, of the same kind.

Lines for debugging name everybody.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from peerage.wire.keys import is_node_id

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

__all__ = ["PRIVATE", "HiddenPeers", "hidden_peers", "hide_peers", "hiding"]

PRIVATE: Final = "private"
UNNAMED: Final = "unnamed"
TAG_BYTES: Final = 3
MOST_HOSTS: Final = 1024
PLACES: Final = ("address", "remote", "moniker")  # keys that tell where or who somebody is
CALLERS: Final = ("remote", "host", "prefix")  # an address or a network that somebody came from
PROOFS: Final = ("peer", "dialled")  # keys that tell who is there
SHORTEST_PLACE: Final = 4  # characters: what is shorter may be part of any word
NODE: Final = "node"
OURS: Final = ("event", "level", "logger", "timestamp", NODE)  # not a peer's words, whatever it calls itself
_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class HiddenPeers:
    """What a process of a node is told before its first line.

    Args: key, of the tags; ids; addresses, `ID@host:port`, of anybody.
    """

    key: bytes
    ids: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class _Hidden:
    """The private peers of one node. Nobody ceases to be one."""

    def __init__(self) -> None:
        self._tags: dict[str, str] = {}  # by ID or host, in lower case
        self._hosts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, ids: Iterable[str], addresses: Iterable[str]) -> bool:
        """Returns: whether anything is new."""
        before = len(self._tags)
        for peer_id in filter(is_node_id, ids):
            self._tags.setdefault(peer_id.lower(), _tag(peer_id))
        for address in addresses:
            peer_id, _, place = address.rpartition("://")[2].rpartition("@")
            host = place.rpartition(":")[0].strip("[]").lower()
            is_private = host and peer_id.lower() in self._tags and not _is_everybodys(host)
            if is_private and len(self._hosts) < MOST_HOSTS:
                self._hosts.add(host)
                self._tags.setdefault(host, self._tags[peer_id.lower()])
        if len(self._tags) > before:
            self._pattern = self._compiled()
        return len(self._tags) > before

    def _compiled(self) -> re.Pattern[str]:
        ids = "|".join(re.escape(each) for each in self._tags if each not in self._hosts)
        pattern = rf"(?P<id>{ids})(?:@[\w.:\[\]-]+)?"
        if self._hosts:
            hosts = "|".join(map(re.escape, sorted(self._hosts, key=len, reverse=True)))
            pattern += rf"|(?<![\w.:])\[?(?P<host>{hosts})\]?(?::\d+)?(?![\w.:])"
        return re.compile(pattern, re.IGNORECASE)

    def line(self, event: EventDict) -> EventDict:
        """The line without them."""
        if self._pattern is None:
            return event
        hidden = {key: self._without(value) for key, value in event.items()}
        return _without_unnamed(event if hidden == event else self._without_places(event, hidden))

    def _without_places(self, event: EventDict, hidden: EventDict) -> EventDict:
        """A line that names one does not say where, or what it calls itself."""
        places = {
            text for key in PLACES if isinstance(text := event.get(key), str) and len(text) >= SHORTEST_PLACE
        }
        return {
            key: PRIVATE if key in PLACES else value if key in OURS else _replaced(value, places)
            for key, value in hidden.items()
        }

    def _without(self, value: Any, depth: int = _DEPTH) -> Any:
        assert self._pattern is not None
        if isinstance(value, str):
            return self._pattern.sub(self._tag_of, value)
        if isinstance(value, BaseException):
            text = str(value)
            shown = self._pattern.sub(self._tag_of, text)
            return value if shown == text else shown
        if depth == 0 or not isinstance(value, (list, tuple, set, frozenset, Mapping)):
            return value
        if isinstance(value, Mapping):
            return {key: self._without(each, depth - 1) for key, each in value.items()}
        return [self._without(each, depth - 1) for each in value] if self._names_one(value) else value

    def _names_one(self, values: Collection[Any]) -> bool:
        assert self._pattern is not None
        return self._pattern.search(repr(values)) is not None

    def _tag_of(self, found: re.Match[str]) -> str:
        return self._tags[(found["id"] or found["host"]).lower()]


@dataclass(slots=True)
class _Process:
    """What this process hides: by the name of the node whose line it is."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    nodes: dict[str, _Hidden] = field(default_factory=dict)


_process = _Process()


def hidden_peers(ids: Iterable[str], addresses: Iterable[str]) -> HiddenPeers:
    """For another process of the same program: the same peers have the same tags there."""
    return HiddenPeers(_process.key, tuple(ids), tuple(addresses))


def hide_peers(
    node: str, ids: Iterable[str], addresses: Iterable[str] = (), key: bytes | None = None
) -> bool:
    """Name these no more in lines of a node in this process.

    Args: node, its name in the log, empty in a process whose lines have none; addresses, `ID@host:port`, of anybody: those
        of private peers are hidden wherever they occur; key, of the tags, from `HiddenPeers`.
    Returns: whether anything is new.
    """
    if key is not None:
        _process.key = key
    return _process.nodes.setdefault(node, _Hidden()).add(ids, addresses)


def hiding(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor that hides the private peers of the node whose line it is."""
    hidden = _process.nodes.get(str(event.get(NODE, "")))
    return event if hidden is None or event.get("level") == "debug" else hidden.line(event)


def _without_unnamed(event: EventDict) -> EventDict:
    """A line about a caller whose ID it does not tell does not say where the caller is."""
    if any(is_node_id(str(event.get(key) or "")) for key in PROOFS):
        return event
    hosts = {host for key in CALLERS if (host := _host_in(event.get(key)))}
    for host in hosts:
        pattern = re.compile(rf"(?<![\w.:])\[?{re.escape(host)}\]?(?::\d+)?(?![\w.:])")
        tag = _tag(host, UNNAMED)
        event = {
            key: pattern.sub(tag, value) if isinstance(value, str) and key not in OURS else value
            for key, value in event.items()
        }
    return event


def _host_in(value: Any) -> str:
    """The address or network in `host`, `host:port`, `[host]:port` or `network/bits`; "" if it is none, or everybody's."""
    if not isinstance(value, str):
        return ""
    for text in (value, value.rpartition(":")[0].strip("[]")):
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue
        return "" if _is_everybodys(str(network.network_address)) else text
    return ""


def _replaced(value: Any, places: Iterable[str]) -> Any:
    """A value without the places that its line tells elsewhere."""
    for place in places if isinstance(value, str) else ():
        value = value.replace(place, PRIVATE)
    return value


def _tag(subject: str, kind: str = PRIVATE) -> str:
    digest = hashlib.blake2b(subject.lower().encode(), key=_process.key, digest_size=TAG_BYTES)
    return f"{kind}-{digest.hexdigest()}"


def _is_everybodys(host: str) -> bool:
    """Loopback and "any" tell of nobody: all nodes of a machine have them."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified
