"""The loops over frames and packets in plain Python: the reference for `_accelerator.c`, and the fallback without it.

Both have the same names and give the same results, byte for byte (tests/wire/test_loops.py). `peerage.wire.accelerator`
decides which of them is used.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from itertools import accumulate
from struct import Struct
from typing import Any, Final, TypeAlias

__all__ = [
    "FrameCipher",
    "cut",
    "cut_messages",
    "read_header",
    "read_messages",
    "read_parts",
    "split_messages",
    "split_run",
]

FRAME_DATA = 1024
FRAME_PLAIN = 4 + FRAME_DATA
FRAME_SEALED = FRAME_PLAIN + 16

SIZES: Final = (
    "I"  # how sizes of messages stand beside them: array's code for four bytes in the machine's order
)
CRUMB_SIZE: Final = 64  # bytes of data, below which they are few
SPECK_SIZE: Final = 8  # bytes of data, below which they are fewer than those of the header
_KIND = 0x1A  # before a part of a message, and before its data
_FULL = FRAME_DATA.to_bytes(4, "little")
_nonce = Struct("<4xQ").pack
_length = Struct("<I")
_new_tuple = tuple.__new__  # takes half the time of a NamedTuple's constructor (tests/bench/packet_rate.py)

_Bytes: TypeAlias = bytes | bytearray | memoryview


class FrameCipher:
    """ChaCha20-Poly1305 over the frames of one direction (frames.py shows their layout)."""

    def __init__(self, key: bytes, opens: bool) -> None:
        """Args: key, 32 bytes; opens, True to open frames, False to seal them."""
        # With the first cipher: a process that only joins messages needs no cryptography.
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        self._forged = InvalidTag
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

    def open(
        self, counter: int, sealed: _Bytes, begun: bytes | bytearray = b"", before: bytes = b""
    ) -> tuple[bytes, int, int]:
        """Open whole frames, up to the first bad one.

        Args: begun, the beginning of the first frame, if it is not with the rest; before, goes in front of the data.
        Returns: the joined data; how many frames authenticate; the length of the last of these if it is over 1024, and
            0 otherwise.
        """
        if begun:
            sealed = b"".join((begun, sealed))
        frames = len(sealed) // FRAME_SEALED
        end = counter + frames
        opened = [before]
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
        except self._forged:
            pass
        return b"".join(opened), frames - (end - counter), length


def cut(header: bytes, message: _Bytes, start: int, payload: int, count: int) -> bytes:
    """`count` packets without eof: each is the header and `payload` bytes of the message, beginning at `start`."""
    # The header serves as the separator of a join, and the empty first slice puts it before the first part as well: this
    # builds all packets with a single copy.
    slices: list[_Bytes] = [b""]
    slices += [message[at : at + payload] for at in range(start, start + count * payload, payload)]
    return header.join(slices)


def split_run(
    data: bytes,
    pos: int,
    header: bytes,
    size: int,
    event_type: type[tuple[int, bytes]],
    channel_id: int,
    events: list[Any],
) -> int:
    """The complete packets from `pos` on that begin with this header, `size` bytes of data in each: an event for each.

    Returns: where the run ends.
    """
    append, startswith, end = events.append, data.startswith, len(data)
    stride = len(header) + size
    stop = pos + stride
    while stop <= end and startswith(header, pos):
        append(_new_tuple(event_type, (channel_id, data[stop - size : stop])))
        pos = stop
        stop += stride
    return pos


def read_header(data: bytes, pos: int, limit: int) -> tuple[int, bool, int, int] | None:
    """The header of the packet at `pos`, if that is complete and has the form in which real senders write message parts.

        length | 1a, length | 08, channel | 10 01 | 1a, size | data

    Everything must fit exactly, and lengths may take one or two bytes. The varints are decoded inline because in mixed
    traffic, where no two headers in a row are equal, this runs for every packet, and calls would double its cost.

    Args: limit, bytes of a packet without the length in front.
    Returns: channel, eof, where the data begin, and where they end; None if it has another form, or says nothing: neither
        data nor eof.
    """
    try:
        length, at = data[pos], pos + 1
        if length >= 0x80:
            second, at = data[at], at + 1
            length += (second << 7) - 0x80
            if second >= 0x80:
                return None
        stop = at + length
        if length > limit or stop > len(data) or data[at] != _KIND:
            return None
        inner, at = data[at + 1], at + 2
        if inner >= 0x80:
            second, at = data[at], at + 1
            inner += (second << 7) - 0x80
            if second >= 0x80:
                return None
        if at + inner != stop:
            return None
        channel_id = 0
        if at < stop and data[at] == 0x08:
            channel_id, at = data[at + 1], at + 2
            if channel_id >= 0x80:
                if data[at] != 1:
                    return None
                at += 1
        eof = at < stop and data[at] == 0x10
        if eof:
            if data[at + 1] != 1:
                return None
            at += 2
        if at < stop:
            if data[at] != _KIND:
                return None
            size, at = data[at + 1], at + 2
            if size >= 0x80:
                second, at = data[at], at + 1
                size += (second << 7) - 0x80
                if second >= 0x80:
                    return None
            if not size or at + size != stop:
                return None
        elif at > stop or not eof:
            return None
    except IndexError:
        return None
    return channel_id, eof, at, stop


def read_parts(
    data: bytes, pos: int, limit: int, served: bytes, most: int
) -> tuple[list[tuple[int, bytes, int, int, int]], int]:
    """The parts of messages from `pos` on, of whatever channels, none of which ends its message (see `read_header`).

    Args: served, for each channel whether its parts are wanted, 0 or 1; most, how many of them.
    Returns: for each channel its number, its joined parts, how many these are, and how many of them are crumbs and specks;
        and where the first packet that is not among them begins.
    """
    parts: dict[int, list[bytes]] = {}
    startswith, end = data.startswith, len(data)
    header = b""  # of the packet before: most have the same
    mine: list[bytes] = []
    size = 0
    for _ in range(most):
        if header and startswith(header, pos):
            at = pos + len(header)
            stop = at + size
            if stop > end:
                break
        else:
            form = read_header(data, pos, limit)
            if form is None:
                break
            channel_id, eof, at, stop = form
            if eof or not served[channel_id]:
                break
            header, size = data[pos:at], stop - at
            mine = parts.setdefault(channel_id, [])
        mine.append(data[at:stop])
        pos = stop
    return [
        (
            channel_id,
            b"".join(each),
            len(each),
            sum(len(part) < CRUMB_SIZE for part in each),
            sum(len(part) < SPECK_SIZE for part in each),
        )
        for channel_id, each in parts.items()
    ], pos


def read_messages(
    data: bytes, pos: int, middle: bytes, limit: int, capacity: int
) -> tuple[bytes, bytes, int]:
    """The messages of one channel that follow each other from `pos` on, each whole in a packet of the common form.

        length | 1a, length | middle: channel and eof | 1a, size | data

    Ends at the first packet that is incomplete, has another form, or whose lengths take more than two bytes.

    Args: limit, bytes of a packet without the length in front; capacity, bytes of a message.
    Returns: the joined messages, their sizes (see SIZES), and where the first packet that is not among them begins.
    """
    messages: list[bytes] = []
    startswith, end = data.startswith, len(data)
    header = b""  # of the packet before: most have the same
    size = 0
    try:
        while pos < end:
            if header and startswith(header, pos):
                at = pos + len(header)
                pos = at + size
                if pos > end:
                    pos = at - len(header)
                    break
                messages.append(data[at:pos])
                continue
            length, at = data[pos], pos + 1
            if length >= 0x80:
                second, at = data[at], at + 1
                length += (second << 7) - 0x80
                if second >= 0x80:
                    break
            stop = at + length
            if length > limit or stop > end or data[at] != _KIND:
                break
            inner, at = data[at + 1], at + 2
            if inner >= 0x80:
                second, at = data[at], at + 1
                inner += (second << 7) - 0x80
                if second >= 0x80:
                    break
            if at + inner != stop or not startswith(middle, at):
                break
            at += len(middle)
            if at >= stop or data[at] != _KIND:
                break
            size, at = data[at + 1], at + 2
            if size >= 0x80:
                second, at = data[at], at + 1
                size += (second << 7) - 0x80
                if second >= 0x80:
                    break
            if at + size != stop or not 0 < size <= capacity:
                break
            messages.append(data[at:stop])
            header, pos = data[pos:at], stop
    except IndexError:
        pass
    return b"".join(messages), array(SIZES, map(len, messages)).tobytes(), pos


def cut_messages(
    data: _Bytes,
    at: int,
    sizes: bytes,
    first: int,
    last: int,
    middle: bytes,
    least: int,
    room: int,
    forced: bool,
) -> tuple[bytes, int, int]:
    """The messages from the one with index `first` on, which begins at `at`, up to `last`, each in a packet of its own.

    Ends when `least` bytes are written, or before a packet that would exceed `room`; if `forced`, not before the first.

    Returns: the packets, the index of the next message, and where that begins.
    """
    packets: list[_Bytes] = []
    written = 0
    for size in memoryview(sizes).cast(SIZES)[first:last]:
        if written >= least:
            break
        header = _header(middle, size)
        total = len(header) + size
        if written + total > room and (written or not forced):
            break
        packets.append(header)
        packets.append(data[at : at + size])
        written += total
        at += size
        first += 1
    return b"".join(packets), first, at


@lru_cache(maxsize=8192)
def _header(middle: bytes, size: int) -> bytes:
    """All of a packet that precedes its `size` bytes of data."""
    inner = middle + b"\x1a" + _varint(size) if size else middle
    kind = b"\x1a" + _varint(len(inner) + size)
    return _varint(len(kind) + len(inner) + size) + kind + inner


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(0x80 | value & 0x7F)
        value >>= 7
    out.append(value)
    return bytes(out)


def split_messages(
    data: _Bytes, sizes: bytes, kind: type[tuple[Any, ...]], prefix: tuple[Any, ...]
) -> list[Any]:
    """Joined messages one by one. Returns: for each a tuple of this kind, the prefix and the message."""
    ends = list(accumulate(memoryview(sizes).cast(SIZES)))
    return [
        _new_tuple(kind, (*prefix, bytes(data[start:end])))
        for start, end in zip([0, *ends], ends, strict=False)
    ]
