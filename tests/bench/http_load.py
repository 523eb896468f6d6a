"""What readers of a node do to its peers: `python -m tests.bench.http_load [--secs 30] [--rate 200] [--idle 500]`.

Peers of a node ping it three times for so long: alone, while clients ask RPC, metrics, events and the dashboard beside idle
connections, and alone again; what the two quiet times differ in is noise. Then RPC's process is killed under the same load:
how long until it answers, and whether a peer has noticed. The clients are another process, which takes processor time of its
own; what they ask is answered by the node's own two. Exit code 1 when a request failed, RPC was away for over a second, or a
peer's connection ended.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.blocking_peer import BlockingPeer
from tests.bytecode import keep_bytecode
from tests.chaos.started_node import StartedNode, make_home
from tests.nodes import wait_until

PEERS = 20
PINGERS = 4  # of them; the others are there to be kept
PING_S = 0.15  # from one ping to the next: a node answers ten a second at once
LISTENERS = 8  # to /events
TIMEOUT_S = 10.0
BACK_S = 1.0  # wanted
SETTLE_S = 2.0
PATHS = (
    "/status",
    "/net_info",
    "/peers",
    "/actors",
    "/history",
    "/book",
    "/dashboard/",
    "/dashboard/main.js",
    "/health",
)


@dataclass(frozen=True, slots=True)
class Pings:
    """Of all pingers in one time, milliseconds. load: the machine's, over the last minute, at the end."""

    count: int
    p50: float
    p99: float
    load: float


@dataclass(frozen=True, slots=True)
class Requests:
    """What the clients saw. idle: idle connections at the end; reopened: how often one was closed by the node.

    events: bytes that came to listeners.
    """

    count: int
    errors: int
    p50: float
    p99: float
    idle: int
    reopened: int
    events: int


# --- the clients, in a process of their own --------------------------------------------------------------------------


class Clients:
    """Ask so often. Args: rpc and metrics, `host:port`."""

    def __init__(self, rpc: str, metrics: str, rate: float, idle: int) -> None:
        self._rpc, self._metrics, self._rate, self._idle = rpc, metrics, rate, idle
        self._times: list[float] = []
        self._errors = 0
        self._events = self._open = self._reopened = 0

    async def run(self, secs: float) -> Requests:
        """Returns: what came of it."""
        idlers = [asyncio.create_task(self._keep_one_open()) for _ in range(self._idle)]
        while self._open < self._idle:  # noqa: ASYNC110  # simple, and not measured
            await asyncio.sleep(0.01)
        listeners = [asyncio.create_task(self._listen()) for _ in range(LISTENERS)]
        print("ready", flush=True)
        began, sent, asked = time.monotonic(), 0, set()
        while (now := time.monotonic()) < began + secs:
            while sent < (now - began) * self._rate:
                task = asyncio.create_task(self._ask(sent))
                asked.add(task)
                task.add_done_callback(asked.discard)
                sent += 1
            await asyncio.sleep(0.005)
        await asyncio.gather(*asked)
        left = self._open
        for task in (*listeners, *idlers):
            task.cancel()
        await asyncio.gather(*listeners, *idlers, return_exceptions=True)
        self._times.sort()
        p50, p99 = (_quantile(self._times, each) for each in (0.5, 0.99))
        return Requests(len(self._times), self._errors, p50, p99, left, self._reopened, self._events)

    async def _connect(self, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = address.rpartition(":")
        return await asyncio.open_connection(host, int(port), limit=1 << 22)

    async def _keep_one_open(self) -> None:
        """An idle one, which the node closes in the end: then another."""
        while True:
            try:
                reader, writer = await self._connect(self._rpc)
            except OSError:
                self._errors += 1
                await asyncio.sleep(1.0)
                continue
            self._open += 1
            try:
                with contextlib.suppress(OSError):
                    await reader.read(-1)
            finally:
                writer.close()
                self._open -= 1
            self._reopened += 1

    async def _ask(self, number: int) -> None:
        paths = [*((self._rpc, path) for path in PATHS), (self._metrics, "/metrics")]
        address, path = paths[number % len(paths)]
        began = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await self._connect(address)
                try:
                    writer.write(
                        f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()
                    )
                    answer = await reader.read(-1)
                finally:
                    writer.close()
            self._errors += b" 200 " not in answer[:16]
        except (OSError, TimeoutError):
            self._errors += 1
        self._times.append(time.monotonic() - began)

    async def _listen(self) -> None:
        with contextlib.suppress(OSError):
            reader, writer = await self._connect(self._rpc)
            try:
                writer.write(f"GET /events?last=10 HTTP/1.1\r\nHost: {self._rpc}\r\n\r\n".encode())
                while data := await reader.read(65536):
                    self._events += len(data)
            finally:
                writer.close()


@contextlib.contextmanager
def clients(node: StartedNode, secs: float, rate: float, idle: int) -> Iterator[subprocess.Popen[str]]:
    """The clients at work: connected when this begins."""
    rpc, metrics = (node.http_address(each).removeprefix("http://") for each in ("rpc", "metrics"))
    command = [sys.executable, "-m", "tests.bench.http_load", "--clients", rpc, metrics]
    command += ["--secs", f"{secs}", "--rate", f"{rate}", "--idle", f"{idle}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError("the clients could not connect")
            yield process
        finally:
            process.kill()


def result(process: subprocess.Popen[str]) -> Requests:
    """What the clients say in the end."""
    assert process.stdout is not None
    return Requests(**json.loads(process.stdout.readline()))


# --- the peers -------------------------------------------------------------------------------------------------------


def _quantile(ordered: Sequence[float], share: float) -> float:
    """In milliseconds."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 if ordered else float("nan")


def ping_for(peers: Sequence[BlockingPeer], secs: float) -> Pings:
    """Have the pingers ping. Raises: OSError when a connection is over."""
    for peer in peers[PINGERS:]:
        peer.ping(TIMEOUT_S)  # and answer the node's own ping, or it would let go of a silent one
    deadline = time.monotonic() + secs
    times: list[float] = []
    failures: list[OSError] = []

    def ping(peer: BlockingPeer) -> None:
        try:
            while time.monotonic() < deadline:
                times.append(peer.ping(TIMEOUT_S))
                time.sleep(PING_S)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=ping, args=(peer,)) for peer in peers[:PINGERS]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    times.sort()
    return Pings(len(times), _quantile(times, 0.5), _quantile(times, 0.99), round(os.getloadavg()[0], 1))


def kept(node: StartedNode, peers: Sequence[BlockingPeer]) -> int:
    """How many of the peers still have the connection that they made: each is pinged."""
    count = 0
    for peer in peers:
        with contextlib.suppress(OSError):
            peer.ping(TIMEOUT_S)
            count += 1
    listed = wait_until(node.peers, TIMEOUT_S, "an answer of RPC")
    return count if set(listed) == {str(peer.id) for peer in peers} else 0


def seconds_until_back(node: StartedNode) -> float:
    """Kill RPC's process. Returns: seconds until it has answered."""
    pid = node.pid_of("rpc")
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while time.monotonic() < began + 3 * TIMEOUT_S:
        with contextlib.suppress(OSError, urllib.error.URLError):
            with urllib.request.urlopen(f"{node.rpc}/status", timeout=TIMEOUT_S) as answer:
                answer.read()
            return time.monotonic() - began
        time.sleep(0.005)
    raise TimeoutError("RPC does not come back")


# --- both ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run. back: seconds; kept: connections of peers that outlived RPC."""

    before: Pings
    during: Pings
    after: Pings
    requests: Requests
    back: float
    peers: int
    kept: int

    @property
    def is_met(self) -> bool:
        """Whether what is wanted holds, but for the pings, which only a reader can judge."""
        return not self.requests.errors and self.back <= BACK_S and self.kept == self.peers

    def lines(self) -> list[str]:
        """For a reader."""
        lines = [
            f"{name:6} {each.count} pings: p50 {each.p50:.2f} ms, p99 {each.p99:.1f} ms, load {each.load:g}"
            for name, each in (("before", self.before), ("during", self.during), ("after", self.after))
        ]
        for name, each in (("during", self.during), ("after", self.after)):
            p50, p99 = each.p50 / self.before.p50, each.p99 / self.before.p99
            lines.append(f"ratio {name} to before: p50 {p50:.2f}, p99 {p99:.2f}")
        asked = self.requests
        lines += [
            f"requests: {asked.count}, {asked.errors} errors, p50 {asked.p50:.1f} ms, p99 {asked.p99:.0f} ms",
            f"connections at the end: {asked.idle} idle ones; {asked.reopened} were closed by the node, and made anew",
            f"RPC killed under load: back after {self.back:.2f} s; {self.kept} of {self.peers} peers kept their connection",
        ]
        return lines


def measure(secs: float, rate: float, idle: int) -> Figures:
    """Start a node with peers, and do all of it."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="http-load-"))) / "home"
        make_home(home)
        started = StartedNode(
            home,
            instrumentation__prometheus="true",
            instrumentation__prometheus_listen_addr="tcp://127.0.0.1:0",
            instrumentation__max_open_connections="100",
        )
        node = stack.enter_context(started)
        peers = [stack.enter_context(BlockingPeer(node.address, TIMEOUT_S)) for _ in range(PEERS)]
        time.sleep(SETTLE_S)
        before = ping_for(peers, secs)
        with clients(node, secs, rate, idle) as asking:
            during = ping_for(peers, secs)
            requests = result(asking)
        time.sleep(SETTLE_S)
        after = ping_for(peers, secs)
        with clients(node, 3 * TIMEOUT_S, rate, idle):
            time.sleep(SETTLE_S)
            back = seconds_until_back(node)
            still = kept(node, peers)
        return Figures(before, during, after, requests, back, PEERS, still)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.http_load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--secs", type=float, default=30.0, help="how long each of the three times is")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    parser.add_argument("--idle", type=int, default=500, help="idle connections")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--clients", nargs=2, metavar=("RPC", "METRICS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.secs <= 0 or options.rate <= 0 or options.idle < 0:
        parser.error("--secs and --rate must be positive, --idle 0 or more")
    if options.clients:
        rpc, metrics = options.clients
        asked = asyncio.run(Clients(rpc, metrics, options.rate, options.idle).run(options.secs))
        print(json.dumps(asdict(asked)), flush=True)
        return 0
    keep_bytecode()  # as an installed package has it
    figures = measure(options.secs, options.rate, options.idle)
    print(*figures.lines(), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    return 0 if figures.is_met else 1


if __name__ == "__main__":
    sys.exit(main())
