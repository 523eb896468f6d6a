"""The permutation below SHA-3, checked by building SHA3-256 from it."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire.keccak import keccak_f1600

RATE = 136  # of SHA3-256


def sha3_256(message: bytes) -> bytes:
    padded = bytearray(message + b"\x06" + bytes(-(len(message) + 1) % RATE))
    padded[-1] |= 0x80
    state = bytearray(200)
    for start in range(0, len(padded), RATE):
        for i in range(RATE):
            state[i] ^= padded[start + i]
        keccak_f1600(state)
    return bytes(state[:32])


@settings(max_examples=20)
@given(st.binary(max_size=300))
def test_sha3_built_from_the_permutation_is_that_of_the_standard_library(message: bytes) -> None:
    """One wrong bit anywhere would show."""
    assert sha3_256(message) == hashlib.sha3_256(message).digest()
