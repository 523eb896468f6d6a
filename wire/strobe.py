"""STROBE-128, as much of it as Merlin transcripts need: meta-AD, AD and PRF.

::

    state, 200 bytes:  rate, 166 (absorbed into and squeezed from) | padding, 2 | capacity, 32

A sponge over Keccak-f[1600].
"""

from __future__ import annotations

from peerage.wire.keccak import STATE_BYTES, keccak_f1600

RATE = 166  # 200 - 128 bits of security / 4 - 2

_I, _A, _C, _M = 0x01, 0x02, 0x04, 0x10  # flags: inbound, application, cipher, meta


class Strobe128:
    """One STROBE state.

    Source: STROBE protocol framework 1.0.2, sections 5 and 6; reference 2, "Merlin in short".
    """

    def __init__(self, protocol_label: bytes) -> None:
        """A state that is bound to the protocol's label."""
        self._state = bytearray(STATE_BYTES)
        self._state[:18] = bytes((1, RATE + 2, 1, 0, 1, 96)) + b"STROBEv1.0.2"
        keccak_f1600(self._state)
        self._pos = 0
        self._begin = 0  # where the current operation began, counted from 1
        self.meta_ad(protocol_label)

    def meta_ad(self, data: bytes, *, more: bool = False) -> None:
        """Absorb framing. With more, as a continuation of the same operation."""
        if not more:
            self._start(_M | _A)
        self._absorb(data)

    def ad(self, data: bytes) -> None:
        """Absorb associated data."""
        self._start(_A)
        self._absorb(data)

    def prf(self, length: int) -> bytes:
        """That many bytes that depend on everything absorbed so far."""
        self._start(_I | _A | _C)
        out = bytearray()
        while len(out) < length:
            end = min(RATE, self._pos + length - len(out))
            out += self._state[self._pos : end]
            self._state[self._pos : end] = bytes(end - self._pos)
            self._advance_to(end)
        return bytes(out)

    def _start(self, flags: int) -> None:
        previous, self._begin = self._begin, self._pos + 1
        self._absorb(bytes((previous, flags)))
        if flags & _C and self._pos:
            self._permute()

    def _absorb(self, data: bytes) -> None:
        taken = 0
        while taken < len(data):
            chunk = data[taken : taken + RATE - self._pos]
            taken += len(chunk)
            end = self._pos + len(chunk)
            mixed = int.from_bytes(self._state[self._pos : end], "little") ^ int.from_bytes(chunk, "little")
            self._state[self._pos : end] = mixed.to_bytes(len(chunk), "little")
            self._advance_to(end)

    def _advance_to(self, pos: int) -> None:
        self._pos = pos
        if pos == RATE:
            self._permute()

    def _permute(self) -> None:
        self._state[self._pos] ^= self._begin
        self._state[self._pos + 1] ^= 0x04
        self._state[RATE + 1] ^= 0x80
        keccak_f1600(self._state)
        self._pos = self._begin = 0
