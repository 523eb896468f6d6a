"""A reactor that stands still while a CometBFT peer sends to it at full rate: what that costs the others.

    python -m tests.chaos.isolation --secs 150        (a table on standard output; the figures of docs/performance.md)

The same peer sends to two reactors over one connection: a flood on LOW to the one that stands still, and small messages
one by one on HIGH to one that echoes them. Their round trips are measured by the peer: first with both reactors at work,
then with the one standing still.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import psutil

from peerage import ChannelDescriptor, Envelope, Node, Reactor, WhenFull
from tests.interop.gopeer import GoPeer
from tests.interop.numbered import StreamDigest, number_of
from tests.nodes import HIGH, LOW, EchoReactor, node_config, node_processes, wait_until

WINDOW = 4 * 1024 * 1024  # bytes, the default of peerage.receive_window
SIZE = 1000  # bytes of a message
# Ping interval and pong timeout of both sides, ms: a stall of six seconds has two of them, whenever it begins; a busy
# machine is no dead peer.
QUICK_TIMERS = 2800, 2700
DEFAULT_TIMERS = 60_000, 45_000
FLUSH_MS = 1  # the default of 10 would be most of a round trip
FREE_S = 2.0
INTERVAL_MS = 2.0  # between two round trips
RSS_INTERVAL_S = 0.05
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class StandStill:
    """To a Still: with the next message, do so for `secs`: asleep, or busy with Python code."""

    secs: float
    busy: bool


@dataclass(frozen=True, slots=True)
class Handled:
    """From a Still: what came in all, and how much of it was out of order or twice."""

    count: int
    disorder: int
    digest: str


class EchoOnHigh(EchoReactor):
    """The other reactor."""

    channels: ClassVar = (ChannelDescriptor(id=HIGH, priority=5, send_queue_capacity=100),)


class Still(Reactor):
    """Counts and digests what comes, and stands still when told to."""

    def __init__(self) -> None:
        super().__init__()
        self._next: StandStill | None = None
        self._count = self._disorder = 0
        self._last = -1
        self._digest = StreamDigest()

    def receive(self, envelope: Envelope) -> None:
        stand_still, self._next = self._next, None
        if stand_still is not None:
            _stand_still(stand_still)
        number = number_of(envelope.message)
        self._disorder += number <= self._last
        self._last = number
        self._count += 1
        self._digest.add(envelope.message)

    def handle(self, message: Any) -> Any:
        if isinstance(message, StandStill):
            self._next = message
            return None
        return Handled(self._count, self._disorder, self._digest.hexdigest())


class StillWaiting(Still):
    channels: ClassVar = (ChannelDescriptor(id=LOW, priority=1),)


class StillDropping(Still):
    channels: ClassVar = (ChannelDescriptor(id=LOW, priority=1, when_full=WhenFull.DROP_NEWEST),)


class StillSpilling(Still):
    channels: ClassVar = (ChannelDescriptor(id=LOW, priority=1, when_full=WhenFull.SPILL),)


STILL: Mapping[WhenFull, type[Still]] = {
    WhenFull.WAIT: StillWaiting,
    WhenFull.DROP_NEWEST: StillDropping,
    WhenFull.SPILL: StillSpilling,
}


def _stand_still(how: StandStill) -> None:
    end = time.monotonic() + how.secs
    if how.busy:
        while time.monotonic() < end:
            pass
    else:
        time.sleep(how.secs)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen.

    Args:
        sent: messages of the flood that the peer's send queue accepted; handled and dropped by the node.
        free_us, still_us: median round trip to the other reactor before, and while one stood still.
        still_p99_us: its 99th percentile.
        unanswered: round trips without an answer within 10 s, in both.
        peer_host_growth, reactor_growth: bytes of resident memory, at most, above those before the flood.
        pongs: that the peer received while it stood still.
        catch_up_s: from the end of the stand-still until all was handled.
    """

    policy: str
    busy: bool
    secs: float
    sent: int
    handled: int
    dropped: int
    disorder: int
    is_same_stream: bool
    is_same_connection: bool
    free_us: float
    still_us: float
    still_p99_us: float
    unanswered: int
    peer_host_growth: int
    reactor_growth: int
    pongs: int
    catch_up_s: float

    @property
    def ratio(self) -> float:
        return self.still_us / self.free_us


def run(
    home: Path,
    policy: WhenFull,
    *,
    secs: float,
    busy: bool,
    timers: tuple[int, int] = QUICK_TIMERS,
    recv_rate: int = 0,
    version: str | None = None,
) -> Outcome:
    """One experiment with a node and a peer of its own."""
    ping_interval_ms, pong_timeout_ms = timers
    node = Node(
        node_config(
            home,
            p2p={"flush_throttle_timeout": FLUSH_MS / 1000, "recv_rate": recv_rate},
            peerage={
                "peer_hosts": 1,
                "ping_interval": ping_interval_ms / 1000,
                "pong_timeout": pong_timeout_ms / 1000,
                "receive_window": WINDOW,
                "spill_limit": 16 * 1024**3,
            },
            instrumentation={"prometheus": True, "prometheus_listen_addr": "tcp://127.0.0.1:0"},
        ),
        {"ECHO": EchoOnHigh, "STILL": STILL[policy]},
    )
    options: dict[str, Any] = {} if version is None else {"version": version}
    options |= {"ping_interval_ms": ping_interval_ms, "pong_timeout_ms": pong_timeout_ms}
    with node, GoPeer(flush_throttle_ms=FLUSH_MS, **options) as peer:
        peer.dial(node.address)
        return _observe(node, peer, policy, secs, busy)


def _observe(node: Node, peer: GoPeer, policy: WhenFull, secs: float, busy: bool) -> Outcome:
    us = node.node_id
    connection = wait_until(node.peers)[0].info.connection
    still = node.reactor("STILL")
    # Under *wait* the connection stops with the window full: until then, the flood is as slow as it takes for
    # the round trips to be measured.
    slow = policy is WhenFull.WAIT
    measured = min(5.0, secs / 3) if slow else secs - 1.0
    rate = WINDOW / SIZE * 0.8 / (measured + 1.0) if slow else 0.0
    free_flood = peer.flood(us, LOW, secs=FREE_S + 1.0, size=SIZE, rate=rate)
    free = peer.ping_pong(us, HIGH, secs=FREE_S, interval_ms=INTERVAL_MS)
    first = free_flood.wait(PATIENCE_S).sent

    def handled() -> Handled:
        found = still.ask("handled", timeout=PATIENCE_S)
        assert isinstance(found, Handled)
        return found

    def all_handled() -> Handled | None:
        found = handled()
        assert node.peers(), f"the connection is gone: {peer.history('peer_removed')}"
        return found if found.count + dropped(node) >= total else None

    total = first
    wait_until(all_handled, timeout=PATIENCE_S, what="the first flood is handled")
    pongs = peer.stats().pongs_received
    with growth(node, "peers-0") as host_growth, growth(node, "reactor-STILL") as reactor_growth:
        still.ask(StandStill(secs, busy))
        began = time.monotonic()
        flood = peer.flood(us, LOW, first=first, secs=measured + 0.5 if slow else secs, size=SIZE, rate=rate)
        blocked = peer.ping_pong(us, HIGH, secs=measured, interval_ms=INTERVAL_MS)
        sent = flood.wait(PATIENCE_S).sent
        if slow:
            rest = secs - (time.monotonic() - began)
            sent += peer.flood(us, LOW, first=first + sent, secs=rest + 1.0, size=SIZE).wait(PATIENCE_S).sent
        total = first + sent
        pongs = peer.stats().pongs_received - pongs
        woke = began + secs
        last = wait_until(all_handled, timeout=PATIENCE_S + secs, what=f"all {total} are handled")
        catch_up = time.monotonic() - woke
    after = peer.ping_pong(us, HIGH, count=10)
    return Outcome(
        policy=policy.value,
        busy=busy,
        secs=secs,
        sent=total,
        handled=last.count,
        dropped=dropped(node),
        disorder=last.disorder,
        is_same_stream=last.digest == peer.tally(us, LOW).sent_digest,
        is_same_connection=[each.info.connection for each in node.peers()] == [connection]
        and not peer.history("peer_removed"),
        free_us=free["p50_us"],
        still_us=blocked["p50_us"],
        still_p99_us=blocked["p99_us"],
        unanswered=free["unanswered"] + blocked["unanswered"] + after["unanswered"],
        peer_host_growth=host_growth(),
        reactor_growth=reactor_growth(),
        pongs=pongs,
        catch_up_s=round(catch_up, 2),
    )


def dropped(node: Node) -> int:
    """What the node's metrics say: messages given up because a reactor had no room."""
    address = node.metrics_addresses()[0].replace("tcp://", "http://")
    with urllib.request.urlopen(f"{address}/metrics", timeout=10.0) as answer:
        lines = answer.read().decode().splitlines()
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if "p2p_dropped_messages_total{" in line))


@contextmanager
def growth(node: Node, part: str) -> Iterator[Callable[[], int]]:
    """Watches the resident memory of a process of the node; the value says how much more than now it was at most."""
    (pid,) = node_processes(node, part).values()
    process, done = psutil.Process(pid), threading.Event()
    before = most = process.memory_info().rss

    def look() -> None:
        nonlocal most
        while not done.wait(RSS_INTERVAL_S):
            most = max(most, process.memory_info().rss)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield lambda: most - before
    finally:
        done.set()
        thread.join()


def main() -> int:
    """All policies, asleep and busy."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.isolation", description=main.__doc__)
    parser.add_argument("--secs", type=float, default=150.0, help="how long the reactor stands still")
    parser.add_argument("--policy", choices=[each.value for each in WhenFull], action="append")
    parser.add_argument("--busy", action="store_true", help="spin instead of sleeping")
    parser.add_argument(
        "--default-timers",
        action="store_true",
        help="pings every 60 s, 45 s for a pong, as CometBFT has them",
    )
    parser.add_argument(
        "--recv-rate", type=int, default=0, help="bytes/s, CometBFT's default is 5120000; 0: no limit"
    )
    chosen = parser.parse_args()
    timers = DEFAULT_TIMERS if chosen.default_timers else QUICK_TIMERS
    for policy in map(WhenFull, chosen.policy or [each.value for each in WhenFull]):
        with tempfile.TemporaryDirectory(prefix="peerage-isolation-") as home:
            outcome = run(
                Path(home),
                policy,
                secs=chosen.secs,
                busy=chosen.busy,
                timers=timers,
                recv_rate=chosen.recv_rate,
            )
        print(json.dumps(asdict(outcome) | {"ratio": round(outcome.ratio, 2)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
