"""How fast messages become packets and packets messages, without encryption or sockets.

    python tests/bench/packet_rate.py [--seconds 1.0]

Prints per case the time per packet (or message, where each is one packet) on either side, and bytes per
second. Chunks are those of the peer actor: up to 64 KiB written and read at once. Then what a peer can send that takes
longest to read: the time of one such chunk, and of the longest part of it in one turn.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

from peerage.wire import accelerator, loops
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.multiplex import MessageReceived, MultiplexConnection
from peerage.wire.packet import PING, PacketMsg, encode_packet

WRITE_CHUNK = 64 * 1024
READ_CHUNK = 64 * 1024


def connection() -> MultiplexConnection:
    """A connection without limits whose two channels have long queues."""
    channels = [ChannelDescriptor(0x20, 5, 5000), ChannelDescriptor(0x30, 1, 5000)]
    return MultiplexConnection(channels, now=0.0, send_rate=0, recv_rate=0)


def repeat(action: Callable[[], object], seconds: float) -> float:
    """Seconds that the action takes: the best of as many tries as fit."""
    best = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def case(name: str, size: int, count: int, channels: tuple[int, ...], seconds: float) -> None:
    """Send `count` messages of `size` bytes on each channel, and receive them."""
    message = bytes(range(256)) * (size // 256 + 1)
    message = message[:size]
    sender = connection()

    def send(take: Callable[[bytes], object] = len) -> None:
        for _ in range(count):
            for channel in channels:
                sender.try_send(channel, message)
        while data := sender.data_to_send(0.0, WRITE_CHUNK):
            take(data)

    chunks: list[bytes] = []
    send(chunks.append)
    stream = b"".join(chunks)
    sending = repeat(send, seconds)
    reads = [stream[at : at + READ_CHUNK] for at in range(0, len(stream), READ_CHUNK)]
    receiver = connection()
    received = 0

    def receive() -> None:
        nonlocal received
        received = 0
        for read in reads:
            events = receiver.receive_data(read, 0.0)
            while receiver.has_unread:
                events += receiver.receive_data(b"", 0.0)
            received += sum(type(event) is MessageReceived for event in events)

    receiving = repeat(receive, seconds)
    assert received == count * len(channels)
    packets = received * -(-size // 1024)
    for side, taken in (("send", sending), ("receive", receiving)):
        each, rate = taken / packets * 1e6, len(stream) / taken / 1e6
        print(f"{name:<36} {side:<8} {each:7.3f} us/packet {rate:7.0f} MB/s")


def flood(name: str, packets: bytes, seconds: float) -> None:
    """Receive a chunk full of these."""
    chunk = packets * (READ_CHUNK // len(packets))
    whole = longest = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        receiver, data, parts = connection(), chunk, list[float]()
        while data or receiver.has_unread:
            start = time.perf_counter()
            receiver.receive_data(data, 0.0)
            parts.append(time.perf_counter() - start)
            data = b""
        whole, longest = min(whole, sum(parts)), min(longest, max(parts))
    print(f"{name:<36} {'receive':<8} {whole * 1e3:7.2f} ms, longest part {longest * 1e3:.2f} ms")


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="per case and side")
    seconds = parser.parse_args().seconds
    print(f"{platform.python_implementation()} {platform.python_version()} on {platform.machine()}")
    print(accelerator.description)
    cases(seconds)
    if accelerator.compiled:
        accelerator.use(loops)
        print("plain Python")
        cases(seconds)


def cases(seconds: float) -> None:
    """Both sides of each kind of traffic."""
    case("1 MiB messages, one channel", 2**20, 8, (0x20,), seconds)
    case("1 MiB messages, two channels", 2**20, 4, (0x20, 0x30), seconds)
    case("1024 byte messages, one channel", 1024, 4000, (0x20,), seconds)
    case("200 byte messages, one channel", 200, 4000, (0x20,), seconds)
    case("200 byte messages, two channels", 200, 4000, (0x20, 0x30), seconds)
    empty, byte, two = (encode_packet(PacketMsg(0x20, False, bytes(size))) for size in (0, 1, 2))
    flood("pings", PING, seconds)
    flood("packets without data", empty, seconds)
    flood("pings and packets without data", PING + empty, seconds)
    flood("a byte and two", byte + two, seconds)
    flood("messages of two bytes in two parts", byte + encode_packet(PacketMsg(0x20, True, b".")), seconds)


if __name__ == "__main__":
    main()
