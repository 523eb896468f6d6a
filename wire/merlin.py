"""Merlin transcripts: a record of what two parties said, from which both can derive the same challenges."""

from __future__ import annotations

from functools import cache

from peerage.wire.strobe import Strobe128


class Transcript:
    """A running transcript. The same calls in the same order give the same challenges; each challenge becomes part of it.

    Source: Merlin v1.0; reference 2, "Merlin in short".
    """

    def __init__(self, label: bytes) -> None:
        """Args: label, the application's: it keeps transcripts of different protocols from ever agreeing."""
        self._strobe = _beginning(label).copy()

    def append(self, label: bytes, message: bytes) -> None:
        """Add a message. The label says what the message is; the protocol fixes it, so never take it from a peer."""
        _frame(self._strobe, label, len(message))
        self._strobe.ad(message)

    def challenge(self, label: bytes, length: int) -> bytes:
        """Derive `length` bytes."""
        _frame(self._strobe, label, length)
        return self._strobe.prf(length)


@cache
def _beginning(label: bytes) -> Strobe128:
    """The state in which every transcript of an application begins."""
    strobe = Strobe128(b"Merlin v1.0")
    _frame(strobe, b"dom-sep", len(label))
    strobe.ad(label)
    return strobe


def _frame(strobe: Strobe128, label: bytes, length: int) -> None:
    strobe.meta_ad(label)
    strobe.meta_ad(length.to_bytes(4, "little"), more=True)
