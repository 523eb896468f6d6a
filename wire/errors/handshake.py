"""Remotes that did not prove who they are."""

from __future__ import annotations

from peerage.wire.errors.base import RemoteError
from peerage.wire.remote_text import QUOTED, shown

_LONGEST_FOUND = 250  # characters: a whole line of version 1, quoted


class HandshakeError(RemoteError):
    """The remote did not prove who it is. Parent of the errors that say how it failed."""


class ForeignProtocolError(HandshakeError):
    """The remote speaks another protocol, as its first bytes show."""

    def __init__(self, protocol: str) -> None:
        super().__init__(protocol)
        self.protocol = protocol

    def __str__(self) -> str:
        return f"the remote speaks {shown(self.protocol)}"


class ProxyHeaderError(HandshakeError):
    """A connection of a load balancer does not begin with a valid PROXY header."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found

    def __str__(self) -> str:
        return f"no valid PROXY header: {shown(self.found, _LONGEST_FOUND)}"


class EphemeralKeyLengthError(HandshakeError):
    """The ephemeral key does not have 32 bytes. CometBFT would pad or cut it."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"an ephemeral key of {self.length} bytes, it must have 32"


class LowOrderKeyError(HandshakeError):
    """The ephemeral key is a point of low order: the shared secret would be known to everyone."""

    def __str__(self) -> str:
        return "the ephemeral key is a point of low order"


class ReflectedKeyError(HandshakeError):
    """The ephemeral key is our own, sent back."""

    def __str__(self) -> str:
        return "our own ephemeral key came back"


class UnsupportedKeyError(HandshakeError):
    """The remote's node key is missing or not an ed25519 key."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"the remote's node key is not an ed25519 key but: {shown(self.kind)}"


class PublicKeyLengthError(HandshakeError):
    """The remote's ed25519 key does not have 32 bytes."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"a node key of {self.length} bytes, it must have 32"


class SignatureLengthError(HandshakeError):
    """The signature does not have 64 bytes."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"a signature of {self.length} bytes, it must have 64"


class SignatureError(HandshakeError):
    """The signature over the challenge was not made by the key that the remote claims."""

    def __init__(self, node_id: str) -> None:
        super().__init__(node_id)
        self.node_id = node_id

    def __str__(self) -> str:
        return f"the remote calls itself {shown(self.node_id)} and cannot prove it"


class UnexpectedNodeIDError(HandshakeError):
    """The remote proved who it is, but it is not the node that we dialled."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(expected, actual)
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        return f"dialled {shown(self.expected, QUOTED)}, but {shown(self.actual, QUOTED)} answered"
