"""The protobuf base-128 varint, unsigned, as it stands before every delimited message.

Layout: groups of 7 bits, the lowest first; the top bit of a byte says that another follows.
64 bits take 1 to 10 bytes.
"""

from __future__ import annotations

from typing import TypeAlias

from peerage.wire.errors import VarintOverflowError, VarintTooLargeError, VarintTruncatedError

MAX_UVARINT_BYTES = 10  # 64 bits in groups of 7
MAX_UINT64 = 2**64 - 1

_Bytes: TypeAlias = bytes | bytearray | memoryview


def encode_uvarint(n: int) -> bytes:
    """The shortest varint of n.

    Raises: VarintTooLargeError when n is not in 0..2^64-1.
    """
    if 0 <= n < 0x80:
        return bytes((n,))
    if not 0 <= n <= MAX_UINT64:
        raise VarintTooLargeError(n)
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def decode_uvarint(buf: _Bytes, pos: int = 0) -> tuple[int, int]:
    """Read the varint that begins at buf[pos].

    A number may be written in more bytes than it needs, up to 10, as CometBFT allows.

    Returns: the number and the position behind it.
    Raises: VarintTruncatedError when buf ends inside it (a stream reader waits for more, 9 times at most),
        VarintOverflowError when it has an 11th byte or a 65th bit.
    Source: reference, Notation and "Decoding as CometBFT does it".
    """
    start = pos
    value = shift = 0
    end = len(buf)
    while pos < end:
        byte = buf[pos]
        pos += 1
        if byte < 0x80:
            if shift == 63 and byte > 1:
                raise VarintOverflowError(start)
            return value | byte << shift, pos
        if shift == 63:  # the 10th byte promises an 11th
            raise VarintOverflowError(start)
        value |= (byte & 0x7F) << shift
        shift += 7
    raise VarintTruncatedError(start)
