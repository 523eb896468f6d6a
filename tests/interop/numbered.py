"""Numbered messages and stream digests, byte for byte as gopeer/payload.go makes them."""

from __future__ import annotations

import hashlib
import struct

_PERIOD = 251
_BLOCK = bytes(range(_PERIOD)) * 257
_STEP = _PERIOD * 256


def payload(number: int, size: int) -> bytes:
    """Message `number` of `size` bytes.

    the last min(8, size) bytes of the number as 8 bytes big-endian | bytes (number + i) mod 251, i from 0
    """
    head = struct.pack(">Q", number)[max(0, 8 - size) :]
    rest = size - len(head)
    start = number % _PERIOD
    whole, part = divmod(rest, _STEP)
    return head + _BLOCK[start : start + _STEP] * whole + _BLOCK[start : start + part]


def number_of(message: bytes) -> int:
    """The number that a message of at least 8 bytes claims."""
    number: int = struct.unpack_from(">Q", message)[0]
    return number


class StreamDigest:
    """SHA-256 over (length as 4 bytes big-endian | bytes) of each message: equal at both ends if nothing
    was lost, changed or put out of order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, message: bytes | memoryview) -> None:
        self._hash.update(struct.pack(">I", len(message)))
        self._hash.update(message)
        self.count += 1

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
