"""Session keys: derived from two ephemeral keys, a challenge to sign and a key for each direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import RuntimeError as SodiumError

from peerage.wire.errors import (
    EphemeralKeyLengthError,
    EphemeralSecretError,
    LowOrderKeyError,
    ReflectedKeyError,
)
from peerage.wire.merlin import FixedTranscript

EPHEMERAL_BYTES = 32
_HASH_BYTES = 32

# HMAC hashes its key with each byte changed by these, filled up to a block of 64 bytes (RFC 2104).
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_INNER_REST, _OUTER_REST = b"\x36" * 32, b"\x5c" * 32

_KEYS_INFO = b"TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN"
_TRANSCRIPT = b"TENDERMINT_SECRET_CONNECTION_TRANSCRIPT_HASH"


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The secrets of one connection, from the point of view of one side."""

    receive_key: bytes = field(repr=False)
    send_key: bytes = field(repr=False)
    challenge: bytes = field(repr=False)


def ephemeral_public(secret: bytes) -> bytes:
    """The public key, 32 bytes, of an ephemeral secret.

    Raises: EphemeralSecretError unless the secret has 32 bytes.
    """
    if len(secret) != EPHEMERAL_BYTES:
        raise EphemeralSecretError(len(secret))
    return crypto_scalarmult_base(secret)


def agree(secret: bytes, remote: bytes, local: bytes | None = None) -> SessionKeys:
    """Derive all secrets from our ephemeral secret and the remote's ephemeral public key as it was sent.

    Args: local, the public key of our secret if the caller has it: computing it takes half as long as all the rest.
    Raises: EphemeralKeyLengthError, LowOrderKeyError, ReflectedKeyError: do not seal anything for that peer.
    Source: reference 2, steps 1 to 4.
    """
    local = local or ephemeral_public(secret)
    if len(remote) != EPHEMERAL_BYTES:
        raise EphemeralKeyLengthError(len(remote))
    if remote == local:
        raise ReflectedKeyError
    try:
        dh = crypto_scalarmult(secret, remote)  # libsodium takes half of OpenSSL's time
    except SodiumError:  # the result is all zeros
        raise LowOrderKeyError from None
    receive_key, send_key = derive_keys(dh, local_is_lower=local < remote)
    return SessionKeys(receive_key, send_key, challenge(min(local, remote), max(local, remote), dh))


def derive_keys(dh: bytes, *, local_is_lower: bool) -> tuple[bytes, bytes]:
    """The key to receive with and the key to send with.

    Source: reference 2, step 4.
    """
    # Reference 2 has 96 bytes, of which nothing uses the last 32 since transcripts were introduced.
    keys = _hkdf_sha256(dh, _KEYS_INFO, 2 * _HASH_BYTES)
    k1, k2 = keys[:32], keys[32:]
    return (k1, k2) if local_is_lower else (k2, k1)


def challenge(lower: bytes, upper: bytes, dh: bytes) -> bytes:
    """The 32 bytes that both sides sign to prove who they are.

    Source: reference 2, step 3.
    """
    return transcript().challenge(lower, upper, dh)


@cache
def transcript() -> FixedTranscript:
    """All that is signed but for the three messages."""
    messages = (
        (b"EPHEMERAL_LOWER_PUBLIC_KEY", EPHEMERAL_BYTES),
        (b"EPHEMERAL_UPPER_PUBLIC_KEY", EPHEMERAL_BYTES),
        (b"DH_SECRET", EPHEMERAL_BYTES),
    )
    return FixedTranscript(_TRANSCRIPT, messages, b"SECRET_CONNECTION_MAC", 32)


def _hkdf_sha256(secret: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt.

    Written out, because `cryptography` has a whole OpenSSL behind its HKDF: 7 MiB of a node that needs nothing else of it.
    """
    key = _hmac_sha256(bytes(_HASH_BYTES), secret)
    derived = block = b""
    for number in range(1, -(-size // _HASH_BYTES) + 1):
        block = _hmac_sha256(key, block + info + bytes([number]))
        derived += block
    return derived[:size]


def _hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104 with a key of 32 bytes. Python's own takes twice as long, which is mostly OpenSSL's way to it."""
    inner = sha256(key.translate(_INNER) + _INNER_REST + message).digest()
    return sha256(key.translate(_OUTER) + _OUTER_REST + inner).digest()
