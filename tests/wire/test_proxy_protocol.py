"""wire/proxy_protocol.py: the header that a load balancer puts before a connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.errors import ProxyHeaderError
from peerage.wire.proxy_protocol import LONGEST_LINE, ProxyHeader, ProxySource
from tests.fuzz.targets.proxy_protocol import check, read
from tests.strategies import chunks
from tests.wire.proxy_headers import BAD, CLIENT, GOOD, V4, v2

BEHIND = b"\x22\x0a\x20 the handshake"
HEADERS = [header for header, _source in GOOD]
ANY = st.sampled_from([*HEADERS, *(header for header, _found in BAD)])


@pytest.mark.parametrize(("header", "source"), GOOD, ids=range(len(GOOD)))
def test_a_header_names_whom_the_balancer_speaks_for(header: bytes, source: ProxySource | None) -> None:
    """And ends before what the client says."""
    reader = ProxyHeader()
    assert reader.receive(header + BEHIND) == len(header)
    assert (reader.is_done, reader.source) == (True, source)


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_a_header_that_is_not_whole_is_waited_for(header: bytes) -> None:
    """One byte is missing. No address is told before it is there."""
    reader = ProxyHeader()
    stages = [(reader.is_empty, reader.is_done)]
    for piece, taken in ((header[:-1], len(header) - 1), (header[-1:] + BEHIND, 1), (BEHIND, 0)):
        assert reader.receive(piece) == taken
        stages.append((reader.is_empty, reader.is_done))
    assert stages[:2] == [(True, False), (False, False)]
    assert [is_done for _is_empty, is_done in stages[2:]] == [True, True]


@pytest.mark.parametrize(("header", "found"), BAD, ids=range(len(BAD)))
def test_what_is_no_header_is_refused(header: bytes, found: str) -> None:
    """The error says what was found."""
    with pytest.raises(ProxyHeaderError) as caught:
        ProxyHeader().receive(header)
    assert found in str(caught.value)


@given(ANY.map(lambda header: header + BEHIND).flatmap(chunks))
def test_any_cut_gives_the_same_verdict(pieces: list[bytes]) -> None:
    """The same source or the same error, and the same end."""
    assert read(pieces) == read([b"".join(pieces)])


@given(st.one_of(st.binary(max_size=200), st.tuples(ANY, st.binary(max_size=40)).map(b"".join)))
def test_any_bytes_give_a_verdict(data: bytes) -> None:
    """A header, the wish for more, or the one error."""
    check(data)


@given(ANY, st.integers(min_value=0), st.integers(0, 255))
def test_a_byte_that_is_another_gives_a_verdict(header: bytes, at: int, byte: int) -> None:
    """Also where a length or an address is."""
    changed = bytearray(header)
    changed[at % len(header)] = byte
    check(bytes(changed))


def test_further_fields_are_skipped_and_not_kept() -> None:
    """They may be long, and come slowly."""
    reader = ProxyHeader()
    reader.receive(v2(0x21, 0x11, V4, length=4000))
    assert (reader.is_done, reader.source) == (False, CLIENT)
    assert [reader.receive(bytes(1000)) for _ in range(4)] == [1000, 1000, 1000, 4000 - 3000 - len(V4)]
    assert reader.is_done


def test_a_line_without_an_end_is_read_no_further() -> None:
    """It is refused with the byte that makes it too long."""
    reader = ProxyHeader()
    reader.receive(b"PROXY UNKNOWN".ljust(LONGEST_LINE - 1))
    with pytest.raises(ProxyHeaderError, match="no end of the line"):
        reader.receive(b" ")
