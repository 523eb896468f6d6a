"""Sealed frames: how bytes travel once both sides have their keys. The hot path of the house.

::

    plain, 1028:   length n, 4 (little-endian) | data, n | padding, 1024 - n (zeros, from others anything)
    sealed, 1044:  the same 1028, encrypted by ChaCha20-Poly1305 | tag, 16
    nonce, 12:     zeros, 4 | counter, 8 (little-endian), +1 per frame, one counter per direction

Frames are a byte stream: where one ends says nothing about messages. A frame without data is never sent,
because CometBFT would take it for a byte it has read before; one that arrives is skipped.

Which library seals was measured: docs/decisions/0002-aead-binding.md.
"""

from __future__ import annotations

from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peerage.wire.errors import FrameLengthError, FrameTagError, OpenExhaustedError, SealExhaustedError

FRAME_DATA = 1024
FRAME_PLAIN = 4 + FRAME_DATA
FRAME_SEALED = FRAME_PLAIN + 16
MAX_FRAMES = 2**64 - 1  # CometBFT ends the session rather than use the counter 2^64-1

_FULL = FRAME_DATA.to_bytes(4, "little")
_nonce = Struct("<4xQ").pack
_length = Struct("<I")


def sealed_size(length: int) -> int:
    """How many bytes so many data bytes become: 0 for 0."""
    return -(-length // FRAME_DATA) * FRAME_SEALED


class Sealer:
    """Seals one direction of a connection."""

    def __init__(self, key: bytes, *, frames: int = 0) -> None:
        """Args: key, 32 bytes; frames, how many were sealed with it before."""
        self._encrypt = ChaCha20Poly1305(key).encrypt
        self._frames = frames

    @property
    def frames(self) -> int:
        """How many frames have been sealed."""
        return self._frames

    def seal(self, data: bytes | bytearray | memoryview) -> bytes:
        """Data as whole frames, all but the last one full; b"" for no data.

        Raises: SealExhaustedError when there are not enough nonces left; nothing is sealed then.
        """
        return b"".join(self._seal_each(data))

    def seal_into(self, data: bytes | bytearray | memoryview, out: bytearray) -> None:
        """As `seal`, but the frames are appended to the caller's buffer."""
        out += b"".join(self._seal_each(data))

    def _seal_each(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        size = len(data)
        counter = self._frames
        end = counter - (-size // FRAME_DATA)
        if end > MAX_FRAMES:
            raise SealExhaustedError
        # From here on the nonces count as used, whatever happens: a gap ends the session, no more, but a
        # repetition ends its secrecy.
        self._frames = end
        # A list joined at the end: a bytearray is moved as it grows (figures in decision 0002).
        sealed: list[bytes] = []
        encrypt, nonce, full, keep = self._encrypt, _nonce, _FULL, sealed.append
        whole = size - size % FRAME_DATA
        for start in range(0, whole, FRAME_DATA):
            keep(encrypt(nonce(counter), full + data[start : start + FRAME_DATA], None))
            counter += 1
        if whole < size:
            last = _length.pack(size - whole) + data[whole:]
            keep(encrypt(nonce(counter), last.ljust(FRAME_PLAIN, b"\0"), None))
        return sealed


class Opener:
    """Opens one direction of a connection."""

    def __init__(self, key: bytes, *, frames: int = 0) -> None:
        """Args: key, 32 bytes; frames, how many were opened with it before."""
        self._decrypt = ChaCha20Poly1305(key).decrypt
        self._frames = frames

    @property
    def frames(self) -> int:
        """How many frames have been opened."""
        return self._frames

    def open(self, sealed: bytes | bytearray | memoryview) -> bytes:
        """The data of any number of whole frames, joined.

        Raises: as `open_into`, which also lets the caller have the data of the good frames before a bad one.
        """
        opened: list[bytes] = []
        self.open_into(sealed, opened)
        return b"".join(opened)

    def open_into(self, sealed: bytes | bytearray | memoryview, opened: list[bytes]) -> None:
        """Append the data of any number of whole frames to the caller's list.

        Args: sealed, a multiple of 1044 bytes; opened, which after an error holds what came before the bad
            frame. Frames without data leave nothing in it.
        Raises: FrameTagError (forged, replayed or out of order), FrameLengthError (over 1024),
            OpenExhaustedError: the connection is over.
        Source: reference 2, Frame.
        """
        counter = self._frames
        if counter + len(sealed) // FRAME_SEALED > MAX_FRAMES:
            raise OpenExhaustedError
        decrypt, nonce, full, keep = self._decrypt, _nonce, _FULL, opened.append
        try:
            for start in range(0, len(sealed), FRAME_SEALED):
                plain = decrypt(nonce(counter), sealed[start : start + FRAME_SEALED], None)
                counter += 1
                if plain[:4] == full:
                    keep(plain[4:])
                    continue
                (length,) = _length.unpack_from(plain)
                if length > FRAME_DATA:
                    raise FrameLengthError(counter - 1, length)
                if length:
                    keep(plain[4 : 4 + length])
        except InvalidTag:
            raise FrameTagError(counter) from None
        finally:
            self._frames = counter
