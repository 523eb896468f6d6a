"""The two messages of the secret handshake: the ephemeral key and the signature. Their length prefix is not included.

::

    EphemeralKey    google.protobuf.BytesValue {1: key, 32 bytes}
    AuthSignature   tendermint.p2p.AuthSigMessage {1: PublicKey, 2: signature, 64 bytes}
    PublicKey       tendermint.crypto.PublicKey {oneof 1: ed25519, 2: secp256k1, 4: mldsa65}
"""

from __future__ import annotations

from dataclasses import dataclass

from peerage.wire.errors import (
    EphemeralKeyLengthError,
    ForeignProtocolError,
    PublicKeyLengthError,
    SignatureLengthError,
    UnsupportedKeyError,
)
from peerage.wire.foreign_protocol import ForeignProtocol
from peerage.wire.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES
from peerage.wire.protobuf import BYTES, encode_bytes_field, expect, fields
from peerage.wire.session_keys import EPHEMERAL_BYTES

_ED25519, _SECP256K1, _MLDSA65 = 1, 2, 4
_KEY_IN_FRONT = bytes((1 << 3 | BYTES, EPHEMERAL_BYTES))
_KEY_FIELD = bytes((_ED25519 << 3 | BYTES, PUBLIC_KEY_BYTES))
_PROOF_KEY = bytes((1 << 3 | BYTES, len(_KEY_FIELD) + PUBLIC_KEY_BYTES)) + _KEY_FIELD
_PROOF_SIGNATURE = bytes((2 << 3 | BYTES, SIGNATURE_BYTES))
_PROOF_MIDDLE = len(_PROOF_KEY) + PUBLIC_KEY_BYTES
_PROOF_BYTES = _PROOF_MIDDLE + len(_PROOF_SIGNATURE) + SIGNATURE_BYTES
_KINDS = {_ED25519: "ed25519", _SECP256K1: "secp256k1", _MLDSA65: "mldsa65"}


@dataclass(frozen=True, slots=True)
class EphemeralKey:
    """The first message, unencrypted: the sender's ephemeral public key for this connection."""

    key: bytes

    def __post_init__(self) -> None:
        """Raises: EphemeralKeyLengthError. CometBFT would pad or cut the key."""
        if len(self.key) != EPHEMERAL_BYTES:
            raise EphemeralKeyLengthError(len(self.key))

    def encode(self) -> bytes:
        """The bytes of the message, 34 in all."""
        return encode_bytes_field(1, self.key)

    @classmethod
    def decode(cls, message: bytes) -> EphemeralKey:
        """Raises: MalformedMessageError, EphemeralKeyLengthError (also when there is no key)."""
        if len(message) == len(_KEY_IN_FRONT) + EPHEMERAL_BYTES and message.startswith(_KEY_IN_FRONT):
            return cls(message[len(_KEY_IN_FRONT) :])  # as everybody writes it
        key = b""
        for number, wire_type, value in fields(message):
            if number == 1:
                expect("EphemeralKey", number, wire_type, BYTES)
                assert isinstance(value, bytes)
                key = value  # if given twice, the last one counts
        return cls(key)


@dataclass(frozen=True, slots=True)
class AuthSignature:
    """The second message, encrypted: the sender's node key and its signature over the challenge."""

    public_key: bytes
    signature: bytes

    def __post_init__(self) -> None:
        """Raises: PublicKeyLengthError, SignatureLengthError."""
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            raise PublicKeyLengthError(len(self.public_key))
        if len(self.signature) != SIGNATURE_BYTES:
            raise SignatureLengthError(len(self.signature))

    def encode(self) -> bytes:
        """The bytes of the message, 102 in all."""
        return b"".join((_PROOF_KEY, self.public_key, _PROOF_SIGNATURE, self.signature))

    @classmethod
    def decode(cls, message: bytes) -> AuthSignature:
        """Raises: MalformedMessageError, UnsupportedKeyError, PublicKeyLengthError, SignatureLengthError;
        ForeignProtocolError when field 1 is a bare key, as gno.land's nodes send it.
        """
        if (
            len(message) == _PROOF_BYTES
            and message.startswith(_PROOF_KEY)
            and message.startswith(_PROOF_SIGNATURE, _PROOF_MIDDLE)
        ):  # as everybody writes it
            key = message[len(_PROOF_KEY) : _PROOF_MIDDLE]
            return cls(key, message[_PROOF_MIDDLE + len(_PROOF_SIGNATURE) :])
        kind, public_key, signature = 0, b"", b""
        for number, wire_type, value in fields(message):
            if number in {1, 2}:
                expect("AuthSignature", number, wire_type, BYTES)
                assert isinstance(value, bytes)
                if number == 2:
                    signature = value
                elif len(value) == PUBLIC_KEY_BYTES:  # too short for a message that contains a key
                    raise ForeignProtocolError(ForeignProtocol.GNO)
                else:
                    kind, public_key = _decode_key(value, kind, public_key)
        if kind != _ED25519:
            raise UnsupportedKeyError(_KINDS.get(kind, "none that is known"))
        return cls(public_key, signature)


def _decode_key(message: bytes, kind: int, public_key: bytes) -> tuple[int, bytes]:
    """Merge a PublicKey message into what was read before: of a oneof, the last member counts."""
    for number, wire_type, value in fields(message):
        if number in _KINDS:
            expect("PublicKey", number, wire_type, BYTES)
            assert isinstance(value, bytes)
            kind, public_key = number, value
    return kind, public_key
