"""Node keys: a node's ed25519 key pair, the text of the file that stores it, and the ID derived from it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NewType

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

from peerage.wire.errors import NodeKeyFormatError, NodeKeyLengthError, NodeKeyMismatchError, NodeKeyTypeError

NodeID = NewType("NodeID", str)
"""40 lower-case hexadecimal characters, as `normal_id` returns them; IDs are compared as text."""

ID_BYTES = 20
SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEY_TYPE = "tendermint/PrivKeyEd25519"

_NODE_ID = re.compile(r"[0-9a-fA-F]{40}")


def node_id_of(public_key: bytes) -> NodeID:
    """The ID of the node with this public key: the first 20 bytes of the key's SHA-256, in hexadecimal.

    Source: reference 1, node ID.
    """
    return NodeID(hashlib.sha256(public_key).hexdigest()[: 2 * ID_BYTES])


def is_node_id(text: str) -> bool:
    """Whether the text has the form of an ID, in upper or lower case."""
    return _NODE_ID.fullmatch(text) is not None


def normal_id(text: str) -> NodeID:
    """The ID in lower case, the one form that we compare. A text that is not an ID is returned unchanged.

    Some tools print IDs in capitals. CometBFT keeps them as it reads them, and then such an ID equals nobody's.
    """
    # Most IDs are in lower case already and need not be copied.
    return NodeID(text if text.islower() or not is_node_id(text) else text.lower())


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this key made the signature over the message.

    Keys and points of small order, with which one signature fits any message, are refused. CometBFT accepts them. We
    use libsodium because it checks for them and OpenSSL does not.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except CryptoError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class NodeKey:
    """A node's key pair. The seed is the node's only secret, so `repr` leaves it out."""

    seed: bytes = field(repr=False)
    public_key: bytes = field(init=False, compare=False)
    node_id: NodeID = field(init=False, compare=False, repr=False)
    pair: bytes = field(init=False, compare=False, repr=False)
    """Seed and public key, joined: libsodium's form of the secret key."""

    def __post_init__(self) -> None:
        """Derive the public key.

        Raises: NodeKeyLengthError unless the seed has 32 bytes.
        """
        if len(self.seed) != SEED_BYTES:
            raise NodeKeyLengthError(len(self.seed), SEED_BYTES)
        public_key, _ = crypto_sign_seed_keypair(self.seed)
        object.__setattr__(self, "public_key", public_key)
        object.__setattr__(self, "node_id", node_id_of(public_key))
        object.__setattr__(self, "pair", self.seed + public_key)

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = secrets.token_bytes) -> NodeKey:
        """A new key. Args: random, returns that many unpredictable bytes."""
        return cls(random(SEED_BYTES))

    @classmethod
    def from_json(cls, text: str | bytes) -> NodeKey:
        """Read the key from the text of a `node_key.json`.

        Stricter than CometBFT, which uses the stored public half without checking that it belongs to the private one.

        Raises: NodeKeyFormatError (not JSON of that shape), NodeKeyTypeError (not ed25519),
            NodeKeyLengthError (not 64 bytes), NodeKeyMismatchError (the halves do not belong together).
        Source: reference 1, node_key.json.
        """
        pair = _key_bytes(text)
        if len(pair) != SEED_BYTES + PUBLIC_KEY_BYTES:
            raise NodeKeyLengthError(len(pair), SEED_BYTES + PUBLIC_KEY_BYTES)
        key = cls(pair[:SEED_BYTES])
        if key.public_key != pair[SEED_BYTES:]:
            raise NodeKeyMismatchError
        return key

    def to_json(self) -> str:
        """The text of the key's file, byte for byte as CometBFT writes it."""
        value = base64.b64encode(self.seed + self.public_key).decode("ascii")
        return json.dumps({"priv_key": {"type": KEY_TYPE, "value": value}}, separators=(",", ":"))

    def sign(self, message: bytes) -> bytes:
        """The ed25519 signature, 64 bytes. (libsodium takes 31 µs, a quarter of OpenSSL's time.)"""
        return crypto_sign(message, self.pair)[:SIGNATURE_BYTES]


def _key_bytes(text: str | bytes) -> bytes:
    """The key bytes in the file, whatever their number."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        # `from None`, because the cause carries the text, which may be a secret, and would take it into logs
        raise NodeKeyFormatError("the file is not JSON") from None
    key = document.get("priv_key") if isinstance(document, dict) else None
    if not isinstance(key, dict):
        raise NodeKeyFormatError('there is no object "priv_key"')
    kind, value = key.get("type"), key.get("value")
    if not isinstance(kind, str):
        raise NodeKeyFormatError('"priv_key" has no "type"')
    if kind != KEY_TYPE:
        raise NodeKeyTypeError(kind)
    if not isinstance(value, str):
        raise NodeKeyFormatError('"priv_key" has no "value"')
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise NodeKeyFormatError('the "value" of "priv_key" is not standard base64 with padding') from None
