"""Merlin transcripts: what two parties said, and challenges that both can draw from it."""

from __future__ import annotations

from peerage.wire.strobe import Strobe128


class Transcript:
    """A running transcript. Equal calls in equal order give equal challenges; each becomes part of it.

    Source: Merlin v1.0; reference 2, "Merlin in short".
    """

    def __init__(self, label: bytes) -> None:
        """Args: label, the application's, so that transcripts of different protocols never agree."""
        self._strobe = Strobe128(b"Merlin v1.0")
        self.append(b"dom-sep", label)

    def append(self, label: bytes, message: bytes) -> None:
        """Add a message. The label says what it is and is fixed by the protocol, not taken from a peer."""
        self._frame(label, len(message))
        self._strobe.ad(message)

    def challenge(self, label: bytes, length: int) -> bytes:
        """Draw so many bytes."""
        self._frame(label, length)
        return self._strobe.prf(length)

    def _frame(self, label: bytes, length: int) -> None:
        self._strobe.meta_ad(label)
        self._strobe.meta_ad(length.to_bytes(4, "little"), more=True)
