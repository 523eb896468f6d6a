"""Key agreement against CometBFT's golden rows and recorded handshakes."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.wire.errors import (
    EphemeralKeyLengthError,
    EphemeralSecretError,
    LowOrderKeyError,
    ReflectedKeyError,
)
from peerage.wire.session_keys import SessionKeys, agree, derive_keys, ephemeral_public
from tests.wire.vectors import load, octets

VECTORS = load("secret_connection")
SECRET = bytes(range(32))


@pytest.mark.parametrize("row", VECTORS["derive_secrets"], ids=lambda row: row["dh_secret"][:8])
def test_keys_agree_with_the_golden_rows(row: dict[str, Any]) -> None:
    """Whose ephemeral key is lower decides which half is for receiving."""
    keys = derive_keys(octets(row["dh_secret"]), local_is_lower=row["local_is_lower"])
    assert keys == (octets(row["receive_key"]), octets(row["send_key"]))


@pytest.mark.parametrize("shake", VECTORS["handshakes"], ids=lambda shake: shake["name"])
def test_both_ends_of_a_recorded_handshake_derive_the_same(shake: dict[str, Any]) -> None:
    """They have the same challenge, and each side's send key is the other's receive key."""
    a, b = shake["a"], shake["b"]
    k1, k2 = octets(shake["k1"]), octets(shake["k2"])
    low, high = (
        SessionKeys(k1, k2, octets(shake["challenge"])),
        SessionKeys(k2, k1, octets(shake["challenge"])),
    )
    of_a = agree(octets(a["ephemeral_private"]), octets(b["ephemeral_public"]))
    of_b = agree(octets(b["ephemeral_private"]), octets(a["ephemeral_public"]))
    assert (of_a, of_b) == ((low, high) if shake["lower"] == "a" else (high, low))
    assert ephemeral_public(octets(a["ephemeral_private"])) == octets(a["ephemeral_public"])


def test_secrets_stay_out_of_repr() -> None:
    """Logging them by accident must not open the connection."""
    assert repr(SessionKeys(b"a" * 32, b"b" * 32, b"c" * 32)) == "SessionKeys()"


def test_a_key_of_another_length_our_own_or_of_low_order_is_refused() -> None:
    """Each with its own error."""
    with pytest.raises(EphemeralKeyLengthError, match="31 bytes"):
        agree(SECRET, bytes(31))
    with pytest.raises(ReflectedKeyError, match="came back"):
        agree(SECRET, ephemeral_public(SECRET))
    with pytest.raises(LowOrderKeyError, match="low order"):
        agree(SECRET, bytes(32))


def test_a_secret_of_another_length_is_our_own_mistake() -> None:
    """A broken random source must not go unnoticed."""
    with pytest.raises(EphemeralSecretError, match="must have 32"):
        ephemeral_public(b"short")


@pytest.mark.parametrize("top_bit", [0x00, 0x80])
@pytest.mark.parametrize(
    "point",
    [
        "00" * 32,
        "01" + "00" * 31,
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ],
)
def test_every_point_of_low_order_is_refused(point: str, top_bit: int) -> None:
    """All such points of Curve25519, in each of their encodings."""
    remote = bytearray.fromhex(point)
    remote[-1] |= top_bit
    with pytest.raises(LowOrderKeyError):
        agree(SECRET, bytes(remote))


def test_keys_are_derived_as_another_library_does() -> None:
    """RFC 5869, whatever the secret."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = b"TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN"
    for first in (0, 1, 255):
        secret = bytes([first]) * 32
        theirs = HKDF(SHA256(), 96, salt=None, info=info).derive(secret)
        assert derive_keys(secret, local_is_lower=True) == (theirs[:32], theirs[32:64])
