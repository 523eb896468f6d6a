"""Nodes, addresses and a clock for tests of discovery."""

from __future__ import annotations

import random
from collections.abc import Sequence
from ipaddress import IPv4Address

from hypothesis import strategies as st

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.entries import Entries, EntryIndex
from peerage.actors.discovery.book.known_address import Entry, Kind, KnownAddress
from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

START = 1_700_000_000.0
KEY = "0123456789abcdef01234567"
SMALL = BookShape(
    new_buckets=4,
    new_bucket_size=4,
    new_buckets_per_group=2,
    old_buckets=2,
    old_bucket_size=3,
    old_buckets_per_group=1,
)
"""A book in which everything is full soon."""


class Clock:
    """Unix seconds that pass when told to."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def node_id(number: int) -> NodeID:
    """The ID that ends in this number."""
    return NodeID(f"{number:040x}")


def address(number: int, ip: str | None = None, port: int = 26656) -> NetAddress:
    """A routable address; each number has its own ID and, unless given, its own IPv4 /16."""
    return NetAddress(node_id(number), ip or f"{1 + number % 9}.{number % 251}.{number // 251 % 256}.7", port)


def entry(number: int, at: int = 0, source: NetAddress | None = None) -> Entry:
    """An entry that lies in no bucket, heard of at a time in nanoseconds from itself or from a source."""
    return Entry(address(number), source or address(number), at)


def entries(
    shape: BookShape = SMALL, touched: TouchedIDs | None = None, indexes: Sequence[EntryIndex] = ()
) -> Entries:
    """No entries yet, in a table that is full soon; its time is `START`."""
    return Entries(
        shape,
        KEY,
        strict=True,
        now=lambda: int(START * SECOND),
        touched=TouchedIDs() if touched is None else touched,
        indexes=indexes,
    )


def book(
    clock: Clock | None = None,
    *,
    strict: bool = True,
    shape: BookShape | None = None,
    improvements: Improvements | None = None,
) -> AddrBook:
    """An empty book whose chances repeat."""
    return AddrBook(
        clock=clock or Clock(),
        rng=random.Random(7),
        strict=strict,
        key=KEY,
        shape=shape,
        improvements=improvements,
    )


def filled(
    new: int, old: int, clock: Clock | None = None, improvements: Improvements | None = None
) -> AddrBook:
    """A book of so many new and old addresses, far from full."""
    shape = BookShape(new_bucket_size=2048, old_bucket_size=2048)
    filled_book = book(clock, shape=shape, improvements=improvements)
    for number in range(new + old):
        filled_book.add(address(number), address(10_000 + number % 50))
        if number < old:
            filled_book.mark_good(node_id(number))
    return filled_book


addresses = st.builds(
    NetAddress,
    st.integers(0, 2**160 - 1).map(lambda number: f"{number:040x}"),
    st.integers(0x01000000, 0x09FFFFFF).map(lambda number: str(IPv4Address(number)))
    | st.integers(0, 2**64).map(lambda number: f"2600:{number >> 48 & 0xFFFF:x}::{number & 0xFFFF:x}"),
    st.integers(0, 65535),
)
"""Any routable address."""

times = st.just(0) | st.integers(SECOND, 2**63 - 1)
"""Any time that a book can keep, in nanoseconds."""


@st.composite
def known_addresses(draw: st.DrawFn, *, of_cometbft: bool = False) -> KnownAddress:
    """Any row of a book of the usual shape; of_cometbft, with nothing that its file does not have."""
    kind = draw(st.sampled_from(Kind))
    buckets = st.sets(
        st.integers(0, 63 if kind is Kind.OLD else 255),
        min_size=1,
        max_size=1 if kind is Kind.OLD else 4,
    ).map(lambda numbers: tuple(sorted(numbers)))
    return KnownAddress(
        draw(addresses),
        draw(addresses),
        kind,
        draw(buckets),
        draw(st.integers(0, 2**31 - 1)),
        draw(times),
        draw(times),
        draw(times),
        *draw(st.just(()) if of_cometbft else st.just(()) | st.tuples(times, times, st.none())),
    )
