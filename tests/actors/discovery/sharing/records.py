"""Strategies for what books tell each other: few IDs and times, so that they meet."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.facts import Fact
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.discovery.sharing.lines import Shared, pardon
from tests.actors.discovery.nodes import START, address, node_id

NOW = int(START) * SECOND
few = st.integers(0, 3)
past = st.integers(0, 5).map(lambda seconds: NOW - seconds * SECOND)
never_or_past = st.just(0) | past


@st.composite
def rows(draw: st.DrawFn) -> KnownAddress:
    """An address of one of four IDs, each of which has two places."""
    number = draw(few)
    return replace(
        KnownAddress(address(number, port=draw(st.sampled_from((26656, 26657)))), address(number)),
        attempts=draw(few),
        last_attempt=draw(past),
        last_success=draw(never_or_past),
        latency=draw(few),
        next_try=draw(never_or_past),
        incompatible=draw(st.integers(0, 1)),
    )


@st.composite
def bans(draw: st.DrawFn) -> Ban:
    """A ban of one of four IDs that is not over."""
    until = NOW + draw(st.integers(1, 5)) * SECOND
    shut_until = draw(st.none() | st.just(0) | st.integers(1, 5).map(lambda seconds: NOW + seconds * SECOND))
    return Ban(
        node_id(draw(few)),
        draw(st.sampled_from(("forged", "asked too often"))),
        draw(past),
        until,
        draw(st.integers(1, 3)),
        None,
        None if shut_until == until else shut_until,
    )


pardons: st.SearchStrategy[Fact] = st.builds(lambda number, at: pardon(node_id(number), at), few, past)
shared: st.SearchStrategy[Shared] = rows() | bans() | pardons
