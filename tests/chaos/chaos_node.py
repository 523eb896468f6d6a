"""The node under chaos, in a program of its own, and all that it has logged."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.chaos.plan import MAY_SAY, NODE, REACTOR_PARTS
from tests.chaos.started_node import CHECKOUT, processes_of_session

__all__ = ["PROBE_TIMEOUT_S", "ChaosNode", "Log", "probe_timeout_of"]

PROBE_TIMEOUT_S = 4.0  # on a busy machine nobody who lives may be taken for dead
REACTORS_LONGER = 2.5  # a reactor may wait in `send` for a peer host that hangs, and for the next one
REDIAL_S = 2.0
WINDOW = 4096  # bytes: small enough to be full when a reactor dozes
ANSWER_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0

BY_THE_REMOTE = {"the remote closed the connection", "Connection reset by peer", "Broken pipe"}
NOTICED_IN = timedelta(seconds=3)
LONG_AGO = datetime.fromtimestamp(0, UTC)
KILLED, ORPHANED = "killed: process ended by SIGKILL", "killed: process ended"


class ChaosNode:
    """Runs the embedder in a session of its own. Use it as a context manager: nothing of it outlives that."""

    def __init__(
        self,
        home: Path,
        persistent_peers: list[str],
        probe_timeout: float = PROBE_TIMEOUT_S,
        *,
        has_company: bool = False,
    ) -> None:
        self._has_company = has_company
        self._settings = {
            "home": str(home),
            "network": "test",
            "log_level": "runtime:debug,*:info",  # to know which process is which host
            "log_format": "json",
            "p2p": {
                "laddr": "tcp://127.0.0.1:0",
                "allow_duplicate_ip": True,
                "addr_book_strict": has_company,  # else the book would fill with what strangers tell of this machine
                "send_rate": 0,
                "recv_rate": 0,
                "persistent_peers": persistent_peers,
                "persistent_peers_max_dial_period": REDIAL_S,
            },
            "rpc": {"laddr": "tcp://127.0.0.1:0"},
            "instrumentation": {"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"},
            "peerage": {
                "peer_hosts": 2,
                "receive_window": WINDOW,
                "restart_intensity": 1000,
                "private_memory": False,  # its footprint is looked at
                "probe_interval": 0.5,
                "probe_timeout": probe_timeout_of("switch", probe_timeout),
                "reactor_probe_timeout": probe_timeout_of("reactor-STORE", probe_timeout),
            },
        }
        self.data_dir = home / "data"
        self.store = self.data_dir / "addrbook.sqlite"
        self.log_path = home / "log"
        self.address = self.rpc = self.metrics = ""
        self.directory = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._logging: threading.Thread

    def __enter__(self) -> Self:
        # Through a pipe: a process that cannot write to any file must be heard even so.
        reading, writing = os.pipe()
        self._logging = threading.Thread(target=_keep, args=(reading, self.log_path), daemon=True)
        self._logging.start()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.chaos.chaos_program",
                json.dumps(self._settings),
                *["echo" for _ in range(self._has_company)],
            ],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=writing,
            start_new_session=True,
        )
        os.close(writing)
        try:
            start = self._answer()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.address = start["address"]
        self.rpc, self.metrics = (start[key].replace("tcp://", "http://") for key in ("rpc", "metrics"))
        self.directory = Path(start["directory"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._running
        process.kill()
        process.wait()
        for pid in processes_of_session(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._logging.join()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def node_id(self) -> str:
        return self.address.partition("@")[0]

    def lives(self) -> bool:
        """Whether the embedding process runs."""
        return self._running.poll() is None

    def processes(self) -> dict[int, str]:
        """PID → name of every process, the embedding one included."""
        return {self.pid: NODE} | processes_of_session(self.pid)

    def call(self, do: str, **fields: object) -> Any:
        """Have the embedder do something. Returns: its answer. Raises: EOFError, TimeoutError."""
        stdin = self._running.stdin
        assert stdin is not None
        stdin.write(json.dumps({"do": do} | fields).encode() + b"\n")
        stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        stdout = self._running.stdout
        assert stdout is not None
        if not select.select([stdout], [], [], ANSWER_TIMEOUT_S)[0]:
            raise TimeoutError(f"no answer of the embedder within {ANSWER_TIMEOUT_S:g} s")
        line = stdout.readline()
        if not line:
            raise EOFError(f"the embedder ended:\n{self.log_path.read_text()[-4000:]}")
        return json.loads(line)

    def peers(self) -> set[str]:
        """IDs in net_info; empty if there was no answer."""
        with (
            contextlib.suppress(OSError, ValueError),
            urllib.request.urlopen(f"{self.rpc}/net_info", timeout=5.0) as answer,
        ):
            return {peer["node_info"]["id"] for peer in json.load(answer)["result"]["peers"]}
        return set()

    def serves_metrics(self) -> bool:
        """Whether the metrics are there."""
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{self.metrics}/metrics", timeout=5.0) as answer,
        ):
            return b"p2p_peers" in answer.read()
        return False

    def stop(self) -> int:
        """Let it end. Returns: its exit code. Raises: subprocess.TimeoutExpired."""
        stdin = self._running.stdin
        assert stdin is not None
        stdin.close()
        return self._running.wait(STOP_TIMEOUT_S)


@dataclass(slots=True)
class Log:
    """What the processes of the node have logged, read as it grows.

    Args:
        knows: whether a peer's ID is one of ours: what becomes of others is not told here.
        restarted, killed: (child, cause) of the supervisor's reports.
        ended: how often the host of this name has.
        failed: actors that ended by an exception.
        raised: (reactor, peer) whenever a reactor raised over a peer.
        lost: the reasons for which connections ended; refused: how many of them by a remote that had not yet noticed the
            end of the one before.
        pids, serials: of each host, the newest.
        gone: serials of hosts that have ended, and when (monotonic seconds).
        told: how often it said what passing faults make it say.
        others: whatever else was logged as a fault, or is no record.
    """

    path: Path
    knows: Callable[[str], bool] = lambda _peer: True
    restarted: Counter[tuple[str, str]] = field(default_factory=Counter)
    killed: Counter[tuple[str, str]] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    raised: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    fork_servers_died: int = 0
    pids: dict[str, int] = field(default_factory=dict)
    serials: dict[str, int] = field(default_factory=dict)
    gone: dict[int, float] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    others: list[str] = field(default_factory=list)
    _harmed_at: datetime = LONG_AGO  # the last time that we ended a connection
    _orphans: set[int] = field(default_factory=set)
    _unexplained: set[str] = field(default_factory=set)
    _offset: int = 0

    def read(self) -> None:
        """Take in what is new."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        for line in data[:whole].splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                self.others.append(line.decode(errors="replace"))
            else:
                self._take(record)

    def harmed(self) -> None:
        """We are ending a connection, or let the ends of one hear of each other again."""
        self._harmed_at = datetime.now(UTC)

    def restarts(self, child: str) -> int:
        """How often a child was restarted."""
        return sum(count for (name, _), count in self.restarted.items() if name == child)

    def _cause(self, host: str, cause: str) -> str:
        """How a host ended whose fork server is no more, nobody can tell: one that was killed just ended."""
        return KILLED if cause == ORPHANED and host in self._unexplained else cause

    def _take(self, record: dict[str, Any]) -> None:
        match record:
            case {"event": "actor failed" | "reactor raised, peer stopped", "timestamp": at} | {
                "event": "host ended",
                "host": "peers-0" | "peers-1",
                "timestamp": at,
            }:
                self._harmed_at = _time(at)
        match record:
            case {"event": "child restarted", "child": child, "cause": cause}:
                self.restarted[child, self._cause(child, cause)] += 1
            case {"event": "child killed", "child": child, "cause": cause}:
                self.killed[child, cause] += 1
            case {"event": "host started", "host": host, "pid": pid, "serial": serial}:
                self.pids[host], self.serials[host] = pid, serial
            case {"event": "host ended", "host": host, "serial": serial, "cause": cause}:
                self.gone[serial] = time.monotonic()
                if serial in self._orphans and cause == ORPHANED:
                    self._unexplained.add(host)
                self.ended[host] += 1
            case {"event": "actor failed", "level": "error", "actor": actor}:
                self.failed[actor] += 1
            case {"event": "reactor raised, peer stopped", "reactor": reactor, "peer": peer}:
                self.raised[reactor, peer] += 1
            case {"event": "peer stopped", "peer": peer} if not self.knows(peer):
                pass
            case {"event": "peer stopped", "reason": reason, "timestamp": at}:
                if reason in BY_THE_REMOTE and _time(at) - self._harmed_at < NOTICED_IN:
                    self.refused += 1
                else:
                    self.lost[reason] += 1
            case {"event": "fork server died"}:
                self.fork_servers_died += 1
                self._orphans.update(self.serials.values())
            case {"level": "info" | "debug"} | {"event": "address of no use to others"}:  # it is on loopback
                pass
            case {"event": event} if event in MAY_SAY:
                self.told[event] += 1
            case _:
                self.others.append(json.dumps(record))


def _keep(reading: int, path: Path) -> None:
    """Append all that comes to a file."""
    with open(reading, "rb", buffering=0) as source, path.open("ab", buffering=0) as target:
        while data := source.read(1 << 16):
            target.write(data)


def probe_timeout_of(part: str, probe_timeout: float) -> float:
    """After how many seconds this part is taken for hung."""
    is_own = part == "reactor-PEX"  # which is probed as the other parts of ours
    return probe_timeout * REACTORS_LONGER if part in REACTOR_PARTS and not is_own else probe_timeout


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
