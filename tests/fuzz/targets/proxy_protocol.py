"""The PROXY header with which a connection of a load balancer begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from peerage.wire.errors import ProxyHeaderError
from peerage.wire.ip_ranges import parse_ip
from peerage.wire.proxy_protocol import LONGEST, ProxyHeader, ProxySource
from tests.fuzz.target import Target, cut, told
from tests.wire.proxy_headers import BAD, GOOD

BEHIND = b"\x22\x0a\x20 and a key"


def check(data: bytes) -> None:
    """Any cut gives the same verdict, and the header ends at the same byte, which is not far."""
    verdict = read([data])
    assert all(read(cut(data, size)) == verdict for size in (1, 7, 107))
    if isinstance(verdict, str):
        return
    taken, is_done, source = verdict
    assert taken <= min(len(data), LONGEST)
    assert is_done or taken == len(data)
    if is_done:
        assert read([data[:taken] + BEHIND]) == verdict
        if source is not None:
            assert str(parse_ip(source.ip)) == source.ip
            assert 0 <= source.port <= 65535


def read(pieces: Sequence[bytes]) -> str | tuple[int, bool, ProxySource | None]:
    """The error's text; or how many bytes are the header's, whether it has ended, and whom it names then."""
    header, taken = ProxyHeader(), 0
    try:
        for piece in pieces:
            taken += header.receive(piece)
    except ProxyHeaderError as error:
        told(error)
        return str(error)
    return taken, header.is_done, header.source if header.is_done else None


def corpus() -> Iterator[bytes]:
    """By the specification, and against it; with a handshake behind."""
    for header, _source in GOOD:
        yield header + BEHIND
    for header, _text in BAD:
        yield header


TARGET = Target(corpus, check, longest=LONGEST + 64)
