"""The lines in which the database keeps addresses and bans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.row_codec import (
    MAX_REASON,
    LineError,
    find_lines,
    read_line,
    write_address,
    write_ban,
    write_key,
)
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import address, known_addresses, node_id, times

ROW = KnownAddress(address(1), address(2), buckets=(3,))

bans = st.builds(
    Ban,
    st.sampled_from([node_id(1), "1.2.3.4", "1.2.0.0/16", "2600::/16"]),
    st.text(max_size=MAX_REASON),
    times,
    times,
    st.integers(1, 1000),
    st.none() | known_addresses(),
    st.none() | times,
)


@given(known_addresses())
def test_a_written_address_reads_as_itself(row: KnownAddress) -> None:
    """All fields, in one line of printable ASCII."""
    line = write_address(row)
    assert read_line(line) == row
    assert line.isascii()
    assert line[:-1].isprintable()


@given(bans)
def test_a_written_ban_reads_as_itself(ban: Ban) -> None:
    """Its reason may be any text, and what the book knew comes along."""
    line = write_ban(ban)
    assert read_line(line) == ban
    assert line.isascii()
    assert line[:-1].isprintable()


@given(st.text(max_size=30))
def test_a_written_key_reads_as_itself(key: str) -> None:
    """A key from a file may be any text."""
    assert read_line(write_key(key)) == key


@given(st.text(max_size=10) | st.just("\udcff \ud800"))
def test_a_source_may_have_any_id(odd: str) -> None:
    """Sources are not validated."""
    row = KnownAddress(address(1), NetAddress(odd, "1.2.3.4", 5))
    assert read_line(write_address(row)) == row


@given(known_addresses(), st.data())
def test_any_changed_character_is_noticed(row: KnownAddress, data: st.DataObject) -> None:
    """SQLite would hand it out."""
    line = write_address(row)
    position = data.draw(st.integers(0, len(line) - 1))
    other = chr(ord(line[position]) ^ data.draw(st.integers(1, 127)))
    with pytest.raises(LineError):
        read_line(line[:position] + other + line[position + 1 :])


@given(st.lists(known_addresses(), max_size=5), st.lists(bans, max_size=3), st.binary(max_size=20))
def test_lines_are_found_in_any_bytes(rows: list[KnownAddress], banned: list[Ban], noise: bytes) -> None:
    """Whatever lies between them, as in a file whose structure is destroyed."""
    lines = [*map(write_address, rows), *map(write_ban, banned), write_key("k")]
    data = noise + b"".join(line.encode() + b"\x00" + noise for line in lines)
    assert list(find_lines(data)) == [*rows, *banned, "k"]


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda text: f"adr1 {text}"))
def test_any_other_text_is_no_line(text: str) -> None:
    """One error, whatever it is."""
    with pytest.raises(LineError):
        read_line(text)


def test_an_overlong_reason_is_cut() -> None:
    """So that a ban's line stays in its page."""
    read = read_line(write_ban(Ban("1.2.3.4", "x" * 5000, 1, 2)))
    assert isinstance(read, Ban)
    assert len(read.reason) == MAX_REASON


def test_the_lines_of_today_will_be_read_tomorrow() -> None:
    """A format once written is never changed."""
    row = KnownAddress(address(1), address(2), buckets=(3, 17), attempts=2, last_attempt=5, last_ban=7)
    line = f"adr1 {node_id(1)} 2.1.0.7 26656 {node_id(2)}%203.2.0.7%2026656 1 3,17 2 5 0 7 "
    assert write_address(row).startswith(line)
