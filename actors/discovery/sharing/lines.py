"""What books that share what they know tell each other: addresses, bans and pardons, as the lines that they are stored as.

A line can be read whichever version wrote it, carries a checksum, and is bounded; nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.row_codec import (
    LineError,
    read_line,
    write_address,
    write_ban,
    write_fact,
)

MOST_LINES = 1000  # in one message; a full book takes some twenty
LONGEST_LINE = 4000  # characters

Shared: TypeAlias = KnownAddress | Ban | Fact
"""A fact is a pardon: `FactKind.PARDON`."""
Key: TypeAlias = tuple[str, str]
"""What a record is about: its kind, and the ID or the subject."""

ADDRESS, BAN, PARDON = "address", "ban", "pardon"


def key_of(item: Shared) -> Key:
    """What a record is about."""
    if isinstance(item, KnownAddress):
        return ADDRESS, item.id
    if isinstance(item, Ban):
        return BAN, item.subject
    return PARDON, item.name


def pardon(subject: str, at: int) -> Fact:
    """What was banned under that subject until then is banned no more, by order. Args: at, Unix nanoseconds."""
    return Fact(FactKind.PARDON, subject, (at,))


def write(item: Shared) -> str:
    """A record as a line, without what concerns one book only: the places in its buckets, and what it knew of the banned."""
    if isinstance(item, KnownAddress):
        return write_address(replace(item, buckets=()))
    if isinstance(item, Ban):
        return write_ban(replace(item, entry=None))
    return write_fact(item)


def read(lines: Iterable[str]) -> Iterator[Shared]:
    """The records of lines. What is damaged, too long, or nothing that books share, is passed over."""
    for line in lines:
        if len(line) > LONGEST_LINE:
            continue
        try:
            item = read_line(line)
        except LineError:
            continue
        if isinstance(item, KnownAddress | Ban) or (
            isinstance(item, Fact) and item.kind is FactKind.PARDON and len(item.numbers) == 1
        ):
            yield item
