"""Channels and packets: what is said of those that cannot be."""

from __future__ import annotations

import pytest

from peerage.wire.errors import (
    ChannelDescriptorError,
    ConnectionSettingError,
    DuplicateChannelError,
    EmptyPacketFloodError,
    LocalError,
    MessageCapacityError,
    PacketKindError,
    PongTimeoutError,
    RemoteError,
    UnknownChannelError,
    WireError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ChannelDescriptorError("id", 256), "channel descriptor: id is 256, must be an integer, 0..255"),
        (
            ChannelDescriptorError("priority", 0),
            "channel descriptor: priority is 0, must be an integer above 0",
        ),
        (DuplicateChannelError(0x20), "channel 0x20 is described twice"),
        (ConnectionSettingError("ping_interval", -1.0), "ping_interval cannot be -1.0"),
        (PacketKindError(), "a packet of no known kind"),
        (UnknownChannelError(0x7), "a packet for the unknown channel 0x7"),
        (MessageCapacityError(0x7, 11, 10), "a message of 11 bytes or more on channel 0x07, which takes 10"),
        (
            EmptyPacketFloodError(7000, 5.04, 100.0),
            "flood: 7000 packets with little or no data within 5.04 s, 100 a second are allowed",
        ),
        (PongTimeoutError(45.0), "no pong within 45 s of a ping"),
    ],
)
def test_the_text_says_what_was_found_and_what_is_allowed(error: WireError, text: str) -> None:
    """Channel IDs are hexadecimal, as everywhere."""
    assert str(error) == text


def test_our_own_descriptions_are_our_fault_and_packets_are_the_remotes() -> None:
    """A reactor's mistake must not stop a peer."""
    ours = (ChannelDescriptorError, DuplicateChannelError, ConnectionSettingError)
    theirs = (
        PacketKindError,
        UnknownChannelError,
        MessageCapacityError,
        EmptyPacketFloodError,
        PongTimeoutError,
    )
    assert all(issubclass(error, LocalError) for error in ours)
    assert all(issubclass(error, RemoteError) for error in theirs)
