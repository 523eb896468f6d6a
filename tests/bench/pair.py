"""Two nodes of ours, connected: one floods, the other counts."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from peerage import ChannelDescriptor, Config, Envelope, Node, Reactor

BULK, SMALL = 0x51, 0x52
BULK_QUEUE, SMALL_QUEUE = 10, 1000  # messages; the Go peer's benchmarks are given the same
CHANNELS = (
    ChannelDescriptor(id=BULK, priority=1, send_queue_capacity=BULK_QUEUE),
    ChannelDescriptor(id=SMALL, priority=1, send_queue_capacity=SMALL_QUEUE),
)
BURST_S = 0.05  # then the flooder looks into its mailbox


@dataclass(frozen=True, slots=True)
class Flood:
    """Tell a Flooder: send messages of `size` bytes to every peer until told to stop (size 0)."""

    channel: int
    size: int


class Flooder(Reactor):
    """Sends as fast as it may."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self._channel, self._message = BULK, b""

    def handle(self, message: object) -> None:
        if isinstance(message, Flood):
            idle = not self._message
            self._channel, self._message = message.channel, bytes(message.size)
            if idle and self._message:
                self.runtime.call_soon(self._burst)

    def _burst(self) -> None:
        message, until = self._message, time.monotonic() + BURST_S
        if not message:
            return
        for peer in self.peers.values():
            while time.monotonic() < until and peer.send(self._channel, message, timeout=1.0):
                pass
        self.runtime.call_soon(self._burst)


class Sink(Reactor):
    """Counts; an ask is answered with (bytes, messages) so far."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self._bytes = self._messages = 0

    def receive(self, envelope: Envelope) -> None:
        self._bytes += len(envelope.message)
        self._messages += 1

    def handle(self, _message: object) -> tuple[int, int]:
        return self._bytes, self._messages


def config_of(home: Path, moniker: str) -> Config:
    """No limits, nothing served: the connection alone."""
    return Config(
        home=home,
        network="test",
        moniker=moniker,
        log_level="error",
        p2p={
            "laddr": "tcp://127.0.0.1:0",
            "pex": False,
            "allow_duplicate_ip": True,
            "addr_book_strict": False,
            "send_rate": 0,
            "recv_rate": 0,
        },
        rpc={"laddr": ""},
        peerage={"peer_hosts": "1"},
    )


@contextmanager
def connected_pair() -> Iterator[tuple[Node, Node]]:
    """(flooder, sink)."""
    with tempfile.TemporaryDirectory(prefix="peerage-bench-") as home:
        one = Node(config_of(Path(home) / "a", "flooder"), {"FLOOD": Flooder}, name="a/")
        two = Node(config_of(Path(home) / "b", "sink"), {"SINK": Sink}, name="b/")
        with one, two:
            one.dial(two.address)
            yield one, two


def flood(channel: int, size: int, secs: float, warm_up: float = 0.5) -> tuple[float, float]:
    """Returns: bytes and messages a second, reactor to reactor over one connection."""
    with connected_pair() as (one, two):
        one.reactor("FLOOD").tell(Flood(channel, size))
        time.sleep(warm_up)
        sink = two.reactor("SINK")
        bytes_before, messages_before = sink.ask("count")
        began = time.perf_counter()
        time.sleep(secs)
        bytes_after, messages_after = sink.ask("count")
        elapsed = time.perf_counter() - began
        one.reactor("FLOOD").tell(Flood(channel, 0))
    return (bytes_after - bytes_before) / elapsed, (messages_after - messages_before) / elapsed
