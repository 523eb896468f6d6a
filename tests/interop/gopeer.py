"""A CometBFT peer in a process of its own, driven from Python (the program is in gopeer/).

`python -m tests.interop.gopeer --build v0.38.26` prints the path of the built program.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypedDict, Unpack

from tests.interop.gobuild import DEFAULT_VERSION, VERSIONS, build, build_cometbft
from tests.interop.numbered import StreamDigest, number_of, payload

__all__ = [
    "DEFAULT_VERSION",
    "VERSIONS",
    "ChannelOptions",
    "ChannelTally",
    "Event",
    "Flood",
    "FloodResult",
    "GoPeer",
    "GoPeerEndedError",
    "GoPeerError",
    "GoPeerTimeoutError",
    "PeerOptions",
    "Statistics",
    "StreamDigest",
    "bench",
    "build",
    "build_cometbft",
    "number_of",
    "payload",
]

START_TIMEOUT_S = 20.0
CALL_TIMEOUT_S = 15.0


class ChannelOptions(TypedDict, total=False):
    """A channel; capacities left out or 0 are CometBFT's defaults."""

    id: int
    priority: int
    send_queue_capacity: int
    recv_buffer_capacity: int
    recv_message_capacity: int


class PeerOptions(TypedDict, total=False):
    """What gopeer/options.go takes; the defaults stand there.

    Times are in milliseconds, rates in bytes per second (0: no limit).
    """

    mode: str
    key_file: str
    key_seed: str
    key_type: str
    bad_signature: bool
    listen: str
    listen_addr: str
    claim_id: str
    network: str
    software: str
    moniker: str
    rpc_address: str
    tx_index: str
    p2p_version: int
    block_version: int
    app_version: int
    channels: Sequence[ChannelOptions]
    announce: Sequence[int]
    send_rate: int
    recv_rate: int
    max_packet_msg_payload_size: int
    flush_throttle_ms: int
    ping_interval_ms: int
    pong_timeout_ms: int
    allow_duplicate_ip: bool
    max_num_inbound_peers: int
    max_num_outbound_peers: int
    persistent_peers: Sequence[str]
    unconditional_peer_ids: Sequence[str]
    private_peer_ids: Sequence[str]
    pex: bool
    seed_mode: bool
    seeds: Sequence[str]
    addr_book_file: str
    addr_book_strict: bool
    ensure_peers_period_ms: int
    echo: bool
    echo_channels: Sequence[int]
    echo_bytes: int
    verify: bool
    report_messages: bool
    receive_delay_ms: int
    delay_key_ms: int
    delay_auth_ms: int
    delay_info_ms: int
    silent_before: str
    half_close_before: str
    handshake_timeout_ms: int
    no_mconnection: bool
    handshakes_only: bool
    log: str


class GoPeerError(Exception):
    """A command was refused; `kind` is CometBFT's class of refusal (auth_failure, self, …) or "other"."""

    def __init__(self, command: str, error: str, kind: str) -> None:
        super().__init__(command, error, kind)
        self.command, self.error, self.kind = command, error, kind

    def __str__(self) -> str:
        return f"{self.command}: {self.error} ({self.kind})"


class GoPeerEndedError(Exception):
    """The program ended while something was expected of it; carries the end of its standard error."""

    def __init__(self, returncode: int | None, stderr: str) -> None:
        super().__init__(returncode, stderr)
        self.returncode, self.stderr = returncode, stderr

    def __str__(self) -> str:
        return f"gopeer ended with {self.returncode}:\n{self.stderr}"


class GoPeerTimeoutError(Exception):
    """An event did not come in time; carries what came."""

    def __init__(self, wanted: str, timeout: float, seen: str) -> None:
        super().__init__(wanted, timeout, seen)
        self.wanted, self.timeout, self.seen = wanted, timeout, seen

    def __str__(self) -> str:
        return f"no {self.wanted} within {self.timeout} s; last events:\n{self.seen}"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the program: its name, its seconds since the start, the rest by key."""

    name: str
    time: float
    fields: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.fields[key]

    def matches(self, name: str, wanted: Mapping[str, object]) -> bool:
        return self.name == name and all(self.fields.get(key) == value for key, value in wanted.items())

    @property
    def data(self) -> bytes:
        """The bytes of a `message` event (present up to 4096 bytes)."""
        return base64.b64decode(self.fields["data"])


@dataclass(frozen=True, slots=True)
class ChannelTally:
    """What went to and came from one peer on one channel, over all its connections since the last reset.

    `in_pattern` messages are exactly the numbered message they claim to be, `mismatched` are not (any message
    not made by `payload` is one). `numbers` are the half-open ranges of numbers received (at most 1000).
    """

    peer: str
    channel: int
    received: int
    received_bytes: int
    received_digest: str
    in_pattern: int
    mismatched: int
    disorder: int
    duplicates: int
    first_mismatch: str
    numbers: tuple[tuple[int, int], ...]
    sent: int
    sent_bytes: int
    sent_digest: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """A snapshot of the whole program; handshake counts are of mode raw only."""

    channels: Mapping[tuple[str, int], ChannelTally]
    floods: int
    cpu_user: float
    cpu_system: float
    pings_sent: int
    pings_received: int
    pongs_sent: int
    pongs_received: int
    handshakes: int
    handshakes_failed: int


@dataclass(frozen=True, slots=True)
class FloodResult:
    """`sent` messages were accepted by the send queue; `gone` if the peer was lost before the end."""

    peer: str
    channel: int
    sent: int
    bytes: int
    skipped: int
    gone: bool
    secs: float


class GoPeer:
    """A running peer. Use it as a context manager; the process never outlives it (nor this interpreter).

    Args: version, which CometBFT it is built from; the rest are PeerOptions.
    Raises: GoPeerEndedError, GoPeerTimeoutError (start), GoBuildError.
    """

    def __init__(self, *, version: str = DEFAULT_VERSION, **options: Unpack[PeerOptions]) -> None:
        self.options = options
        self._program = build(version)
        self._events: list[Event] = []  # everything that came, for the error texts and `history`
        self._unread: list[Event] = []  # what no wait_for has taken yet
        self._replies: dict[int, Event] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._ids = itertools.count(1)
        self._write_lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.id = ""
        self.listen = ""
        self.library = ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, timeout: float = START_TIMEOUT_S) -> Self:
        """Start the process and wait until it is ready."""
        stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process, in _reap
        self._scratch = tempfile.TemporaryDirectory(prefix="gopeer-")  # it cannot clean up when it is killed
        process = subprocess.Popen(
            [self._program, "run", json.dumps(self.options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "TMPDIR": self._scratch.name},
        )
        self._process, self._stderr = process, stderr
        self._reader = threading.Thread(
            target=self._read, args=(process.stdout,), name="gopeer reader", daemon=True
        )
        self._reader.start()
        self._finalizer = weakref.finalize(self, _kill, process)
        try:
            ready = self.wait_for("ready", timeout)
        except BaseException:
            self.kill()
            raise
        self.id, self.listen, self.library = ready["id"], ready["listen"], ready["library"]
        return self

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def address(self) -> str:
        """ID@host:port to dial it."""
        return f"{self.id}@{self.listen}"

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    # -- events --

    def wait_for(self, name: str, timeout: float = CALL_TIMEOUT_S, **wanted: object) -> Event:
        """The next event of this name whose fields equal those wanted; each event is handed out once.

        Raises: GoPeerTimeoutError, GoPeerEndedError.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for i, event in enumerate(self._unread):
                    if event.matches(name, wanted):
                        del self._unread[i]
                        return event
                self._wait_until(deadline, f"{name} {wanted or ''}", timeout)

    def history(self, name: str | None = None) -> list[Event]:
        """All events so far (of one name), handed out or not."""
        with self._changed:
            return [event for event in self._events if name is None or event.name == name]

    def _wait_until(self, deadline: float, wanted: str, timeout: float) -> None:
        if self._ended:
            raise GoPeerEndedError(self._running().poll(), self.stderr())
        if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
            seen = "\n".join(
                f"  {event.time:.3f} {event.name} {dict(event.fields)}" for event in self._events[-20:]
            )
            raise GoPeerTimeoutError(wanted, timeout, seen + "\n" + self.stderr())

    def _read(self, stdout: IO[bytes]) -> None:
        for line in stdout:
            fields = json.loads(line)
            event = Event(fields.pop("event"), fields.pop("time"), fields)
            with self._changed:
                if event.name == "reply":
                    self._replies[event["id"]] = event
                else:
                    self._events.append(event)
                    self._unread.append(event)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def stderr(self) -> str:
        """What it printed so far (option log), the last 16 KiB."""
        if self._stderr.closed:
            return ""
        size = self._stderr.seek(0, 2)
        self._stderr.seek(max(0, size - 16_384))
        return self._stderr.read().decode(errors="replace")

    # -- commands --

    def post(self, command: str, **fields: object) -> int:
        """Send a command without waiting; `reply` takes its number."""
        number = next(self._ids)
        line = json.dumps({"cmd": command, "id": number} | fields).encode() + b"\n"
        stdin = self._running().stdin
        assert stdin is not None
        with self._write_lock:
            try:
                stdin.write(line)
                stdin.flush()
            except OSError as error:
                raise GoPeerEndedError(self._running().poll(), self.stderr()) from error
        return number

    def reply(
        self, number: int, command: str = "command", timeout: float = CALL_TIMEOUT_S
    ) -> Mapping[str, Any]:
        """The answer to a posted command. Raises: GoPeerError if it was refused."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while number not in self._replies:
                self._wait_until(deadline, f"reply to {command}", timeout)
            event = self._replies.pop(number)
        if not event["ok"]:
            raise GoPeerError(command, event["error"], event["kind"])
        return event.fields

    def call(self, command: str, timeout: float = CALL_TIMEOUT_S, **fields: object) -> Mapping[str, Any]:
        return self.reply(self.post(command, **fields), command, timeout)

    def dial(self, address: str, timeout: float = 30.0) -> str:
        """Dial ID@host:port; returns the peer's ID when it is connected.

        Raises: GoPeerError with the kind of refusal.
        """
        peer: str = self.call("dial", timeout, address=address)["peer"]
        return peer

    def send(
        self, peer: str, channel: int, data: bytes, *, try_send: bool = False, timeout: float = 60.0
    ) -> None:
        """Send these bytes as one message (to all peers for "").

        Raises: GoPeerError if the queue stayed full.
        """
        text = base64.b64encode(data).decode()
        self.call("send", timeout, peer=peer, channel=channel, data=text, **{"try": try_send})

    def send_numbered(self, peer: str, channel: int, number: int, size: int, timeout: float = 60.0) -> None:
        """Send payload(number, size) without carrying its bytes over the pipe."""
        self.call("send", timeout, peer=peer, channel=channel, number=number, size=size)

    def flood(
        self,
        peer: str,
        channel: int,
        *,
        count: int = 0,
        secs: float = 0.0,
        size: int = 0,
        sizes: Iterable[int] = (),
        first: int = 0,
        rate: float = 0.0,
        try_send: bool = False,
        sticky: bool = False,
        same: bool = False,
    ) -> Flood:
        """Start sending numbered messages at full rate (or `rate` a second), `count` of them or for `secs`.

        Args: sizes, taken in turn in place of size; first, number of the first; try_send, skip when the
            queue is full; sticky, wait for the peer to reconnect when it is gone; same, payload(0, size)
            each time.
        """
        number = self.post(
            "flood", peer=peer, channel=channel, count=count, secs=secs, size=size, sizes=list(sizes),
            first=first, rate=rate, sticky=sticky, same=same, **{"try": try_send},
        )  # fmt: skip
        self.reply(number, "flood")
        return Flood(self, number)

    def stop_floods(self) -> None:
        """End all floods that run; each still reports."""
        self.call("stop_floods")

    def expect(self, peer: str, channel: int, count: int, timeout: float = 60.0) -> bool:
        """Wait until so many messages came on the channel since the last reset; false if they did not."""
        reply = self.call(
            "expect", timeout + CALL_TIMEOUT_S, peer=peer, channel=channel, count=count, secs=timeout
        )
        reached: bool = reply["reached"]
        return reached

    def ping_pong(
        self,
        peer: str,
        channel: int,
        *,
        count: int = 0,
        secs: float = 0.0,
        size: int = 8,
        interval_ms: float = 0.0,
    ) -> Mapping[str, Any]:
        """Send messages one by one to a peer that echoes: answered, unanswered, min/p50/p90/p99/max_us."""
        limit = secs + CALL_TIMEOUT_S + count * (interval_ms / 1e3 + 0.1)
        return self.call(
            "ping_pong",
            limit,
            peer=peer,
            channel=channel,
            count=count,
            secs=secs,
            size=size,
            interval_ms=interval_ms,
        )

    def measure(self, secs: float) -> Mapping[str, Any]:
        """What it receives within so many seconds: messages, bytes, both per_sec, cpu_user, cpu_system."""
        return self.call("measure", secs + CALL_TIMEOUT_S, secs=secs)

    def stats(self) -> Statistics:
        reply = dict(self.call("stats"))
        channels = {}
        for row in reply.pop("channels"):
            row["numbers"] = tuple((low, high) for low, high in row["numbers"])
            channels[row["peer"], row["channel"]] = ChannelTally(**row)
        for key in ("id", "ok"):
            reply.pop(key)
        counts = {"handshakes": 0, "handshakes_failed": 0} | reply
        return Statistics(channels=channels, **counts)

    def tally(self, peer: str, channel: int) -> ChannelTally:
        """The statistics of one channel of one peer. Raises: KeyError when nothing came or went there."""
        return self.stats().channels[peer, channel]

    def reset(self) -> None:
        """Set all counts back to zero; no traffic should be under way."""
        self.call("reset")

    def peers(self) -> list[str]:
        """IDs of the connected peers."""
        return [row["peer"] for row in self.call("peers")["peers"]]

    def connections(self) -> list[Mapping[str, Any]]:
        """The connected peers with CometBFT's ConnectionStatus each."""
        rows: list[Mapping[str, Any]] = self.call("peers")["peers"]
        return rows

    def disconnect(self, peer: str = "", *, flush: bool = False) -> None:
        """Stop a peer gracefully (all for "")."""
        self.call("disconnect", peer=peer, flush=flush)

    def report(self, on: bool = True) -> None:
        """Emit a `message` event for each message (size, sha256, data up to 4096 bytes) from now on."""
        self.call("report", on=on)

    def echo(self, on: bool = True) -> None:
        """Send back what comes from now on."""
        self.call("echo", on=on)

    def receive_delay(self, millis: int) -> None:
        """Sleep so long in Receive for each message from now on."""
        self.call("receive_delay", millis=millis)

    def broadcast(
        self, channel: int, *, count: int = 0, secs: float = 0.0, size: int, first: int = 0
    ) -> Mapping[str, Any]:
        """Switch.Broadcast numbered messages to all peers (order is not kept by CometBFT): sent, secs."""
        return self.call(
            "broadcast", secs + 60.0, channel=channel, count=count, secs=secs, size=size, number=first
        )

    def half_close(self, peer: str) -> None:
        """Mode raw: shut down the sending half of the TCP connection."""
        self.call("half_close", peer=peer)

    def write(self, peer: str, data: bytes) -> None:
        """Mode raw: put plain bytes into the secret connection, whatever they mean to the other side."""
        self.call("write", peer=peer, data=base64.b64encode(data).decode())

    def handshakes(
        self, address: str, *, secs: float, parallel: int = 1, anew: bool = False
    ) -> Mapping[str, Any]:
        """Mode raw with handshakes_only: dial, shake hands, hang up, again and again; anew, each time with a new key.

        Returns: handshakes, failed, secs, per_sec.
        """
        return self.call("handshakes", secs + 60.0, address=address, secs=secs, parallel=parallel, anew=anew)

    def seed_rounds(self, address: str, *, secs: float, parallel: int = 1) -> Mapping[str, Any]:
        """Mode raw: dial `host:port` with a fresh key, shake hands, ask for addresses, be hung up on, again and again.

        Returns: rounds, secs, per_sec, bytes (of all answers), failures (how many by reason), median_secs, p99_secs.
        """
        return self.call("seed_rounds", secs + 60.0, address=address, secs=secs, parallel=parallel)

    def dial_crowd(self, address: str, count: int, timeout: float = 120.0) -> list[str]:
        """Mode raw: dial so many times, each time with a new key; the peers are ID#1, ID#2, … here."""
        peers: list[str] = self.call("dial_crowd", timeout, address=address, count=count)["peers"]
        return peers

    def listen_crowd(self, count: int) -> list[str]:
        """Mode raw: listen on so many more ports, on each with a new key; returns ID@host:port of each."""
        addresses: list[str] = self.call("listen_crowd", count=count)["addresses"]
        return addresses

    # -- life --

    def pause(self) -> None:
        """SIGSTOP: the process hangs, its sockets stay."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            _kill(self._process)
            self._reap()

    def stop(self, timeout: float = 5.0) -> None:
        """Ask it to end, and kill it if it does not in time. Safe to repeat."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            with contextlib.suppress(GoPeerEndedError):
                self.post("stop")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
        self.kill()

    def _reap(self) -> None:
        process = self._running()
        self._finalizer.detach()
        self._reader.join(5.0)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._stderr.close()
        self._scratch.cleanup()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise GoPeerEndedError(None, "never started")
        return self._process


class Flood:
    """A flood that was started; it reports once per peer."""

    def __init__(self, owner: GoPeer, number: int) -> None:
        self._owner, self._number = owner, number

    def wait(self, timeout: float = 60.0) -> FloodResult:
        """Wait until all of it was accepted by the send queue (or the peer was lost)."""
        fields = dict(self._owner.wait_for("flood_done", timeout, flood=self._number).fields)
        del fields["flood"]
        return FloodResult(**fields)


def bench(
    name: str, *, version: str = DEFAULT_VERSION, timeout: float = 120.0, **flags: float | str
) -> Mapping[str, Any]:
    """CometBFT against itself in two processes over loopback; returns the figures that the program prints.

    Args: name, one of bulk, rate, latency, priority, handshake, broadcast; flags, those of gopeer/bench.go:
        size, secs, layer ("reactor" or "mconn"), parallel, peers, flush, queue, payload.
    """
    command = [str(build(version)), "bench", name]
    for flag, value in flags.items():
        command += [f"--{flag}", str(value)]
    with tempfile.TemporaryDirectory(prefix="gopeer-") as scratch:
        environment = {**os.environ, "TMPDIR": scratch}
        done = subprocess.run(command, capture_output=True, timeout=timeout, check=True, env=environment)
    figures: Mapping[str, Any] = json.loads(done.stdout)
    return figures


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Build from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.gopeer", description=main.__doc__)
    parser.add_argument(
        "--build", metavar="VERSION", help=f"build gopeer over this CometBFT: {', '.join(VERSIONS)}"
    )
    parser.add_argument("--build-cometbft", metavar="VERSION", help="build the real node")
    chosen = parser.parse_args(arguments)
    made: list[Path] = []
    if chosen.build:
        made.append(build(chosen.build))
    if chosen.build_cometbft:
        made.append(build_cometbft(chosen.build_cometbft))
    if not made:
        parser.print_usage()
        return 2
    for path in made:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
