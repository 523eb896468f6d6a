"""The errors of this room: each says what is wrong, and survives the way to another process."""

from __future__ import annotations

import pickle

import pytest

from peerage.blocks import errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.BadBlockError(7, "it is blue"), "block 7: it is blue"),
        (errors.NoValidatorsError(), "the genesis names no validators (the application chooses them)"),
        (
            errors.UnsupportedKeyError("tendermint/PubKeySecp256k1"),
            "a validator's key is 'tendermint/PubKeySecp256k1': only ed25519 signatures can be checked",
        ),
        (
            errors.UnknownSetError(3, b"\xab"),
            "the validators of block 3 are not known: their set's hash is AB",
        ),
        (errors.ValidatorSetError("none"), "none"),
    ],
)
def test_errors_say_what_is_wrong_and_can_be_pickled(error: errors.BlocksError, text: str) -> None:
    """One sentence each."""
    assert str(error) == text
    assert str(pickle.loads(pickle.dumps(error))) == text
