"""Channel descriptors."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest

from peerage.wire.channel import ChannelDescriptor, WhenFull
from peerage.wire.errors import ChannelDescriptorError


def test_the_defaults_are_cometbfts() -> None:
    """They are those of reference 4; a full window makes the connection wait (design 4)."""
    descriptor = ChannelDescriptor(0x20)
    assert (descriptor.priority, descriptor.send_queue_capacity) == (1, 1)
    assert (descriptor.recv_buffer_capacity, descriptor.recv_message_capacity) == (4096, 22_020_096)
    assert descriptor.message is None
    assert descriptor.when_full is WhenFull.WAIT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", -1),
        ("id", 256),
        ("priority", 0),
        ("priority", -1),
        ("send_queue_capacity", 0),
        ("recv_buffer_capacity", 0),
        ("recv_message_capacity", 0),
        ("id", "0x20"),
        ("id", True),
        ("priority", 1.5),
        ("send_queue_capacity", None),
        ("when_full", "wait"),
    ],
)
def test_a_value_that_cannot_be_is_named(field: str, value: object) -> None:
    """So a descriptor that exists is valid."""
    change: dict[str, Any] = {field: value}
    with pytest.raises(ChannelDescriptorError) as caught:
        replace(ChannelDescriptor(1), **change)
    assert (caught.value.field, caught.value.value) == (field, value)
    assert f"{field} is {value!r}, must be " in str(caught.value)


@pytest.mark.parametrize("channel_id", [0, 255])
def test_every_byte_is_a_channel(channel_id: int) -> None:
    """The limits are inclusive, and a descriptor can be sent to another process."""
    descriptor = ChannelDescriptor(channel_id, when_full=WhenFull.SPILL)
    assert pickle.loads(pickle.dumps(descriptor)) == descriptor
