"""The values behind `net_info`, against what CometBFT shows."""

from __future__ import annotations

import pickle

import pytest

from peerage.wire.channel import ChannelDescriptor
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.packet import PacketMsg, encode_packet
from tests.wire.vectors import load

SHOWN = load("net_info")["result"]["peers"][0]["connection_status"]


def test_a_connection_like_the_recorded_one_shows_the_same() -> None:
    """With two channels and a request for addresses sent 0.4 s ago, the figures that do not depend on the moment agree."""
    channels = [ChannelDescriptor(0x00, 1, 10), ChannelDescriptor(0x20)]
    connection = MultiplexConnection(channels, now=50.0)
    connection.try_send(0x00, b"\x0a\x00")
    connection.data_to_send(50.1, 1000)
    connection.receive_data(encode_packet(PacketMsg(0x00, True, bytes(34))), 50.1)
    status = connection.status(50.4, wall=2e9)
    assert status.duration == pytest.approx(0.4)
    shown = [
        {
            "ID": channel.id,
            "SendQueueCapacity": str(channel.send_queue_capacity),
            "SendQueueSize": str(channel.send_queue_size),
            "Priority": str(channel.priority),
            "RecentlySent": str(channel.recently_sent),
        }
        for channel in status.channels
    ]
    assert shown == SHOWN["Channels"]
    assert (status.send_monitor.bytes, status.recv_monitor.bytes) == (9, 41)
    for monitor, name in ((status.send_monitor, "SendMonitor"), (status.recv_monitor, "RecvMonitor")):
        fixed = {key: SHOWN[name][key] for key in ("BytesRem", "TimeRem", "Progress", "Active")}
        assert fixed == {
            "BytesRem": str(monitor.bytes_rem),
            "TimeRem": str(int(monitor.time_rem)),
            "Progress": monitor.progress,
            "Active": monitor.active,
        }
        assert monitor.duration == pytest.approx(0.4)
        assert monitor.idle == pytest.approx(0.3)


def test_the_message_being_sent_is_in_the_queues_size() -> None:
    """As CometBFT counts it; `queue_room` counts differently."""
    connection = MultiplexConnection([ChannelDescriptor(1)], now=0.0)
    connection.try_send(1, bytes(5000))
    connection.data_to_send(0.0, 1000)
    connection.try_send(1, b"")
    assert connection.status(0.0).channels[0].send_queue_size == 2


def test_a_status_travels() -> None:
    """It goes from the peer's process to that of RPC."""
    status = MultiplexConnection([ChannelDescriptor(1)], now=0.0).status(1.0)
    assert pickle.loads(pickle.dumps(status)) == status
