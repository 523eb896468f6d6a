"""Rules for values beyond their kind: ranges, words, addresses."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from peerage.config.listen_address import ListenAddress
from peerage.config.log_level import LEVELS, parse_log_level
from peerage.wire.errors import WireError
from peerage.wire.keys import is_node_id
from peerage.wire.net_address import NetAddress

T = TypeVar("T")

_REACTOR = re.compile(r"(?:[^=:\s]+=)?[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """What values are allowed, in words, and what of a value breaks that (the value, or items of a list)."""

    allowed: str
    offenders: Callable[[T], Iterable[object]]


def _scalar(allowed: str, holds: Callable[[T], bool]) -> Rule[T]:
    return Rule(allowed, lambda value: () if holds(value) else (value,))


def _each(allowed: str, holds: Callable[[str], bool]) -> Rule[tuple[str, ...]]:
    return Rule(allowed, lambda items: (item for item in items if not holds(item)))


def at_least(least: int) -> Rule[float]:
    """Numbers from `least` on."""
    return _scalar(f"{least} or more", lambda number: number >= least)


def between(least: float, most: float) -> Rule[float]:
    """Numbers from `least` to `most`."""
    return _scalar(f"{least:,} to {most:,}", lambda number: least <= number <= most)


def one_of(*words: str) -> Rule[str]:
    """One of a few words."""
    return _scalar("one of " + ", ".join(words), lambda word: word in words)


def _is_net_address(text: str) -> bool:
    # names are resolved when they are dialled; here only the spelling counts
    try:
        NetAddress.parse(text, lambda _host: ("192.0.2.1",))
    except WireError:
        return False
    return True


def _is_listen_address(text: str, *, schemes: frozenset[str], host_needed: bool) -> bool:
    try:
        address = ListenAddress.parse(text)
    except ValueError:
        return False
    return address.scheme in schemes and bool(address.host or not host_needed)


def _is_log_level(text: str) -> bool:
    try:
        parse_log_level(text)
    except ValueError:
        return False
    return True


NOT_NEGATIVE = at_least(0)
MORE_THAN_ZERO: Rule[float] = _scalar("more than 0", lambda number: number > 0)
PRINTABLE_ASCII: Rule[str] = _scalar(
    "ASCII text, not empty nor blank",
    lambda text: bool(text.strip(" ")) and all(" " <= character <= "~" for character in text),
)
NET_ADDRESSES = _each("each ID@host:port, the ID being 40 hex characters", _is_net_address)
NODE_IDS = _each("each a node ID of 40 hex characters", is_node_id)
REACTORS = _each(
    "each package.module:Class or NAME=package.module:Class", lambda text: bool(_REACTOR.fullmatch(text))
)
P2P_LISTEN: Rule[str] = _scalar(
    "tcp://host:port, the host being an IP address or a name",
    lambda text: _is_listen_address(text, schemes=frozenset({"tcp"}), host_needed=True),
)
P2P_ADVERTISED: Rule[str] = _scalar(
    "empty or host:port, the host being an IP address or a name",
    lambda text: text == "" or _is_listen_address(text, schemes=frozenset({"tcp"}), host_needed=True),
)
HTTP_LISTEN: Rule[str] = _scalar(
    "empty (off) or tcp://host:port or unix://path, several with commas between",
    lambda text: all(
        _is_listen_address(part.strip(" "), schemes=frozenset({"tcp", "unix"}), host_needed=False)
        for part in text.split(",")
        if part.strip(" ")
    ),
)
METRICS_LISTEN: Rule[str] = _scalar(
    "host:port or :port",
    lambda text: _is_listen_address(text, schemes=frozenset({"tcp"}), host_needed=False),
)
LOG_LEVEL = _scalar(f"one of {', '.join(LEVELS)}, or such by module: p2p:debug,*:error", _is_log_level)
