"""NodeInfos that are invalid, and nodes that have nothing to say to us."""

from __future__ import annotations

import pytest

from peerage.wire.errors import (
    BlockVersionMismatchError,
    IncompatibleNodeError,
    InvalidNodeInfoError,
    NetworkMismatchError,
    NoCommonChannelError,
    NodeInfoAddressError,
    NodeInfoChannelsError,
    NodeInfoTextError,
    NodeInfoTxIndexError,
    WireError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            NodeInfoAddressError("x", "'x': the port is missing"),
            "node info: 'x' is no address: the port is missing",
        ),
        (NodeInfoTextError("moniker", " "), "node info: moniker is ' ', must be ASCII text and not blank"),
        (NodeInfoChannelsError(bytes(17)), "node info: 17 channels, at most 16 are allowed"),
        (NodeInfoChannelsError(b"\x20\x20"), "node info: a channel is given twice in 2020"),
        (NodeInfoTxIndexError("yes"), "node info: tx_index is 'yes', must be 'on', 'off' or empty"),
        (BlockVersionMismatchError(10, 11), "the peer's block version is 10, ours 11"),
        (NetworkMismatchError("theta", "hub"), "the peer is on network 'theta', we are on 'hub'"),
        (NoCommonChannelError(b"", b"\x20"), "no common channel: the peer has none, we have 20"),
    ],
)
def test_the_text_says_what_was_found_and_what_is_allowed(error: WireError, text: str) -> None:
    """What theirs is, what ours is."""
    assert str(error) == text


def test_a_node_of_another_network_broke_no_rule_of_node_info() -> None:
    """It is let be, and not banned."""
    assert issubclass(NetworkMismatchError, IncompatibleNodeError)
    assert not issubclass(IncompatibleNodeError, InvalidNodeInfoError)
