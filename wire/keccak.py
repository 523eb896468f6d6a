"""Keccak-f[1600], and the sponge that NIST built on it for cSHAKE128 and KMAC128. Only STROBE uses them.

OpenSSL has contained that sponge since 3.0, as the basis of its KMAC. Where it is missing we use our own, which takes a
hundred times as long (0.6 ms of a handshake's 1.3).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable

STATE_BYTES = 200
SPONGE_RATE = (
    168  # bytes of the state that take input and give output: 200 - 2 * 128 / 8 for 128 bits of security
)
_OPENSSL_SPONGE = "KECCAK-KMAC-128"
_LANES = struct.Struct("<25Q")
_MASK = 2**64 - 1


def _round_constants() -> tuple[int, ...]:
    """The constants of step iota, from the shift register by which FIPS 202 defines them (algorithm 5)."""
    constants = []
    register = 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << (2**j - 1)
            register = register << 1 ^ (register >> 7) * 0x171
        constants.append(constant)
    return tuple(constants)


def _walk() -> tuple[tuple[int, int, int], ...]:
    """Steps rho and pi combined: (from lane, to lane, rotation), with lanes numbered 5 * y + x."""
    moves = [(0, 0, 0)]
    x, y = 1, 0
    for t in range(24):
        moves.append((5 * y + x, 5 * ((2 * x + 3 * y) % 5) + y, (t + 1) * (t + 2) // 2 % 64))
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(moves)


_ROUND_CONSTANTS = _round_constants()
_WALK = _walk()


def keccak_f1600(state: bytearray) -> None:
    """Permute 200 bytes in place.

    Source: FIPS 202, section 3.
    """
    a = list(_LANES.unpack(state))
    b = a.copy()
    mask = _MASK
    for constant in _ROUND_CONSTANTS:
        # theta: mix into each lane the parities of two neighbouring columns
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ (c[x - 4] << 1 | c[x - 4] >> 63) & mask for x in range(5)]
        # rho and pi: rotate and move
        for source, target, rotation in _WALK:
            lane = a[source] ^ d[source % 5]
            b[target] = (lane << rotation | lane >> 64 - rotation) & mask
        # chi: the only step that is not linear
        for y in range(0, 25, 5):
            b0, b1, b2, b3, b4 = b[y : y + 5]
            a[y : y + 5] = (b0 ^ ~b1 & b2, b1 ^ ~b2 & b3, b2 ^ ~b3 & b4, b3 ^ ~b4 & b0, b4 ^ ~b0 & b1)
        a[0] ^= constant
    _LANES.pack_into(state, 0, *a)


def sponge_in_python(message: bytes, length: int) -> bytes:
    """The result of `sponge`, computed with the permutation above. Args: as for `sponge`."""
    padded = bytearray(message + b"\x04" + bytes(-(len(message) + 1) % SPONGE_RATE))
    padded[-1] |= 0x80
    state = bytearray(STATE_BYTES)
    for start in range(0, len(padded), SPONGE_RATE):
        block = int.from_bytes(padded[start : start + SPONGE_RATE], "little")
        mixed = int.from_bytes(state[:SPONGE_RATE], "little") ^ block
        state[:SPONGE_RATE] = mixed.to_bytes(SPONGE_RATE, "little")
        keccak_f1600(state)
    return bytes(state[:length])


def _sponge_of_openssl(message: bytes, length: int) -> bytes:
    digest: bytes = hashlib.new(_OPENSSL_SPONGE, message).digest(length)  # type: ignore[call-arg]  # of varying length
    return digest


def _find_sponge() -> Callable[[bytes, int], bytes]:
    try:
        _sponge_of_openssl(b"", 1)
    except (ValueError, TypeError):  # unknown to this OpenSSL, or known with a fixed length only
        return sponge_in_python
    return _sponge_of_openssl


sponge: Callable[[bytes, int], bytes] = _find_sponge()
"""The first bytes, at most 168, of the sponge's output for a message; padding begins with the bits 00, as in cSHAKE.

Source: NIST SP 800-185, section 3 (there with an encoded prefix, here without any).
"""
