"""The benchmark behind `peerage bench`: how much traffic one machine can carry, measured with peerage alone.

Both ends run on this machine, over loopback, without rate limits. Figures depend on the machine; compare only figures of
one run.
"""

from __future__ import annotations

import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from peerage.actors.peers.connector import HandshakeDriver
from peerage.actors.peers.handshake import Handshake, HandshakeRefusedError
from peerage.actors.peers.stream import SocketStream
from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.reactors.reactor import Envelope, Reactor
from peerage.actors.refusal import Refusal
from peerage.actors.runtime import ProcessActor, System
from peerage.config import Config
from peerage.supervisors.node.node import Node
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.frames import FRAME_DATA, Opener, Sealer
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.net_address import NetAddress, no_names
from peerage.wire.node_info import NodeInfo

HIGH, LOW = 0x50, 0x51  # channels, with priorities 10 and 1
BULK_QUEUE, SMALL_QUEUE = 10, 1000  # messages
BURST_S = 0.05  # how long a flooder sends before it looks into its mailbox
WARM_UP_S = 0.5
MANY = 1000  # messages between two readings of the clock
ECHO_INTERVAL_S = 0.001  # pause between two round trips


@dataclass(frozen=True, slots=True)
class Flood:
    """Tell a Flooder to send messages of `size` bytes to every peer, until it is told to stop (size 0)."""

    size: int


class _Low(Reactor):
    channels = (ChannelDescriptor(id=LOW, priority=1, send_queue_capacity=BULK_QUEUE),)


class _LowLongQueue(Reactor):
    channels = (ChannelDescriptor(id=LOW, priority=1, send_queue_capacity=SMALL_QUEUE),)


class _Flooding(Reactor):
    """Sends as fast as it can."""

    def __init__(self) -> None:
        super().__init__()
        self._message = b""

    def handle(self, message: object) -> None:
        if isinstance(message, Flood):
            idle = not self._message
            self._message = bytes(message.size)
            if idle and self._message:
                self.runtime.call_soon(self._burst)

    def _burst(self) -> None:
        """Send for a short while, then let the loop run, so that the request to stop gets through."""
        message, until = self._message, time.monotonic() + BURST_S
        if not message:
            return
        for peer in self.peers.values():
            while time.monotonic() < until and peer.send(LOW, message, timeout=1.0):
                pass
        self.runtime.call_soon(self._burst)


class _Counting(Reactor):
    """Counts what it receives; the answer to any ask is (bytes, messages) so far."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = self._messages = 0

    def receive(self, envelope: Envelope) -> None:
        self._bytes += len(envelope.message)
        self._messages += 1

    def handle(self, _message: object) -> tuple[int, int]:
        return self._bytes, self._messages


class Flooder(_Flooding, _Low): ...


class Sink(_Counting, _Low): ...


class SmallFlooder(_Flooding, _LowLongQueue): ...


class SmallSink(_Counting, _LowLongQueue): ...


class Echo(Reactor):
    """Sends back what arrives on HIGH."""

    channels = (ChannelDescriptor(id=HIGH, priority=10, send_queue_capacity=BULK_QUEUE),)

    def receive(self, envelope: Envelope) -> None:
        envelope.source.send(HIGH, envelope.message)


class Pinger(Reactor):
    """Sends one small message at a time on HIGH to a peer that echoes it.

    The answer to any ask is the list of round trips, in seconds, since the last ask.
    """

    channels = Echo.channels

    def __init__(self) -> None:
        super().__init__()
        self._sent_at = 0.0
        self._times: list[float] = []

    def add_peer(self, peer: Peer) -> None:
        self._ping(peer)

    def _ping(self, peer: Peer) -> None:
        self._sent_at = time.perf_counter()
        peer.send(HIGH, b"numbered")

    def receive(self, envelope: Envelope) -> None:
        self._times.append(time.perf_counter() - self._sent_at)
        self.runtime.call_later(ECHO_INTERVAL_S, self._ping, envelope.source)

    def handle(self, _message: object) -> list[float]:
        times, self._times = self._times, []
        return times


def config_of(home: Path, moniker: str, p2p: Mapping[str, Any], **peerage: Any) -> Config:
    """A configuration without limits (other than those in `p2p`) and without services: just connections."""
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
            "max_num_inbound_peers": 10_000,
            "send_rate": 0,
            "recv_rate": 0,
        }
        | dict(p2p),
        rpc={"laddr": ""},
        peerage={"peer_hosts": "1", "private_memory": False} | peerage,  # profilers look into it
    )


@contextmanager
def node_of_ours(
    reactors: Mapping[str, type[Reactor]],
    name: str = "a",
    *,
    p2p: Mapping[str, Any] | None = None,
    **peerage: Any,
) -> Iterator[Node]:
    """A node whose home is deleted at the end. Args: p2p, peerage: settings of these sections."""
    with (
        tempfile.TemporaryDirectory(prefix="peerage-bench-") as home,
        Node(config_of(Path(home), name, p2p or {}, **peerage), dict(reactors), name=f"{name}/") as node,
    ):
        yield node


@contextmanager
def connected_pair(
    one: Mapping[str, type[Reactor]], two: Mapping[str, type[Reactor]]
) -> Iterator[tuple[Node, Node]]:
    """Two connected nodes with these reactors: (the dialling one, the accepting one)."""
    with node_of_ours(one, "a") as first, node_of_ours(two, "b") as second:
        first.dial(second.address)
        yield first, second


def node_pids(node: Node) -> list[int]:
    """The processes of a node, without the embedding program's."""
    prefix = node.names.of("")
    return [
        facts.pid
        for facts in System.current().hosts()
        if facts.name.startswith(prefix) and facts.name != f"{prefix}supervisor"
    ]


def cpu_seconds(pids: list[int]) -> float:
    """The CPU time that these processes have used."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times)


def received(node: Node, secs: float) -> dict[str, float]:
    """What a node's sink receives per second, and the processor time that the node needs for it.

    Counts are taken after a warm-up, so that connecting and the filling of queues are not measured.
    """
    sink = node.reactor("SINK")
    time.sleep(WARM_UP_S)
    pids = node_pids(node)
    cpu, (size, messages) = cpu_seconds(pids), sink.ask("count")
    began = time.perf_counter()
    time.sleep(secs)
    size_after, messages_after = sink.ask("count")
    elapsed = time.perf_counter() - began
    size, messages, cpu = size_after - size, messages_after - messages, cpu_seconds(pids) - cpu
    return {
        "MB/s": size / elapsed / 1e6,
        "messages/s": messages / elapsed,
        "CPU s/GB": cpu / (size / 1e9) if size else float("inf"),
    }


def between_ours(size: int, secs: float, *, small: bool = False) -> dict[str, float]:
    """Throughput from reactor to reactor over one connection, measured at the receiving node."""
    flooder, sink = (SmallFlooder, SmallSink) if small else (Flooder, Sink)
    with connected_pair({"FLOOD": flooder}, {"SINK": sink}) as (one, two):
        one.reactor("FLOOD").tell(Flood(size))
        found = received(two, secs)
        one.reactor("FLOOD").tell(Flood(0))
    return found


def under_pressure(size: int, secs: float) -> dict[str, float]:
    """Round trips from reactor to reactor on HIGH while LOW is saturated."""
    with connected_pair({"FLOOD": Flooder, "PING": Pinger}, {"SINK": Sink, "ECHO": Echo}) as (one, two):
        one.reactor("FLOOD").tell(Flood(size))
        time.sleep(WARM_UP_S)
        pinger = one.reactor("PING")
        pinger.ask("times")
        carried = received(two, secs)
        times = sorted(pinger.ask("times"))
        one.reactor("FLOOD").tell(Flood(0))
    return {
        "p50 ms": statistics.median(times) * 1e3,
        "p99 ms": times[int(len(times) * 0.99)] * 1e3,
        "MB/s": carried["MB/s"],
    }


# --- the parts of a node, measured alone -------------------------------------------------------------------------------


@contextmanager
def actor_system() -> Iterator[None]:
    """Runs actors without a node, and shuts the system down afterwards: a node starts its own, with its own logging."""
    System.current()
    try:
        yield
    finally:
        System.current().shutdown()


class Handshaker(ProcessActor):
    """Performs handshakes on sockets of its own, as a peer actor does, and hangs up: the whole handshake, nothing else.

    The answer to any ask is (its address, handshakes so far).
    Args: dials, the address of a Handshaker to dial, empty to answer only; at_once, how many connections to keep dialling.
    """

    def __init__(self, dials: str = "", at_once: int = 0) -> None:
        super().__init__()
        self._key = NodeKey.generate()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        host, port = self._listener.getsockname()
        self._address = f"{self._key.node_id}@{host}:{port}"
        self._ours = NodeInfo(
            id=self._key.node_id,
            listen_addr=f"tcp://{host}:{port}",
            network="test",
            channels=bytes((HIGH, LOW)),
            moniker="bench",
            tx_index="off",
        )
        self._remote = NetAddress.parse(dials, no_names) if dials else None
        self._at_once = at_once
        self._buffer = memoryview(bytearray(1 << 16))
        self._done = 0

    def on_start(self) -> None:
        self._listener.setblocking(False)
        self.runtime.add_reader(self._listener.fileno(), self._accept)
        for _ in range(self._at_once):
            self._dial()

    def on_receive(self, _message: Any) -> tuple[str, int]:
        return self._address, self._done

    def _accept(self) -> None:
        sock, _address = self._listener.accept()
        self._begin(sock, Handshake(self._key, self._ours))

    def _dial(self) -> None:
        assert self._remote is not None
        sock = socket.create_connection((str(self._remote.host), self._remote.port))
        self._begin(sock, Handshake(self._key, self._ours, NodeID(str(self._remote.id))))

    def _begin(self, sock: socket.socket, handshake: Handshake) -> None:
        stream = SocketStream(sock, self.runtime)
        HandshakeDriver(
            stream,
            handshake,
            self._buffer,
            on_done=partial(self._end, stream, done=1),
            on_refused=_refused,
            on_closed=lambda _detail: self._end(stream, done=0),  # the other side was stopped
        ).start()

    def _end(self, stream: SocketStream, done: int) -> None:
        self._done += done
        stream.close()
        if self._remote is not None:
            self._dial()


def _refused(refusal: Refusal) -> None:
    raise HandshakeRefusedError(refusal)


def handshakes(secs: float, at_once: int = 4) -> dict[str, float]:
    """Secret connection and NodeInfo between two processes, on a new connection each time, `at_once` in parallel."""
    with actor_system():
        answers = Handshaker.start()
        address, _ = answers.ask("address")
        dials = Handshaker.start(address, at_once)
        time.sleep(WARM_UP_S)
        (_, before), began = dials.ask("count"), time.perf_counter()
        time.sleep(secs)
        (_, after), elapsed = dials.ask("count"), time.perf_counter() - began
        dials.stop()
        answers.stop()
    return {"handshakes/s": (after - before) / elapsed}


class Answerer(ProcessActor):
    """Answers an ask with its own message, and ignores what it is told."""

    def on_receive(self, message: Any) -> Any:
        return message


def mailboxes(secs: float) -> dict[str, float]:
    """100-byte messages between two processes: round trips, and messages one way, singly and in batches."""
    payload = bytes(100)

    def rate(tell: Callable[[], object]) -> float:
        told, began = 0, time.perf_counter()
        while time.perf_counter() - began < secs:
            tell()
            told += MANY
        ref.ask(None)
        return told / (time.perf_counter() - began)

    def one_by_one() -> None:
        for _ in range(MANY):
            ref.tell(payload)

    with actor_system():
        ref = Answerer.start()
        trips = []
        until = time.perf_counter() + secs
        while (began := time.perf_counter()) < until:
            ref.ask(payload)
            trips.append(time.perf_counter() - began)
        found = {
            "ask µs": statistics.median(trips) * 1e6,
            "tell/s": rate(one_by_one),
            "tell_many/s": rate(lambda: ref.tell_many([payload] * MANY)),
        }
        ref.stop()
    return found


def frames(secs: float) -> dict[str, float]:
    """Seal and open full frames on one core, 64 KiB at a time."""
    data = os.urandom(64 * FRAME_DATA)
    sealer, opener = Sealer(bytes(32)), Opener(bytes(32))
    sealed, opened = 0.0, 0.0
    count, until = 0, time.perf_counter() + secs
    while (began := time.perf_counter()) < until:
        whole = sealer.seal(data)
        between = time.perf_counter()
        opener.open(whole)
        sealed += between - began
        opened += time.perf_counter() - between
        count += 1
    return {"sealed MB/s": count * len(data) / sealed / 1e6, "opened MB/s": count * len(data) / opened / 1e6}


def loopback(secs: float) -> dict[str, float]:
    """Plain TCP on this machine, 64 KiB per call, with a thread at each end: the upper limit for any protocol over TCP."""
    received = 0
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        accepted, _ = server.accept()

        def read() -> None:
            nonlocal received
            buffer = bytearray(1 << 20)
            while size := accepted.recv_into(buffer):
                received += size

        with accepted:
            reader = threading.Thread(target=read)
            reader.start()
            data, began = bytes(1 << 16), time.perf_counter()
            while time.perf_counter() - began < secs:
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            reader.join()
            elapsed = time.perf_counter() - began
    return {"MB/s": received / elapsed / 1e6}
