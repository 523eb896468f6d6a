"""Sealed frames: the form in which all bytes travel once both sides have their keys. This is the hottest path of all.

::

    plain, 1028:   length n, 4 (little-endian) | data, n | padding, 1024 - n (zeros, from others anything)
    sealed, 1044:  the same 1028, encrypted by ChaCha20-Poly1305 | tag, 16
    nonce, 12:     zeros, 4 | counter, 8 (little-endian), +1 per frame, one counter per direction

Frames carry a byte stream: where a frame ends says nothing about where a message ends. All frames have the same size,
so their lengths need not be sent in the clear and tell an observer nothing about the messages inside.

We never send a frame without data, because CometBFT would take it for a byte that it has read before. When one
arrives, it is skipped.

Nonces are not sent, both sides count them. That is why frames must be opened in order, and why a lost, repeated or
reordered frame fails to authenticate and ends the connection.

The choice of the library that encrypts was measured: docs/decisions/0002-aead-binding.md, 0006-accelerator.md.
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

MAX_FRAMES = 2**64 - 1  # CometBFT ends the session rather than use the counter 2^64-1, and so do we


def sealed_size(length: int) -> int:
    """How many bytes this many data bytes become once sealed: 0 for 0."""
    return -(-length // FRAME_DATA) * FRAME_SEALED


class Sealer:
    """Encrypts the direction in which we send."""

    __slots__ = ("_cipher", "_frames")

    def __init__(self, key: bytes | accelerator.FrameCipher, *, frames: int = 0) -> None:
        """Args: key, 32 bytes, or a cipher that has it; frames, how many were sealed with this key before."""
        self._cipher = accelerator.FrameCipher(key, opens=False) if isinstance(key, bytes) else key
        self._frames = frames

    @property
    def frames(self) -> int:
        """How many frames have been sealed."""
        return self._frames

    def seal(self, data: bytes | bytearray | memoryview) -> bytes:
        """Encrypt data as whole frames, all of them full but the last; b"" for no data.

        Raises: SealExhaustedError when too few nonces are left; nothing is sealed then.
        """
        if type(data) is memoryview and data.itemsize != 1:
            data = data.cast("B")  # so that len() counts bytes: the nonces are counted by it
        counter = self._frames
        end = counter - (-len(data) // FRAME_DATA)
        if end > MAX_FRAMES:
            raise SealExhaustedError
        # The nonces count as used from here on, even if sealing fails. A gap in the counters merely ends the session; a
        # nonce that is used twice would give away its secrets.
        self._frames = end
        return self._cipher.seal(counter, data)

    def seal_into(self, data: bytes | bytearray | memoryview, out: bytearray) -> None:
        """Like `seal`, but append the frames to the caller's buffer."""
        out += self.seal(data)


class Opener:
    """Decrypts the direction in which we receive."""

    __slots__ = ("_cipher", "_frames")

    def __init__(self, key: bytes | accelerator.FrameCipher, *, frames: int = 0) -> None:
        """Args: key, 32 bytes, or a cipher that has it; frames, how many were opened with this key before."""
        self._cipher = accelerator.FrameCipher(key, opens=True) if isinstance(key, bytes) else key
        self._frames = frames

    @property
    def frames(self) -> int:
        """How many frames have been opened."""
        return self._frames

    def open(self, sealed: bytes | bytearray | memoryview) -> bytes:
        """The joined data of any number of whole frames.

        Raises: as `open_into`, which also gives the caller the data of the good frames before a bad one.
        """
        opened: list[bytes] = []
        self.open_into(sealed, opened)
        return b"".join(opened)

    def open_into(
        self,
        sealed: bytes | bytearray | memoryview,
        opened: list[bytes],
        begun: bytes | bytearray = b"",
        before: bytes = b"",
    ) -> None:
        """Append the data of any number of whole frames to the caller's list.

        Args: sealed and begun, the beginning of the first frame, together a multiple of 1044 bytes; opened, the list: after
            an error it holds the data of the frames before the bad one. Frames without data add nothing to it; before,
            goes in front of the data.
        Raises: FrameTagError (forged, replayed or out of order), FrameLengthError (over 1024),
            OpenExhaustedError: the connection is over.
        Source: reference 2, Frame.
        """
        counter = self._frames
        size = len(begun) + len(sealed)
        frames = -(-size // FRAME_SEALED)
        if counter + size // FRAME_SEALED > MAX_FRAMES:
            raise OpenExhaustedError
        data, good, length = self._cipher.open(counter, sealed, begun, before)
        self._frames = counter + good
        if data:
            opened.append(data)
        if length:
            raise FrameLengthError(counter + good - 1, length)
        if good < frames:
            raise FrameTagError(counter + good)
