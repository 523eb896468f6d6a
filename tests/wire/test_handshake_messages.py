"""The two messages of the secret handshake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.errors import (
    EphemeralKeyLengthError,
    FieldTypeError,
    ForeignProtocolError,
    PublicKeyLengthError,
    RemoteError,
    SignatureLengthError,
    UnsupportedKeyError,
)
from peerage.wire.handshake_messages import AuthSignature, EphemeralKey
from peerage.wire.protobuf import encode_bytes_field
from tests.wire.vectors import load, octets

BAD = load("secret_connection_bad")
KEY, SIGNATURE = bytes(range(32)), bytes(range(64))
ED25519 = encode_bytes_field(1, KEY)


def auth(*keys: bytes) -> bytes:
    """A message with these PublicKey messages and a signature."""
    return b"".join(encode_bytes_field(1, key) for key in keys) + encode_bytes_field(2, SIGNATURE)


def test_messages_are_encoded_as_cometbft_does() -> None:
    """Compared with the vectors' attacker, a CometBFT with known keys; the length in front is left out."""
    ephemeral = octets(BAD["$ephemeral"])[1:]
    assert EphemeralKey(octets(BAD["attacker"]["ephemeral_public"])).encode() == ephemeral
    plain = octets(BAD["auth_plaintext"])[1:]
    proof = AuthSignature.decode(plain[:102])
    assert proof.public_key == octets(BAD["attacker"]["node_public"])
    assert proof.encode() == plain[:102]


def test_of_a_key_given_twice_the_last_one_counts() -> None:
    """A message given twice is merged, but a oneof inside it is replaced."""
    secp256k1, empty = encode_bytes_field(2, bytes(33)), b""
    assert AuthSignature.decode(auth(secp256k1, ED25519)).public_key == KEY
    assert AuthSignature.decode(auth(secp256k1 + ED25519)).public_key == KEY
    assert AuthSignature.decode(auth(ED25519, empty)).public_key == KEY
    with pytest.raises(UnsupportedKeyError, match="secp256k1"):
        AuthSignature.decode(auth(ED25519, secp256k1))
    assert EphemeralKey.decode(encode_bytes_field(1, b"") + encode_bytes_field(1, KEY)).key == KEY


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (b"", UnsupportedKeyError),
        (auth(encode_bytes_field(4, bytes(32))), UnsupportedKeyError),
        (auth(encode_bytes_field(3, KEY)), UnsupportedKeyError),
        (auth(encode_bytes_field(1, KEY[1:])), PublicKeyLengthError),
        (encode_bytes_field(1, ED25519), SignatureLengthError),
        (b"\x08\x01", FieldTypeError),
        (auth(b"\x08\x01"), FieldTypeError),
    ],
)
def test_other_keys_and_lengths_are_refused(message: bytes, error: type[RemoteError]) -> None:
    """Each with its own error."""
    with pytest.raises(error) as caught:
        AuthSignature.decode(message)
    assert str(caught.value)


def test_an_ephemeral_key_has_32_bytes() -> None:
    """CometBFT would pad or cut it."""
    for length in (0, 31, 33):
        with pytest.raises(EphemeralKeyLengthError, match=f"of {length} bytes"):
            EphemeralKey.decode(encode_bytes_field(1, bytes(length)))


@given(st.binary(max_size=150), st.sampled_from([EphemeralKey, AuthSignature]))
def test_any_bytes_are_a_message_or_a_remote_error(
    data: bytes, kind: type[EphemeralKey | AuthSignature]
) -> None:
    """No bytes from the network cause anything else."""
    try:
        message = kind.decode(data)
    except RemoteError:
        return
    assert kind.decode(message.encode()) == message


@given(st.binary(min_size=32, max_size=32))
def test_a_bare_key_is_gno_lands(key: bytes) -> None:
    """gno.land puts the key where we have a message that contains the key, and such a message is never that short."""
    with pytest.raises(ForeignProtocolError, match=r"gno\.land"):
        AuthSignature.decode(auth(key))
