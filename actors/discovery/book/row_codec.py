"""How the database stores one address, ban or fact: a line of text that can be read without the rest.

    line: kind | fields | CRC-32 of all before in 8 hex digits, separated by single spaces | newline

Each line carries a checksum, because SQLite has none of its own, so a flipped byte is noticed. Lines can also be found in
the bytes of a file whose structure is destroyed (`find_lines`), so that damage costs only the lines that it hit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address
from socket import AF_INET, inet_pton
from typing import TypeAlias
from urllib.parse import quote, unquote
from zlib import crc32

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.facts import MAX_NAME, MAX_NUMBERS, Fact, FactKind
from peerage.actors.discovery.book.known_address import Kind, KnownAddress
from peerage.wire.errors import AddressError
from peerage.wire.ip_ranges import IPAddress, parse_ip
from peerage.wire.keys import normal_id
from peerage.wire.net_address import NetAddress

ADDRESS, BAN, KEY, FACT = "adr1", "ban1", "key1", "fct1"
MAX_REASON = 200  # characters of a ban's reason that are kept

_NOTHING = "-"
_ADDRESS_BEGINS = f"{ADDRESS} "
_KINDS = {f"{kind:d}": kind for kind in Kind}
_LINE = re.compile(rb"(?:adr1|ban1|key1|fct1) [!-~ ]{1,4000}\n")


Item: TypeAlias = KnownAddress | Ban | Fact | str
"""What a line may hold; a `str` is the book's key."""


class LineError(ValueError):
    """A text that is not a line, or is damaged."""


def write_address(row: KnownAddress) -> str:
    """An address as a line."""
    return _sealed(f"{ADDRESS} {_address_fields(row)}")


def write_ban(ban: Ban) -> str:
    """A ban as a line, with what the book knew about the banned ID."""
    entry = _NOTHING if ban.entry is None else _escaped(_address_fields(ban.entry))
    reason = _escaped(ban.reason[:MAX_REASON])
    more = "" if ban.shut_until is None else f" {ban.shut_until}"
    return _sealed(f"{BAN} {ban.subject} {reason} {ban.since} {ban.until} {ban.strikes} {entry}{more}")


def write_key(key: str) -> str:
    """The book's key as a line."""
    return _sealed(f"{KEY} {_escaped(key)}")


def write_fact(fact: Fact) -> str:
    """A fact as a line."""
    return _sealed(f"{FACT} {fact.kind.value} {_escaped(fact.name)} {','.join(map(str, fact.numbers))}")


def read_line(line: str) -> Item:
    """The content of a line: an address, a ban, a fact, or the book's key.

    Raises: LineError.
    """
    body, _, seal = line.rpartition(" ")
    if seal != f"{_seal(body)}\n":
        raise LineError("its checksum is wrong")
    kind, _, rest = body.partition(" ")
    try:
        if kind == ADDRESS:
            return _read_address(rest)
        if kind == BAN:
            return _read_ban(rest)
        if kind == FACT:
            return _read_fact(rest)
        if kind == KEY:
            return _plain(rest)
    except (ValueError, TypeError, AddressError) as error:  # TypeError: too many or too few fields
        raise LineError(str(error)) from error
    raise LineError(f"unknown kind of line: {kind!r}")


def read_address(line: str) -> KnownAddress:
    """The content of a line that must be an address.

    It takes two thirds of the time of `read_line`: a start may read 100,000 lines (see the figures of `open_book`).
    Raises: LineError.
    """
    if line[:5] != _ADDRESS_BEGINS or line[-9:] != f"{crc32(line[:-10].encode('utf-8', 'replace')):08x}\n":
        raise LineError("it is not an address, or its checksum is wrong")
    try:
        return _read_address(line[5:-10])
    except (ValueError, TypeError, AddressError) as error:  # TypeError: too many or too few fields
        raise LineError(str(error)) from error


def find_lines(data: bytes) -> Iterator[Item]:
    """The content of every whole line in these bytes, including outdated copies."""
    for found in _LINE.finditer(data):
        try:
            yield read_line(found[0].decode("ascii"))
        except LineError:
            continue


def _address_fields(row: KnownAddress) -> str:
    address = row.address
    buckets = ",".join(map(str, row.buckets)) or _NOTHING
    source = _NOTHING if row.source == address else _written_source(row.source)
    # left out if it says nothing: true of most addresses, and a start may read 100,000 lines
    tried = row.latency or row.next_try or row.moved is not None or row.incompatible
    moved = _NOTHING if row.moved is None else row.moved.dial_string
    more = f" {row.latency} {row.next_try} {moved}" if tried else ""
    more += f" {row.incompatible}" if row.incompatible else ""
    return (
        f"{_escaped(address.id)} {address.host} {address.port} {source} {row.kind:d} {buckets} {row.attempts} "
        f"{row.last_attempt} {row.last_success} {row.last_ban}{more}"
    )


def _read_address(text: str) -> KnownAddress:
    node_id, host, port, source, kind, buckets, attempts, attempt, success, ban, *more = text.split(" ")
    address = NetAddress(node_id if "%" not in node_id else _plain(node_id), _ip(host), _port(port))
    if kind not in _KINDS:
        raise LineError(f"there is no kind {kind!r}")
    return KnownAddress(
        address,
        address if source == _NOTHING else _read_source(source),
        _KINDS[kind],
        _read_buckets(buckets),
        int(attempts),
        int(attempt),
        int(success),
        int(ban),
        *(_read_tried(address.id, *more) if more else ()),
    )


def _read_tried(
    node_id: str, latency: str, next_try: str, moved: str, incompatible: str = "0"
) -> tuple[int, int, NetAddress | None, int]:
    place = None if moved == _NOTHING else NetAddress.parse(f"{node_id}@{moved}")
    return int(latency), int(next_try), place, int(incompatible)


def _read_fact(text: str) -> Fact:
    kind, name, numbers = text.split(" ")
    fact = Fact(FactKind(kind), _plain(name), tuple(map(int, numbers.split(","))))
    if len(fact.name) > MAX_NAME or len(fact.numbers) > MAX_NUMBERS or min(fact.numbers) < 0:
        raise LineError("a fact is out of range")
    return fact


@lru_cache(maxsize=4096)
def _read_buckets(text: str) -> tuple[int, ...]:
    return () if text == _NOTHING else tuple(map(int, text.split(",")))


def _read_ban(text: str) -> Ban:
    subject, reason, since, until, strikes, entry, *more = text.split(" ")
    known = None if entry == _NOTHING else _read_address(_plain(entry))
    return Ban(
        normal_id(subject), _plain(reason), int(since), int(until), int(strikes), known, *map(int, more)
    )


@lru_cache(maxsize=1024)
def _written_source(source: NetAddress) -> str:
    return _escaped(f"{source.id} {source.host} {source.port}")


@lru_cache(maxsize=4096)
def _read_source(text: str) -> NetAddress:
    """A source; all addresses that it told share one object."""
    node_id, host, port = _plain(text).rsplit(" ", 2)
    return NetAddress(node_id, host, int(port))


@lru_cache(maxsize=4096)
def _port(text: str) -> int:
    """A port; the few common ones share one object each."""
    return int(text)


def _ip(text: str) -> IPAddress:
    if ":" in text:
        return parse_ip(text)
    try:
        # from an integer this takes a fifth of the time it takes from text
        return IPv4Address(int.from_bytes(inet_pton(AF_INET, text), "big"))
    except OSError:
        raise LineError(f"{text!r} is not an IP address") from None


def _escaped(text: str) -> str:
    if (
        text.isascii() and text.isalnum()
    ):  # as nearly every ID: `quote` takes ten times as long to find that out
        return text
    # An ID from a file may hold anything, even half of a surrogate pair. An empty text must still be a field.
    return quote(text, safe="", errors="surrogatepass") or "%"


def _plain(text: str) -> str:
    return "" if text == "%" else unquote(text, errors="surrogatepass")


def _seal(body: str) -> str:
    return f"{crc32(body.encode('utf-8', 'replace')):08x}"


def _sealed(body: str) -> str:
    return f"{body} {_seal(body)}\n"
