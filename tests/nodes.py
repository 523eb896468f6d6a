"""Live nodes for tests: started with settings that suit loopback, with reactors that echo, count and keep a record.

    def test_…(start_node: StartNode) -> None:
        node = start_node(reactors={"ECHO": EchoReactor}, p2p={"handshake_timeout": 1.0})

The fixtures are imported by the conftest.py of the folders that use them.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

import psutil
import pytest
import setproctitle
import structlog

from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.reactors.reactor import Envelope, Reactor
from peerage.actors.runtime import ActorRef, System
from peerage.actors.snapshot import GetNetInfo, NetInfoSnapshot
from peerage.config import Config
from peerage.config.logging import LogSettings, set_up_logging
from peerage.supervisors.node.node import PRELOAD, Node, ReactorSpec
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from tests.interop.numbered import StreamDigest, payload
from tests.waiting import PATIENCE_S, wait_until

__all__ = [
    "HIGH",
    "LOW",
    "Call",
    "EchoReactor",
    "Flood",
    "NodeLog",
    "Seen",
    "SinkReactor",
    "SpyReactor",
    "StartNode",
    "check_grammar",
    "node_config",
    "node_log",
    "node_processes",
    "node_system",
    "start_node",
    "system_log_file",
    "wait_until",
]

HIGH, LOW = 0x50, 0x51  # as gopeer's channels: the priorities are 5 and 1
EXIT_PATIENCE_S = 20.0


# --- reactors --------------------------------------------------------------------------------------------------------


def _channels(queue: int = 100) -> tuple[ChannelDescriptor, ...]:
    return (
        ChannelDescriptor(id=HIGH, priority=5, send_queue_capacity=queue),
        ChannelDescriptor(id=LOW, priority=1, send_queue_capacity=queue),
    )


class EchoReactor(Reactor):
    """Sends back what comes, on the same channel."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = _channels()

    def receive(self, envelope: Envelope) -> None:
        if not envelope.source.send(envelope.channel_id, envelope.message):
            raise RuntimeError(f"no room for an echo of {len(envelope.message)} bytes")


@dataclass(frozen=True, slots=True)
class Flood:
    """To a SinkReactor, an ask: send numbered messages to a peer. Answer: how many were accepted."""

    peer: str
    channel: int
    count: int
    size: int
    try_send: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """From a SinkReactor: what came from one peer on one channel."""

    count: int = 0
    size: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Cast:
    """Broadcast so many numbered messages in one go. Answer: how many were accepted."""

    channel: int
    count: int
    size: int


class SinkReactor(Reactor):
    """Counts what comes; ask it with (peer ID, channel) for a `Seen`, with `Flood` to send, with `Cast` to broadcast."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = _channels()

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, int], tuple[int, int, StreamDigest]] = {}

    def receive(self, envelope: Envelope) -> None:
        key = (envelope.source.id, envelope.channel_id)
        count, size, digest = self._seen.get(key) or (0, 0, StreamDigest())
        digest.add(envelope.message)
        self._seen[key] = (count + 1, size + len(envelope.message), digest)

    def handle(self, message: Any) -> Any:
        if isinstance(message, Flood):
            return self._flood(message)
        if isinstance(message, Cast):
            return sum(
                self.broadcast(message.channel, payload(n, message.size)) for n in range(message.count)
            )
        count, size, digest = self._seen.get(message) or (0, 0, StreamDigest())
        return Seen(count, size, digest.hexdigest())

    def _flood(self, flood: Flood) -> int:
        peer = self.peers[flood.peer]
        send = peer.try_send if flood.try_send else peer.send
        accepted = 0
        for number in range(flood.count):
            if not send(flood.channel, payload(number, flood.size)):
                break
            accepted += 1
        return accepted


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a hook, as a SpyReactor saw it."""

    hook: str
    connection: str = ""
    peer: str = ""
    reason: str = ""


class SpyReactor(Reactor):
    """Keeps a record of every call of a hook; ask it "calls" for them."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = _channels()

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def _note(self, hook: str, peer: Peer | None = None, reason: str = "") -> None:
        self.calls.append(Call(hook, peer.info.connection if peer else "", peer.id if peer else "", reason))

    def on_start(self) -> None:
        self._note("on_start")

    def init_peer(self, peer: Peer) -> None:
        self._note("init_peer", peer)

    def add_peer(self, peer: Peer) -> None:
        self._note("add_peer", peer)

    def receive(self, envelope: Envelope) -> None:
        self._note("receive", envelope.source)

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self._note("remove_peer", peer, reason)

    def handle(self, message: Any) -> Any:
        return list(self.calls) if message == "calls" else None


_GRAMMAR = {  # (state, hook) → state; `receive` may come before `add_peer` (reference 7)
    ("", "init_peer"): "known",
    ("known", "receive"): "known",
    ("known", "add_peer"): "added",
    ("added", "receive"): "added",
    ("added", "remove_peer"): "removed",
    ("known", "remove_peer"): "removed",
}


def check_grammar(calls: Sequence[Call]) -> dict[str, str]:
    """Check a record against reference 7: the reactor starts first, each connection follows the grammar, and an ID is
    initialised again only after its removal.

    Returns: the state that each connection is in at the end (known, added, removed).
    Raises: AssertionError naming the first call that is out of place.
    """
    assert calls[:1] == [Call("on_start")], calls[:1]
    states: dict[str, str] = {}
    holders: dict[str, str] = {}
    for number, call in enumerate(calls[1:], 1):
        state = states.get(call.connection, "")
        assert (state, call.hook) in _GRAMMAR, f"call {number}: {call} in state {state!r}"
        states[call.connection] = _GRAMMAR[state, call.hook]
        if call.hook == "init_peer":
            assert call.peer not in holders, f"call {number}: {call} while {holders[call.peer]} stands"
            holders[call.peer] = call.connection
        elif call.hook == "remove_peer":
            del holders[call.peer]
    return states


# --- nodes -----------------------------------------------------------------------------------------------------------


def node_config(home: Path, **overrides: Any) -> Config:
    """A configuration for loopback: sections given as mappings are laid over these settings."""
    sections: dict[str, Any] = {
        "p2p": {
            "laddr": "tcp://127.0.0.1:0",
            "pex": False,
            "allow_duplicate_ip": True,
            "addr_book_strict": False,
            "send_rate": 0,
            "recv_rate": 0,
        },
        "rpc": {"laddr": ""},
        "peerage": {
            "peer_hosts": 2,
            "private_memory": False,
        },  # tests look into processes, of whichever user they are
    }
    for name, value in overrides.items():
        sections[name] = sections.get(name, {}) | value if isinstance(value, Mapping) else value
    return Config(home=home, **({"network": "test", "moniker": "tested"} | sections))


class StartNode(Protocol):
    """Starts a node in a home of its own; it is stopped when the test ends."""

    def __call__(
        self,
        reactors: Mapping[str, ReactorSpec] | None = None,
        *,
        node_key: NodeKey | None = None,
        home: Path | None = None,
        options: Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> Node:
        """Args: reactors, an EchoReactor by default; options, further arguments of Node; overrides, of Config."""


@pytest.fixture
def start_node(node_system: System, tmp_path: Path) -> Iterator[StartNode]:
    """Starts nodes; see StartNode."""
    with contextlib.ExitStack() as stack:
        homes = 0

        def start(
            reactors: Mapping[str, ReactorSpec] | None = None,
            *,
            node_key: NodeKey | None = None,
            home: Path | None = None,
            options: Mapping[str, Any] | None = None,
            **overrides: Any,
        ) -> Node:
            nonlocal homes
            homes += 1
            config = node_config(home or tmp_path / f"node-{homes}", **overrides)
            chosen = {"ECHO": EchoReactor} if reactors is None else reactors
            return stack.enter_context(Node(config, chosen, node_key=node_key, **(options or {})))

        yield start


@pytest.fixture(scope="module")
def system_log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all processes of this module's nodes log, one JSON object a line."""
    return tmp_path_factory.mktemp("log") / "hosts.jsonl"


@pytest.fixture(scope="module")
def system_log_level() -> str:
    """The log_level of all processes of this module's nodes; a module that counts lines asks for those folded away, too."""
    return "info"


@pytest.fixture(scope="module")
def node_system(
    request: pytest.FixtureRequest, system_log_file: Path, system_log_level: str
) -> Iterator[System]:
    """The actor system of this module's nodes. No process of it may be left in the end."""
    before = set(psutil.Process().children(recursive=True))
    # What every host of every node would import: this module for its log, and that of the tests for their reactors.
    preload = (*PRELOAD, __name__, request.module.__name__)
    system = System(preload=preload, log_setup=partial(_log_to, system_log_file, system_log_level))
    try:
        yield system
    finally:
        system.shutdown()
    children = [each for each in psutil.Process().children(recursive=True) if each not in before]
    _gone, left = psutil.wait_procs(children, EXIT_PATIENCE_S)
    assert not left, f"processes left: {left}"
    assert not Path(system.directory).exists(), f"directory left: {system.directory}"


def node_processes(node: Node, part: str = "") -> dict[str, int]:
    """The processes of a node whose actor's name begins with `part` ("peers-"), and their PIDs."""
    beginning = node.names.of(part)
    return {facts.name: facts.pid for facts in System.current().hosts() if facts.name.startswith(beginning)}


def net_info(node: Node) -> NetInfoSnapshot:
    """What RPC's net_info is made of, from the peer hosts themselves."""
    found = ActorRef.to(node.names.of("switch")).ask(GetNetInfo(), timeout=PATIENCE_S)
    assert isinstance(found, NetInfoSnapshot)
    return found


# --- logs ------------------------------------------------------------------------------------------------------------


class NodeLog:
    """What the processes of the nodes have logged since this object was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def records(self, event: str = "", **fields: object) -> list[dict[str, Any]]:
        """Every record of this event, if one is named, that has these fields."""
        return [
            record
            for record in self._all()
            if event in {"", record.get("event")} and all(record.get(key) == fields[key] for key in fields)
        ]

    def wait_for(self, event: str, timeout: float = PATIENCE_S, **fields: object) -> dict[str, Any]:
        """The first such record, as soon as it is there."""
        try:
            found = wait_until(lambda: self.records(event, **fields), timeout)
        except AssertionError:
            text = "\n".join(map(json.dumps, self._all()))
            raise AssertionError(f"no record {event!r} {fields} within {timeout:g} s in:\n{text}") from None
        assert isinstance(found[0], dict)
        return found[0]

    def faults(self) -> list[dict[str, Any]]:
        """What was logged as an error."""
        return [record for record in self._all() if record.get("level") in {"error", "critical"}]

    def _all(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            lines = file.read().splitlines()
        return [_parsed(line) for line in lines]


@pytest.fixture
def node_log(system_log_file: Path) -> NodeLog:
    """What is logged from here on."""
    return NodeLog(system_log_file)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = {"event": line.decode(errors="replace"), "level": "error"}  # a traceback that nobody caught
    assert isinstance(record, dict)
    return record


def _log_to(path: Path, level: str) -> None:
    """Runs first in every host: its log, and whatever else it says on standard error, goes to the file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 2)
    os.close(file)
    set_up_logging(LogSettings(level, "json"))
    structlog.contextvars.bind_contextvars(process=setproctitle.getproctitle())
