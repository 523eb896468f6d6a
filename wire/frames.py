"""Sealed frames: how bytes travel once both sides have their keys. The hot path of the house.

::

    plain, 1028:   length n, 4 (little-endian) | data, n | padding, 1024 - n (zeros, from others anything)
    sealed, 1044:  the same 1028, encrypted by ChaCha20-Poly1305 | tag, 16
    nonce, 12:     zeros, 4 | counter, 8 (little-endian), +1 per frame, one counter per direction

Frames are a byte stream: where one ends says nothing about messages. A frame without data is never sent,
because CometBFT would take it for a byte it has read before; one that arrives is skipped.

Which library seals was measured: docs/decisions/0002-aead-binding.md, 0006-accelerator.md.
"""

from __future__ import annotations

from peerage.wire import accelerator
from peerage.wire.errors import FrameLengthError, FrameTagError, OpenExhaustedError, SealExhaustedError
from peerage.wire.loops import FRAME_DATA, FRAME_PLAIN, FRAME_SEALED

__all__ = [
    "FRAME_DATA",
    "FRAME_PLAIN",
    "FRAME_SEALED",
    "MAX_FRAMES",
    "Opener",
    "Sealer",
    "sealed_size",
]

MAX_FRAMES = 2**64 - 1  # CometBFT ends the session rather than use the counter 2^64-1


def sealed_size(length: int) -> int:
    """How many bytes so many data bytes become: 0 for 0."""
    return -(-length // FRAME_DATA) * FRAME_SEALED


class Sealer:
    """Seals one direction of a connection."""

    def __init__(self, key: bytes, *, frames: int = 0) -> None:
        """Args: key, 32 bytes; frames, how many were sealed with it before."""
        self._cipher = accelerator.FrameCipher(key, opens=False)
        self._frames = frames

    @property
    def frames(self) -> int:
        """How many frames have been sealed."""
        return self._frames

    def seal(self, data: bytes | bytearray | memoryview) -> bytes:
        """Data as whole frames, all but the last one full; b"" for no data.

        Raises: SealExhaustedError when there are not enough nonces left; nothing is sealed then.
        """
        if type(data) is memoryview and data.itemsize != 1:
            data = data.cast("B")  # whose len() is its bytes: the nonces are counted by it
        counter = self._frames
        end = counter - (-len(data) // FRAME_DATA)
        if end > MAX_FRAMES:
            raise SealExhaustedError
        # From here on the nonces count as used, whatever happens: a gap ends the session, no more, but a
        # repetition ends its secrecy.
        self._frames = end
        return self._cipher.seal(counter, data)

    def seal_into(self, data: bytes | bytearray | memoryview, out: bytearray) -> None:
        """As `seal`, but the frames are appended to the caller's buffer."""
        out += self.seal(data)


class Opener:
    """Opens one direction of a connection."""

    def __init__(self, key: bytes, *, frames: int = 0) -> None:
        """Args: key, 32 bytes; frames, how many were opened with it before."""
        self._cipher = accelerator.FrameCipher(key, opens=True)
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
        frames = -(-len(sealed) // FRAME_SEALED)
        if counter + len(sealed) // FRAME_SEALED > MAX_FRAMES:
            raise OpenExhaustedError
        data, good, length = self._cipher.open(counter, sealed)
        self._frames = counter + good
        if data:
            opened.append(data)
        if length:
            raise FrameLengthError(counter + good - 1, length)
        if good < frames:
            raise FrameTagError(counter + good)
