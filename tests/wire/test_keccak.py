"""The permutation below SHA-3, checked by building SHA3-256 from it, and the sponge over it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire import keccak
from peerage.wire.keccak import SPONGE_RATE, keccak_f1600, sponge, sponge_in_python

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
    """A single wrong bit anywhere would show."""
    assert sha3_256(message) == hashlib.sha3_256(message).digest()


@settings(max_examples=20)
@given(
    st.binary(max_size=2 * SPONGE_RATE) | st.sampled_from([SPONGE_RATE - 1, SPONGE_RATE]).map(bytes),
    st.integers(1, SPONGE_RATE),
)
def test_the_sponge_of_openssl_is_ours(message: bytes, length: int) -> None:
    """So transcripts are the same whichever of the two is used."""
    assert sponge(message, length) == sponge_in_python(message, length)


def test_an_openssl_without_the_sponge_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL before 3.0, and other libraries with its interface, do not have it."""
    monkeypatch.setattr(keccak, "_OPENSSL_SPONGE", "KECCAK-NONESUCH")
    assert keccak._find_sponge() is sponge_in_python
