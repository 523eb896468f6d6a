"""Node keys that cannot be used: what is said of them, and what is not."""

from __future__ import annotations

import pytest

from peerage.wire.errors import (
    NodeKeyFormatError,
    NodeKeyLengthError,
    NodeKeyMismatchError,
    NodeKeyTypeError,
    WireError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NodeKeyFormatError("line 1 ends early"), "not a node key: line 1 ends early"),
        (
            NodeKeyTypeError("secp256k1"),
            "the node key is of type 'secp256k1', it must be 'tendermint/PrivKeyEd25519'",
        ),
        (NodeKeyLengthError(63, 64), "the node key has 63 bytes, it must have 64"),
        (NodeKeyMismatchError(), "the two halves of the node key do not belong together"),
    ],
)
def test_the_text_says_what_was_found_and_what_is_allowed(error: WireError, text: str) -> None:
    """Never what is in the file: that may be a secret."""
    assert str(error) == text
