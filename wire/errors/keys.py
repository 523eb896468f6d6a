"""Node keys that cannot be used. No text shows what is in the file, which may be a secret."""

from __future__ import annotations

from peerage.wire.errors.base import LocalError
from peerage.wire.remote_text import quoted, shown


class NodeKeyError(LocalError):
    """A node key cannot be used. The text never shows what is in the file, which may be a secret."""


class NodeKeyFormatError(NodeKeyError):
    """The text is not the JSON object that a key file holds."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not a node key: {shown(self.reason)}"


class NodeKeyTypeError(NodeKeyError):
    """The key is not an ed25519 key."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"the node key is of type {quoted(self.kind)}, it must be 'tendermint/PrivKeyEd25519'"


class NodeKeyLengthError(NodeKeyError):
    """The key does not have 64 bytes in the file (seed and public key), or its seed does not have 32."""

    def __init__(self, length: int, expected: int) -> None:
        super().__init__(length, expected)
        self.length = length
        self.expected = expected

    def __str__(self) -> str:
        return f"the node key has {self.length} bytes, it must have {self.expected}"


class NodeKeyMismatchError(NodeKeyError):
    """The public half in the file does not belong to the private half. CometBFT would use the false one."""

    def __str__(self) -> str:
        return "the two halves of the node key do not belong together"
