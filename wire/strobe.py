"""STROBE-128, the part of it that Merlin transcripts need: meta-AD, AD and PRF.

::

    block, 168 bytes:  absorbed or squeezed, at most 166 | where the last operation began, 1 | padding, at least 1

STROBE is defined over a running state. Here everything absorbed, squeezed output included, is kept as one message that
the sponge below hashes from the start: transcripts are short, and so OpenSSL's sponge can do the work. The padding at the
end of a block is the sponge's own.
"""

from __future__ import annotations

from peerage.wire.keccak import SPONGE_RATE, sponge

RATE = 166  # 200 - 128 bits of security / 4 - 2

_I, _A, _C, _M = 0x01, 0x02, 0x04, 0x10  # flags: inbound, application, cipher, meta
_FIRST_BLOCK = (bytes((1, RATE + 2, 1, 0, 1, 96)) + b"STROBEv1.0.2").ljust(SPONGE_RATE, b"\0")


class Strobe128:
    """One STROBE state.

    Source: STROBE protocol framework 1.0.2, sections 5 and 6; reference 2, "Merlin in short".
    """

    def __init__(self, protocol_label: bytes) -> None:
        """A state bound to the protocol's label."""
        self._message = bytearray(_FIRST_BLOCK)
        self._unpadded = 0  # length of _message up to the padding of its last whole block
        self._pos = 0  # in the current block
        self._begin = 0  # where the current operation began, counted from 1
        self.meta_ad(protocol_label)

    def copy(self) -> Strobe128:
        """An independent copy of the state."""
        other = Strobe128.__new__(Strobe128)
        other.__dict__ = self.__dict__ | {"_message": self._message.copy()}
        return other

    def meta_ad(self, data: bytes, *, more: bool = False) -> None:
        """Absorb framing; with `more`, as a continuation of the same operation."""
        if not more:
            self._start(_M | _A)
        self._absorb(data)

    def ad(self, data: bytes) -> None:
        """Absorb associated data."""
        self._start(_A)
        self._absorb(data)

    def prf(self, length: int) -> bytes:
        """`length` bytes that depend on everything absorbed so far."""
        self.begin_prf()
        out = bytearray()
        while len(out) < length:
            squeezed = sponge(bytes(self._message[: self._unpadded]), min(RATE, length - len(out)))
            out += squeezed
            self._absorb(squeezed)  # this clears these bytes of the state, as STROBE does
        return bytes(out)

    def begin_prf(self) -> bytes:
        """Begin `prf`. Returns: what the sponge hashes for the first RATE bytes of its output."""
        self._start(_I | _A | _C)
        if self._pos:
            self._end_block()
        return bytes(self._message[: self._unpadded])

    def _start(self, flags: int) -> None:
        previous, self._begin = self._begin, self._pos + 1
        self._absorb(bytes((previous, flags)))

    def _absorb(self, data: bytes) -> None:
        """Append data, completing a block whenever RATE bytes are reached."""
        room = RATE - self._pos
        while len(data) >= room:
            self._message += data[:room]
            self._pos = RATE
            self._end_block()
            data, room = data[room:], RATE
        self._message += data
        self._pos += len(data)

    def _end_block(self) -> None:
        """Complete a block, at which point STROBE runs the permutation: append its padding."""
        self._message.append(self._begin)
        self._unpadded = len(self._message)
        self._message.append(0x04)
        self._message += bytes(-len(self._message) % SPONGE_RATE)
        self._message[-1] |= 0x80
        self._pos = self._begin = 0
