"""Remotes that do not prove who they are: what is said of them."""

from __future__ import annotations

import pytest

from peerage.wire.errors import (
    EphemeralKeyLengthError,
    ForeignProtocolError,
    HandshakeError,
    LowOrderKeyError,
    ProxyHeaderError,
    PublicKeyLengthError,
    ReflectedKeyError,
    RemoteError,
    SignatureError,
    SignatureLengthError,
    UnexpectedNodeIDError,
    UnsupportedKeyError,
    WireError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ForeignProtocolError("TLS"), "the remote speaks TLS"),
        (ProxyHeaderError("other bytes instead of it"), "no valid PROXY header: other bytes instead of it"),
        (EphemeralKeyLengthError(33), "an ephemeral key of 33 bytes, it must have 32"),
        (LowOrderKeyError(), "the ephemeral key is a point of low order"),
        (ReflectedKeyError(), "our own ephemeral key came back"),
        (UnsupportedKeyError("secp256k1"), "the remote's node key is not an ed25519 key but: secp256k1"),
        (PublicKeyLengthError(33), "a node key of 33 bytes, it must have 32"),
        (SignatureLengthError(65), "a signature of 65 bytes, it must have 64"),
        (SignatureError("ab12"), "the remote calls itself ab12 and cannot prove it"),
        (UnexpectedNodeIDError("ab12", "cd34"), "dialled ab12, but cd34 answered"),
    ],
)
def test_the_text_says_what_was_found_and_what_is_allowed(error: WireError, text: str) -> None:
    """What was claimed, and what was found."""
    assert str(error) == text


def test_all_of_them_end_the_connection_as_the_remotes_fault() -> None:
    """Whoever dialled looks at one class."""
    assert issubclass(UnexpectedNodeIDError, HandshakeError)
    assert issubclass(HandshakeError, RemoteError)
