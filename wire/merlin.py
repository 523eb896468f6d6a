"""Merlin transcripts: a record of what two parties said, from which both can derive the same challenges."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from peerage.wire.keccak import sponge
from peerage.wire.strobe import RATE, Strobe128


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


class FixedTranscript:
    """Transcripts of messages whose lengths never change, and that end with one challenge.

    All but the messages is the same each time, so it is worked out once: that leaves a tenth of the work.
    """

    def __init__(
        self, label: bytes, messages: Sequence[tuple[bytes, int]], challenge: bytes, length: int
    ) -> None:
        """Args: messages, label and length of each; challenge, its label; length, its bytes, at most RATE."""
        assert length <= RATE
        self._length = length
        sizes = [size for _label, size in messages]

        def filled(byte: int) -> bytes:
            strobe = _beginning(label).copy()
            for name, size in messages:
                _frame(strobe, name, size)
                strobe.ad(bytes((byte,)) * size)
            _frame(strobe, challenge, length)
            return strobe.begin_prf()

        self._form = filled(0)
        # Blocks end in the middle of messages: where these lie shows by a second form with others in their place.
        places = [at for at, byte in enumerate(filled(0xFF)) if byte != self._form[at]]
        assert len(places) == sum(sizes)
        starts = [n for n, at in enumerate(places) if n == 0 or places[n - 1] != at - 1]
        ends = [*starts[1:], len(places)]
        self._runs = [(places[n], places[end - 1] + 1, n, end) for n, end in zip(starts, ends, strict=True)]
        self._places = places

    @property
    def form(self) -> tuple[bytes, list[int]]:
        """What the sponge hashes but for the messages, and where each of their bytes goes: for the compiled form."""
        return self._form, self._places

    def challenge(self, *messages: bytes) -> bytes:
        """Derive the challenge of these messages, which have the lengths and the order that were given."""
        form, joined = bytearray(self._form), b"".join(messages)
        for start, end, first, last in self._runs:
            form[start:end] = joined[first:last]
        return sponge(bytes(form), self._length)


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
