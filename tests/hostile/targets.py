"""The nodes that the cases are done to: ours, and switches built from CometBFT."""

from __future__ import annotations

import contextlib
import json
import tempfile
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from tests.chaos.started_node import StartedNode, make_home
from tests.hostile.limits import (
    HANDSHAKE_TIMEOUT_S,
    HIGH,
    LOW,
    LOW_CAPACITY,
    PING_INTERVAL_S,
    PONG_TIMEOUT_S,
    QUEUE,
)
from tests.interop.gopeer import GoPeer

__all__ = ["CometSwitch", "OurNode", "Target"]

INBOUND = 200
DIAL_TIMEOUT_S = 5.0


class Target(ABC):
    """A node that runs. A context manager; nothing of it outlives that. Attribute: name, for the table."""

    name: str

    @property
    @abstractmethod
    def address(self) -> str:
        """ID@host:port."""

    @abstractmethod
    def dial(self, address: str) -> None:
        """Have it dial, and do not wait."""

    @abstractmethod
    def processes(self) -> Mapping[int, str]:
        """PID → name. Those that must live."""

    @abstractmethod
    def faults(self) -> list[str]:
        """What it has logged at error level, of itself."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def host(self) -> str:
        return self.address.partition("@")[2].rpartition(":")[0]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def connections(self) -> int:
        """TCP connections of all its processes to anybody's peer port, closed ones that it still holds included."""
        count = 0
        for pid in self.processes():
            with contextlib.suppress(psutil.Error):
                for each in psutil.Process(pid).net_connections("tcp"):
                    count += each.status not in {psutil.CONN_LISTEN, psutil.CONN_NONE}
        return count

    def descriptors(self) -> int:
        """Of all its processes."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.processes())

    def reasons(self) -> Mapping[str, str]:
        """Why connections ended, as far as it says that: by the remote's ID or IP address."""
        return {}

    def resident(self) -> int:
        """Bytes of all its processes."""
        return sum(psutil.Process(pid).memory_info().rss for pid in self.processes())


class OurNode(Target):
    """`peerage start` with peer exchange and an echo.

    Args: outbound, how many peers it wants to dial; handshake_timeout, seconds.
    """

    name = "peerage"

    def __init__(self, *, outbound: int = 0, handshake_timeout: float = HANDSHAKE_TIMEOUT_S) -> None:
        self._outbound, self._handshake_timeout = outbound, handshake_timeout
        self._stack = contextlib.ExitStack()
        self._node: StartedNode

    def __enter__(self) -> Self:
        home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hostile-"))) / "home"
        make_home(home)
        settings: dict[str, Any] = {
            "reactor": "ECHO=tests.hostile.echo:Echo",
            "rpc__unsafe": "true",
            "p2p__handshake_timeout": f"{self._handshake_timeout}s",
            "p2p__max_num_inbound_peers": str(INBOUND),
            "p2p__max_num_outbound_peers": str(self._outbound),
            "log_level": "switch:debug,*:info",  # every refusal
            "ping_interval": f"{PING_INTERVAL_S}s",
            "pong_timeout": f"{PONG_TIMEOUT_S}s",
        }
        self._node = self._stack.enter_context(StartedNode(home, **settings))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def address(self) -> str:
        return self._node.address

    def dial(self, address: str) -> None:
        peers = urllib.parse.quote(json.dumps([address]))
        url = f"{self._node.rpc}/dial_peers?peers={peers}"
        with urllib.request.urlopen(url, timeout=DIAL_TIMEOUT_S) as answer:
            assert "error" not in json.load(answer)

    def processes(self) -> Mapping[int, str]:
        return {self._node.pid: "node", **self._node.processes()}

    def faults(self) -> list[str]:
        found = []
        for line in self._node.log().splitlines():
            record = _parsed(line)
            if record.get("level") not in {"info", "debug", "warning"}:
                found.append(line)
        return found

    def reasons(self) -> Mapping[str, str]:
        """Why connections ended, by the ID of the peer or the IP address of who never was one."""
        found: dict[str, str] = {}
        for record in map(_parsed, self._node.log().splitlines()):
            if record["event"] == "peer stopped":
                found.setdefault(record["peer"], record["reason"])
            elif record["event"] == "peer refused":
                source = record["remote"].rpartition(":")[0]
                found.setdefault(
                    source, f"{record['reason']}: {record.get('detail') or ''}".removesuffix(": ")
                )
        return found


class CometSwitch(Target):
    """CometBFT's Switch, MultiplexTransport and PEX reactor, with an echo.

    Args: version, of CometBFT; outbound, as with OurNode.
    """

    def __init__(self, version: str, *, outbound: int = 0) -> None:
        self.name = f"CometBFT {version}"
        self._peer = GoPeer(
            version=version,
            echo=True,
            verify=False,
            pex=True,
            channels=[
                {"id": HIGH, "priority": 5, "send_queue_capacity": QUEUE},
                {
                    "id": LOW,
                    "priority": 1,
                    "send_queue_capacity": QUEUE,
                    "recv_message_capacity": LOW_CAPACITY,
                },
            ],
            max_num_inbound_peers=INBOUND,
            max_num_outbound_peers=outbound,
            addr_book_strict=False,
            ping_interval_ms=int(PING_INTERVAL_S * 1000),
            pong_timeout_ms=int(PONG_TIMEOUT_S * 1000),
            recv_rate=5_120_000,
            send_rate=5_120_000,
        )

    def __enter__(self) -> Self:
        self._peer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._peer.stop()

    @property
    def address(self) -> str:
        return self._peer.address

    def dial(self, address: str) -> None:
        self._peer.post("dial", address=address)

    def processes(self) -> Mapping[int, str]:
        return {self._peer.pid: "switch"}

    def faults(self) -> list[str]:
        return []


def _parsed(line: str) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError:
        return {"event": line, "level": "error"}  # a traceback that nobody caught
    return record
