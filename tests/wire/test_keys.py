"""Node keys: CometBFT's vectors, odd key files, and signatures."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire.errors import (
    NodeKeyError,
    NodeKeyFormatError,
    NodeKeyLengthError,
    NodeKeyMismatchError,
    NodeKeyTypeError,
)
from peerage.wire.keys import NodeKey, is_node_id, node_id_of, verify
from tests.strategies import node_keys
from tests.wire.vectors import load, octets

VECTORS = load("keys")
KEYS, FILES = VECTORS["keys"], VECTORS["node_key_files"]

REFUSED_BEYOND_COMETBFT = {
    "second half is another key's public half": NodeKeyMismatchError,
    "second half is zero": NodeKeyMismatchError,
    "32 bytes only (the seed)": NodeKeyLengthError,
    "63 bytes": NodeKeyLengthError,
    "65 bytes": NodeKeyLengthError,
    "empty value": NodeKeyLengthError,
    "hex instead of base64": NodeKeyLengthError,
    "secp256k1 key": NodeKeyTypeError,
    "no priv_key": NodeKeyFormatError,
    "priv_key null": NodeKeyFormatError,
}


@pytest.mark.parametrize("row", KEYS, ids=lambda row: row["name"])
def test_a_key_gives_what_cometbft_computes(row: dict[str, Any]) -> None:
    """Public key, ID, file and signature are equal byte for byte."""
    key = NodeKey(octets(row["seed"]))
    assert key.public_key == octets(row["public_key"])
    assert key.node_id == node_id_of(key.public_key) == row["node_id"]
    assert key.to_json() == row["node_key_json"]
    assert key.sign(b"peerage") == octets(row["signature_of_peerage"])
    assert NodeKey.from_json(row["node_key_json"]) == key
    assert verify(key.public_key, b"peerage", octets(row["signature_of_peerage"]))


@pytest.mark.parametrize("row", FILES, ids=lambda row: row["name"])
def test_a_key_file_loads_when_it_is_one(row: dict[str, Any]) -> None:
    """As in CometBFT, except that we refuse false and truncated keys, each with its own error."""
    if row["cometbft"]["loads"] and row["name"] not in REFUSED_BEYOND_COMETBFT:
        assert NodeKey.from_json(row["text"]).node_id == row["cometbft"]["node_id"]
        return
    with pytest.raises(REFUSED_BEYOND_COMETBFT.get(row["name"], NodeKeyError)) as caught:
        NodeKey.from_json(row["text"])
    assert str(caught.value)


def test_an_error_about_a_key_file_does_not_show_the_key() -> None:
    """More people read logs than key files."""
    secret = "c2VjcmV0" * 4
    for text in (
        f'{{"priv_key":{{"type":"tendermint/PrivKeyEd25519","value":"{secret}"}}}}',
        f'{{"priv_key" "{secret}"',
    ):
        with pytest.raises(NodeKeyError) as caught:
            NodeKey.from_json(text)
        assert secret not in str(caught.value)
        assert caught.value.__cause__ is None


def test_the_seed_stays_out_of_repr() -> None:
    """And the key can be sent to another process."""
    key = NodeKey.generate(lambda size: b"\x07" * size)
    assert repr(key) == f"NodeKey(public_key={key.public_key!r})"
    assert pickle.loads(pickle.dumps(key)) == key
    assert NodeKey.generate() != NodeKey.generate()


def test_a_seed_of_another_length_is_refused() -> None:
    """A random source that returns too few bytes must not go unnoticed."""
    with pytest.raises(NodeKeyLengthError, match="must have 32"):
        NodeKey(b"short")


@settings(max_examples=20)
@given(node_keys, st.binary(max_size=50), st.integers(0, 63), st.integers(1, 255))
def test_a_signature_verifies_and_a_changed_one_does_not(
    key: NodeKey, message: bytes, at: int, flip: int
) -> None:
    """Neither for another message nor with one byte changed."""
    signature = bytearray(key.sign(message))
    assert verify(key.public_key, message, bytes(signature))
    assert not verify(key.public_key, message + b"x", bytes(signature))
    signature[at] ^= flip
    assert not verify(key.public_key, message, bytes(signature))


def test_keys_and_signatures_of_other_lengths_or_small_order_do_not_verify() -> None:
    """With a key of small order one signature fits any message."""
    neutral = b"\x01" + bytes(31)
    assert not verify(neutral, b"any", neutral + bytes(32))
    assert not verify(bytes(31), b"any", bytes(64))
    assert not verify(bytes(32), b"any", bytes(63))


@pytest.mark.parametrize(
    ("text", "is_id"),
    [
        ("a" * 40, True),
        ("A" * 40, True),
        ("a" * 39, False),
        ("a" * 41, False),
        ("g" * 40, False),
        ("a" * 40 + "\n", False),
        ("٣" * 40, False),
    ],
)
def test_an_id_is_40_hexadecimal_characters(text: str, is_id: bool) -> None:
    """In upper or lower case, with nothing around them."""
    assert is_node_id(text) == is_id


@given(
    st.text(max_size=80)
    | st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: st.dictionaries(st.sampled_from(["priv_key", "type", "value"]), inner),
    ).map(json.dumps)
)
def test_any_text_is_a_key_or_a_key_error(text: str) -> None:
    """A mistake in the file never causes a traceback."""
    with pytest.raises(NodeKeyError):
        NodeKey.from_json(text)
