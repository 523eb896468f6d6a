"""A target in which something does not hold, so that the fuzzer can be seen to find it."""

from __future__ import annotations

from contextlib import suppress

from peerage.wire.errors import MalformedMessageError
from peerage.wire.varint import decode_uvarint
from tests.fuzz.target import Target


def check(data: bytes) -> None:
    """Holds for all but a number of four bytes: each byte more is a branch that a search by coverage follows."""
    with suppress(MalformedMessageError):
        _, end = decode_uvarint(data)
        if end == 4:
            raise ValueError("planted")


TARGET = Target(lambda: [b"\1"], check, longest=8)
