"""Rules for the values of settings, beyond their kind: ranges, words, addresses."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from peerage.config.kind import split_list
from peerage.config.listen_address import AUTO, ListenAddress, ListenAddressError
from peerage.config.log_level import LEVELS, parse_log_level
from peerage.wire.errors import AddressError, AddressIDError
from peerage.wire.ip_ranges import IPAddress, parse_ip, parse_network
from peerage.wire.keys import is_node_id
from peerage.wire.net_address import NetAddress

T = TypeVar("T")

LONGEST_CHAIN_ID = (
    50  # bytes: CometBFT's MaxChainIDLen; its nodes start with no genesis that has a longer chain_id
)
_TCP = frozenset({"tcp"})
_TOP = re.compile(r"top:([1-9][0-9]{0,3})")
_MOST_NAMED = 2000  # of peers, in metrics
_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_REACTOR = re.compile(rf"(?:[^=:\s]+=)?(?:{_DOTTED}:{_DOTTED}|[^=:,\s]+)")


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """What values are allowed, in words, and a function that finds what breaks it: the value, or items of a list.

    reason: says what exactly is wrong with an offender; empty where `allowed` says it all.
    """

    allowed: str
    offenders: Callable[[T], Iterable[object]]
    reason: Callable[[Any], str] = lambda _offender: ""


def _scalar(allowed: str, holds: Callable[[T], bool]) -> Rule[T]:
    return Rule(allowed, lambda value: () if holds(value) else (value,))


def _each(allowed: str, holds: Callable[[str], bool]) -> Rule[tuple[str, ...]]:
    return Rule(allowed, lambda items: (item for item in items if not holds(item)))


def _text(allowed: str, problem: Callable[[str], str]) -> Rule[str]:
    """A rule for a text: `problem` returns what is wrong with it, or nothing."""
    return Rule(allowed, lambda text: (text,) if problem(text) else (), problem)


def _each_text(allowed: str, problem: Callable[[str], str]) -> Rule[tuple[str, ...]]:
    """A rule for a list of texts: `problem` returns what is wrong with an item, or nothing."""
    return Rule(allowed, lambda items: (item for item in items if problem(item)), problem)


def at_least(least: int) -> Rule[float]:
    """Numbers of at least `least`."""
    return _scalar(f"{least} or more", lambda number: number >= least)


def between(least: float, most: float) -> Rule[float]:
    """Numbers from `least` to `most`."""
    return _scalar(f"{least:,} to {most:,}", lambda number: least <= number <= most)


def one_of(*words: str) -> Rule[str]:
    """One of a few words."""
    return _scalar("one of " + ", ".join(words), lambda word: word in words)


def _problem_of_net_address(text: str) -> str:
    """What is wrong with ID@host:port; empty if nothing is."""
    if text.split() != [text]:
        return "there is a blank or a line break inside; commas stand between addresses"
    # Names are resolved when they are dialled. Only the spelling counts here, so every name "resolves".
    try:
        NetAddress.parse(text, lambda _host: ("192.0.2.1",))
    except AddressError as error:
        return error.problem
    return ""


def _problem_of_node_id(text: str) -> str:
    if is_node_id(text):
        return ""
    if "@" in text:
        return "this is an address, and only the ID in front of its @ belongs here"
    return AddressIDError(text, text).problem


def _problem_of_network(text: str) -> str:
    try:
        parse_network(text)
    except ValueError:
        return "this is neither an address nor a network"
    return ""


def _problem_of_listen_address(text: str, *, schemes: frozenset[str], host_needed: bool) -> str:
    """What is wrong with a listen address for this use; empty if nothing is."""
    try:
        address = ListenAddress.parse(text)
    except ListenAddressError as error:
        return error.problem
    if address.scheme not in schemes:
        return f"the scheme {address.scheme} is of no use here"
    return "the host is missing" if host_needed and not address.host else ""


def _ip_of(text: str) -> IPAddress:
    """Raises: ListenAddressError; ValueError, the host is a name."""
    return parse_ip(ListenAddress.parse(text).host)


def _problem_of_more_listening(text: str) -> str:
    """What is wrong with a further place to listen, which has no name: only an IP address says of which family it is."""
    if problem := _problem_of_listen_address(text, schemes=_TCP, host_needed=True):
        return problem
    try:
        _ip_of(text)
    except ValueError:
        return "the host is a name"
    return ""


def _problem_of_more_advertised(text: str) -> str:
    if problem := _problem_of_more_listening(text):
        return problem
    if _ip_of(text).is_unspecified:
        return "nobody can dial this address"
    return "" if ListenAddress.parse(text).port else "nobody can dial port 0"


def _problem_of_http_addresses(text: str) -> str:
    for part in split_list(text):
        if problem := _problem_of_listen_address(part, schemes=_TCP | {"unix"}, host_needed=False):
            return problem
    return ""


def _is_peer_labels(text: str) -> bool:
    found = _TOP.fullmatch(text)
    return text in {"off", "all"} or (found is not None and int(found[1]) <= _MOST_NAMED)


def _is_log_level(text: str) -> bool:
    try:
        parse_log_level(text)
    except ValueError:
        return False
    return True


CHAIN_ID: Rule[str] = _scalar(
    f"at most {LONGEST_CHAIN_ID} bytes, as CometBFT's chain IDs have",
    lambda text: len(text.encode()) <= LONGEST_CHAIN_ID,
)
NOT_NEGATIVE = at_least(0)
MORE_THAN_ZERO: Rule[float] = _scalar("more than 0", lambda number: number > 0)
NEVER_OR_A_SECOND: Rule[float] = _scalar("0s, or 1s or more", lambda seconds: seconds == 0 or seconds >= 1)
PRINTABLE_ASCII: Rule[str] = _scalar(
    "ASCII text, not empty nor blank",
    lambda text: bool(text.strip(" ")) and all(" " <= character <= "~" for character in text),
)
NET_ADDRESSES = _each_text("each ID@host:port, the ID being 40 hex characters", _problem_of_net_address)
NODE_IDS = _each_text("each a node ID of 40 hex characters", _problem_of_node_id)
NETWORKS = _each_text("each an IP address or a network such as 10.0.0.0/8", _problem_of_network)
REACTORS = _each(
    "each package.module:Class or the name of an installed reactor, with NAME= in front if you like",
    lambda text: bool(_REACTOR.fullmatch(text)),
)
P2P_LISTEN = _text(
    "tcp://host:port, the host being an IP address or a name",
    partial(_problem_of_listen_address, schemes=_TCP, host_needed=True),
)
P2P_ADVERTISED = _text(
    'empty, "auto", or host:port, the host being an IP address or a name',
    lambda text: (
        "" if text in {"", AUTO} else _problem_of_listen_address(text, schemes=_TCP, host_needed=True)
    ),
)
MORE_LISTEN = _each_text("each tcp://IP:port, an IPv6 address in brackets", _problem_of_more_listening)
MORE_ADVERTISED = _each_text("each IP:port, an IPv6 address in brackets", _problem_of_more_advertised)
HTTP_LISTEN = _text(
    "empty (off) or tcp://host:port or unix://path, several with commas between", _problem_of_http_addresses
)
METRICS_LISTEN = _text(
    "host:port, :port or unix://path",
    partial(_problem_of_listen_address, schemes=_TCP | {"unix"}, host_needed=False),
)
NO_LIBP2P: Rule[bool] = _scalar(
    "false: this network speaks libp2p over QUIC, peerage does not", lambda enabled: not enabled
)
NO_TLS: Rule[str] = _scalar(
    "empty: peerage serves RPC without TLS, put a proxy that has it in front", lambda path: not path
)
PEER_LABELS = _scalar(f"off, all, or top:N with N from 1 to {_MOST_NAMED:,}", _is_peer_labels)
LOG_LEVEL = _scalar(f"one of {', '.join(LEVELS)}, or such by module: p2p:debug,*:error", _is_log_level)
