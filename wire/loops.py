"""The loops over frames and packets in plain Python: the reference for `_accelerator.c`, and the fallback without it.

Both have the same names and give the same results, byte for byte (tests/wire/test_loops.py). `peerage.wire.accelerator`
decides which of them is used.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

__all__ = ["FrameCipher", "cut", "join_run", "split_run"]

FRAME_DATA = 1024
FRAME_PLAIN = 4 + FRAME_DATA
FRAME_SEALED = FRAME_PLAIN + 16

_FULL = FRAME_DATA.to_bytes(4, "little")
_nonce = Struct("<4xQ").pack
_length = Struct("<I")
_new_tuple = tuple.__new__  # takes half the time of a NamedTuple's constructor (tests/bench/packet_rate.py)

_Bytes: TypeAlias = bytes | bytearray | memoryview


class FrameCipher:
    """ChaCha20-Poly1305 over the frames of one direction (frames.py shows their layout)."""

    def __init__(self, key: bytes, opens: bool) -> None:
        """Args: key, 32 bytes; opens, True to open frames, False to seal them."""
        aead = ChaCha20Poly1305(key)
        if opens:
            self._decrypt = aead.decrypt
        else:
            self._encrypt = aead.encrypt

    def seal(self, counter: int, data: _Bytes) -> bytes:
        """Encrypt data as whole frames, all of them full but the last. Args: counter, the first frame's."""
        size = len(data)
        # A list that is joined at the end, because a bytearray is moved as it grows (figures in decision 0002).
        sealed: list[bytes] = []
        encrypt, nonce, full, keep = self._encrypt, _nonce, _FULL, sealed.append
        whole = size - size % FRAME_DATA
        for start in range(0, whole, FRAME_DATA):
            keep(encrypt(nonce(counter), full + data[start : start + FRAME_DATA], None))
            counter += 1
        if whole < size:
            last = _length.pack(size - whole) + data[whole:]
            keep(encrypt(nonce(counter), last.ljust(FRAME_PLAIN, b"\0"), None))
        return b"".join(sealed)

    def open(self, counter: int, sealed: _Bytes) -> tuple[bytes, int, int]:
        """Open whole frames, up to the first bad one.

        Returns: the joined data; how many frames authenticate; the length of the last of these if it is over 1024, and
            0 otherwise.
        """
        frames = len(sealed) // FRAME_SEALED
        end = counter + frames
        opened: list[bytes] = []
        decrypt, nonce, full, keep = self._decrypt, _nonce, _FULL, opened.append
        length = start = 0
        try:
            while counter < end:
                plain = decrypt(nonce(counter), sealed[start : start + FRAME_SEALED], None)
                counter += 1
                start += FRAME_SEALED
                if plain[:4] == full:
                    keep(plain[4:])
                    continue
                (length,) = _length.unpack_from(plain)
                if length > FRAME_DATA:
                    break
                if length:
                    keep(plain[4 : 4 + length])
                    length = 0
        except InvalidTag:
            pass
        return b"".join(opened), frames - (end - counter), length


def cut(header: bytes, message: _Bytes, start: int, payload: int, count: int) -> bytes:
    """`count` packets without eof: each is the header and `payload` bytes of the message, beginning at `start`."""
    # The header serves as the separator of a join, and the empty first slice puts it before the first part as well: this
    # builds all packets with a single copy.
    slices: list[_Bytes] = [b""]
    slices += [message[at : at + payload] for at in range(start, start + count * payload, payload)]
    return header.join(slices)


def join_run(data: bytes, pos: int, header: bytes, size: int) -> bytes:
    """The joined data of the complete packets from `pos` on that begin with this header, `size` bytes of each."""
    parts: list[bytes] = []
    append, startswith, end = parts.append, data.startswith, len(data)
    stride = len(header) + size
    stop = pos + stride
    while stop <= end and startswith(header, pos):
        append(data[stop - size : stop])
        pos = stop
        stop += stride
    return b"".join(parts)


def split_run(
    data: bytes,
    pos: int,
    header: bytes,
    size: int,
    event_type: type[tuple[int, bytes]],
    channel_id: int,
    events: list[Any],
) -> int:
    """Like `join_run`, but append an event (channel_id, data) per packet. Returns: where the run ends."""
    append, startswith, end = events.append, data.startswith, len(data)
    stride = len(header) + size
    stop = pos + stride
    while stop <= end and startswith(header, pos):
        append(_new_tuple(event_type, (channel_id, data[stop - size : stop])))
        pos = stop
        stop += stride
    return pos
