"""Varints: protobuf's variable-length numbers, unsigned, as they precede every delimited message.

Layout: groups of 7 bits, the lowest first; the top bit of a byte says that another byte follows.
A 64-bit number takes 1 to 10 bytes.
"""

from __future__ import annotations

from typing import TypeAlias

from peerage.wire.errors import VarintOverflowError, VarintTooLargeError, VarintTruncatedError

MAX_UVARINT_BYTES = 10  # 64 bits in groups of 7
MAX_UINT64 = 2**64 - 1

_Bytes: TypeAlias = bytes | bytearray | memoryview


def encode_uvarint(n: int) -> bytes:
    """The shortest encoding of n.

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

    A number may take more bytes than it needs, up to 10, as in CometBFT.

    Returns: the number and the position after it.
    Raises: VarintTruncatedError when buf ends inside the varint (a stream reader waits for more, at most 9 times),
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
        if shift == 63:  # the 10th byte says that an 11th follows
            raise VarintOverflowError(start)
        value |= (byte & 0x7F) << shift
        shift += 7
    raise VarintTruncatedError(start)
