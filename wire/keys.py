"""Who a node is: its ed25519 key, the file that keeps it, and the ID that names it."""

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
"""40 hexadecimal characters in lower case, as `normal_id` gives them; IDs are compared as text."""

ID_BYTES = 20
SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEY_TYPE = "tendermint/PrivKeyEd25519"

_NODE_ID = re.compile(r"[0-9a-fA-F]{40}")


def node_id_of(public_key: bytes) -> NodeID:
    """The ID of the node that has this key: the beginning of the key's SHA-256.

    Source: reference 1, node ID.
    """
    return NodeID(hashlib.sha256(public_key).hexdigest()[: 2 * ID_BYTES])


def is_node_id(text: str) -> bool:
    """Whether the text is written as an ID is, in upper or lower case."""
    return _NODE_ID.fullmatch(text) is not None


def normal_id(text: str) -> NodeID:
    """The one way in which an ID is written: in lower case. What is no ID stays as it is.

    Some tools print IDs in capitals. CometBFT keeps what it reads, so that such an ID equals nobody's.
    """
    # most are in lower case already, and are not copied
    return NodeID(text if text.islower() or not is_node_id(text) else text.lower())


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature over the message is that key's.

    Keys and points of small order, which fit any message, are refused, unlike by CometBFT: libsodium does,
    OpenSSL does not.
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
    """The key pair of a node. Its seed is the node's only secret and is kept out of `repr`."""

    seed: bytes = field(repr=False)
    public_key: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the public key.

        Raises: NodeKeyLengthError when the seed has not 32 bytes.
        """
        if len(self.seed) != SEED_BYTES:
            raise NodeKeyLengthError(len(self.seed), SEED_BYTES)
        public_key, _ = crypto_sign_seed_keypair(self.seed)
        object.__setattr__(self, "public_key", public_key)

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = secrets.token_bytes) -> NodeKey:
        """A new key. Args: random, gives so many unpredictable bytes."""
        return cls(random(SEED_BYTES))

    @classmethod
    def from_json(cls, text: str | bytes) -> NodeKey:
        """The key in the text of a `node_key.json`.

        Stricter than CometBFT, which believes whatever stands in the place of the public half.

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

    @property
    def node_id(self) -> NodeID:
        """The ID of this node."""
        return node_id_of(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """The ed25519 signature, 64 bytes. (By libsodium, in a quarter of OpenSSL's time: 31 µs.)"""
        return crypto_sign(message, self.seed + self.public_key)[:SIGNATURE_BYTES]


def _key_bytes(text: str | bytes) -> bytes:
    """What the file says the key is, whatever its length."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        # without the cause: it would carry the text, which may be a secret, into logs
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
