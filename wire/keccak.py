"""The permutation Keccak-f[1600], which no library at hand offers by itself. Its only user is STROBE."""

from __future__ import annotations

import struct

STATE_BYTES = 200
_LANES = struct.Struct("<25Q")
_MASK = 2**64 - 1


def _round_constants() -> tuple[int, ...]:
    """The constants of step iota, from the shift register that FIPS 202 defines them by (algorithm 5)."""
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
    """Steps rho and pi as one: (from lane, to lane, rotation), lanes counted as 5 * y + x."""
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
        # theta: each lane with the parity of two columns beside it
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
