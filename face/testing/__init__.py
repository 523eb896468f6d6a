"""For tests of reactors and other actors: connected nodes, a reactor alone with fake peers, probes that expect messages.

    with connected_nodes(2, {"ECHO": Echo}) as (anna, bert):      # whole nodes: processes, TCP, encryption
        ...
    with ReactorHarness(Echo) as harness:                         # the reactor alone, in a thread: milliseconds
        peer = harness.connect()
        peer.send(0x50, b"hello")
        assert peer.expect(0x50) == b"hello"

Nothing here needs a test framework; whatever is expected and does not come raises an AssertionError that says what came.
"""

from __future__ import annotations

import itertools
import queue
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from peerage.actors.context import NodeContext
from peerage.actors.messages import (
    BROADCAST,
    RECEIVE,
    SEND_WAIT,
    AddPeer,
    AnnouncePeers,
    Consumed,
    Credits,
    FlushStop,
    GetPeerValue,
    InitPeer,
    PeerInfo,
    RemovePeer,
    SetPeerValue,
    StopPeer,
)
from peerage.actors.names import NodeNames
from peerage.actors.peers.broadcasts import BROADCAST_WINDOW
from peerage.actors.reactors.peer_handle import SerializableMessage, message_bytes
from peerage.actors.reactors.reactor import Reactor
from peerage.actors.runtime import THREAD, ActorDeadError, ActorRef, Frames, Place, ProcessActor
from peerage.config import Config
from peerage.supervisors.node.node import Node, ReactorSpec
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.net_address import join_host_port
from peerage.wire.node_info import NodeInfo

__all__ = [
    "FakePeer",
    "Probe",
    "ReactorHarness",
    "connected_nodes",
    "loopback_config",
    "run_actor",
    "wait_until",
]

TIMEOUT_S = 10.0  # patience with what should happen soon
POLL_S = 0.005
NETWORK = "test"

A = TypeVar("A", bound=ProcessActor)

_serials = itertools.count(1)


def wait_until(condition: Callable[[], Any], timeout: float = TIMEOUT_S) -> Any:
    """Return what `condition` returns as soon as that is true. Raises: AssertionError when the time is over."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {condition}")
        time.sleep(POLL_S)
    return result


@contextmanager
def run_actor(
    actor_class: type[A], *args: Any, place: Place = THREAD, **options: Any
) -> Iterator[ActorRef[A]]:
    """Start an actor for the length of a `with`.

    Args:
        actor_class: what to start.
        *args: of its constructor.
        place: THREAD (quick, a debugger sees it) or PROCESS (as it will run).
        options: as ProcessActor.options takes them.
    """
    ref = actor_class.options(place=place, **options).start(*args)
    try:
        yield ref
    finally:
        with suppress(ActorDeadError):
            ref.stop(timeout=TIMEOUT_S)


# --- nodes -----------------------------------------------------------------------------------------------------------


def loopback_config(home: Path, **settings: Any) -> Config:
    """A configuration for a node on this machine alone: a free port, no peer exchange, no RPC, no rate limits.

    Args: settings, laid over these; sections are mappings: `p2p={"pex": True}`.
    """
    own: dict[str, Any] = {
        "network": NETWORK,
        "moniker": "test",
        "p2p": {
            "laddr": "tcp://127.0.0.1:0",
            "pex": False,
            "allow_duplicate_ip": True,
            "addr_book_strict": False,
            "send_rate": 0,
            "recv_rate": 0,
        },
        "rpc": {"laddr": ""},
        "peerage": {"peer_hosts": 1},
    }
    for name, value in settings.items():
        own[name] = own.get(name, {}) | value if isinstance(value, Mapping) else value
    return Config(home=home, **own)


@contextmanager
def connected_nodes(
    count: int = 2,
    reactors: Mapping[str, ReactorSpec] | Sequence[Mapping[str, ReactorSpec]] = (),
    *,
    home: Path | None = None,
    timeout: float = TIMEOUT_S,
    **settings: Any,
) -> Iterator[list[Node]]:
    """Run whole nodes on loopback, each connected with each.

    Args:
        count: how many.
        reactors: of every node, or one mapping for each.
        home: where their homes are made; a temporary directory by default.
        timeout: seconds until they must be connected.
        settings: of every node, see `loopback_config`.

    Raises: DialError, AssertionError (not connected in time).
    """
    each = [reactors] * count if isinstance(reactors, Mapping) else list(reactors) or [{}] * count
    if len(each) != count:
        raise ValueError(f"reactors for {len(each)} nodes, and {count} nodes")
    with ExitStack() as stack:
        base = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peerage-nodes-")))
        nodes = [
            stack.enter_context(Node(loopback_config(base / f"node-{number}", **settings), each[number]))
            for number in range(count)
        ]
        for later, node in enumerate(nodes):
            for other in nodes[:later]:
                node.dial(other.address, timeout=timeout)
        for node in nodes:
            wait_until(partial(_has_peers, node, count - 1), timeout)
        yield nodes


def _has_peers(node: Node, count: int) -> bool:
    return len(node.peers()) == count


# --- probes ----------------------------------------------------------------------------------------------------------


class _Inbox:
    """What came to a probe, and how it answers: shared by its actor's thread and the test's."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.answer = answer
        self.messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.seen: list[Any] = []


_inboxes: dict[int, _Inbox] = {}  # arguments of an actor are copied, even into a thread


class _ProbeActor(ProcessActor):
    def __init__(self, serial: int) -> None:
        super().__init__()
        self._inbox = _inboxes[serial]

    def on_receive(self, message: Any) -> Any:
        self._inbox.messages.put(message)
        return self._inbox.answer(message)


class Probe:
    """An actor that keeps what it is told, for the test to expect. Its `ref` may be given to any actor.

        with Probe() as probe:
            worker.tell(Report(to=probe.ref))
            assert probe.expect(Done, timeout=1.0).count == 3

    Args:
        name: of the actor, to stand in for one that others know by name; generated by default.
        answer: makes the answer to an ask from its message.
    """

    def __init__(self, name: str | None = None, answer: Callable[[Any], Any] = lambda _message: None) -> None:
        self._name = name
        self._serial = next(_serials)
        self._inbox = _Inbox(answer)
        self._ref: ActorRef[Any] | None = None

    def __enter__(self) -> Self:
        _inboxes[self._serial] = self._inbox
        self._ref = _ProbeActor.options(name=self._name, place=THREAD).start(self._serial)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ActorDeadError):
            self.ref.stop(timeout=TIMEOUT_S)
        _inboxes.pop(self._serial, None)

    @property
    def ref(self) -> ActorRef[Any]:
        if self._ref is None:
            raise RuntimeError("a probe is an actor within its `with` only")
        return self._ref

    def expect(self, wanted: Any = object, timeout: float = TIMEOUT_S) -> Any:
        """Return the next message, and see that it is the one wanted.

        Args: wanted, a class, a predicate, or an equal value.
        Raises: AssertionError, another one came, or none in time.
        """
        message = self._next(timeout, wanted)
        if not _is(wanted, message):
            raise AssertionError(
                f"{message!r} came, {wanted!r} was expected; before: {self._inbox.seen[:-1]!r}"
            )
        return message

    def fish(self, wanted: Any, timeout: float = TIMEOUT_S) -> Any:
        """Return the first message that is the one wanted; others before it are passed over. Raises: AssertionError."""
        deadline = time.monotonic() + timeout
        while not _is(wanted, message := self._next(deadline - time.monotonic(), wanted)):
            pass
        return message

    def expect_nothing(self, seconds: float = 0.1) -> None:
        """See that no message comes for so long. Raises: AssertionError."""
        with suppress(queue.Empty):
            raise AssertionError(f"{self._inbox.messages.get(timeout=seconds)!r} came, nothing was expected")

    def _next(self, timeout: float, wanted: Any) -> Any:
        try:
            message = self._inbox.messages.get(timeout=max(0.0, timeout))
        except queue.Empty:
            seen = self._inbox.seen
            raise AssertionError(f"no {wanted!r} within {timeout:g} s; before: {seen!r}") from None
        self._inbox.seen.append(message)
        return message


def _is(wanted: Any, message: Any) -> bool:
    if isinstance(wanted, type):
        return isinstance(message, wanted)
    if callable(wanted):
        return bool(wanted(message))
    return bool(wanted == message)


# --- a reactor alone -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sent:
    """The reactor sent this to a peer."""

    channel_id: int
    message: bytes


@dataclass(frozen=True, slots=True)
class _Stopped:
    """The reactor stopped the peer."""

    reason: str


class _PeerSide:
    """What a peer actor does for its reactor: takes messages, gives credits back, keeps values."""

    def __init__(
        self, probe: Callable[[Any], None], info: PeerInfo, reactor: ActorRef[Any], capacity: dict[int, int]
    ) -> None:
        self._note, self._info, self._reactor, self._capacity = probe, info, reactor, capacity
        self._sent = dict.fromkeys(capacity, 0)
        self._values: dict[str, Any] = {}
        self.consumed = 0

    def answer(self, message: Any) -> Any:
        match message:
            case Frames():
                return self._take(message)
            case Consumed():
                self.consumed += message.messages
            case StopPeer():
                self._end(message.reason)
            case FlushStop():
                self._end("")
            case SetPeerValue():
                self._values[message.key] = message.value
            case GetPeerValue():
                return self._values.get(message.key)
        return None

    def _take(self, message: Frames) -> Any:
        kind, channels = message.header[0], message.header[1]
        for channel_id, frame in zip(channels, message.frames, strict=True):
            self._note(_Sent(channel_id, bytes(frame)))
        if kind == BROADCAST:
            return None
        self._sent.update(message.header[2])
        if kind == SEND_WAIT:
            self._sent[channels[-1]] += 1
            return True, self._total(channels[-1])
        totals = {channel_id: self._total(channel_id) for channel_id in self._capacity}
        self._reactor.tell(Credits(self._info.connection, totals), exempt=True)
        return None

    def _total(self, channel_id: int) -> int:
        return self._sent[channel_id] + self._capacity[channel_id]

    def _end(self, reason: str) -> None:
        self._note(_Stopped(reason))
        self._reactor.tell(RemovePeer(self._info.connection, reason), exempt=True)


class FakePeer:
    """A peer of a reactor under test, made by `ReactorHarness.connect`: it says and hears what the test wants."""

    def __init__(
        self,
        harness: ReactorHarness[Any],
        peer_id: NodeID,
        channels: bytes,
        *,
        is_outbound: bool = False,
        is_persistent: bool = False,
        ip: str = "127.0.0.1",
        since: float | None = None,
    ) -> None:
        serial = next(_serials)
        self._heard: queue.SimpleQueue[_Sent | _Stopped] = queue.SimpleQueue()
        self._seen: list[_Sent | _Stopped] = []
        self._harness = harness
        self._handed = 0
        self._probe = Probe(f"{harness.names.prefix}peer {serial}", self._answer)
        self._probe.__enter__()
        harness.stack.push(self._probe)
        capacity = {each.id: each.send_queue_capacity for each in harness.reactor_class.channels}
        info = PeerInfo(
            connection=f"{harness.names.prefix}{serial}",
            ref=self._probe.ref,
            id=peer_id,
            node_info=NodeInfo(
                id=peer_id,
                listen_addr=f"tcp://{join_host_port(ip, 26656)}",
                network=NETWORK,
                moniker="fake",
                channels=channels,
            ),
            remote_ip=ip,
            socket_address=join_host_port(ip, 26656 if is_outbound else serial),
            is_outbound=is_outbound,
            is_persistent=is_persistent,
            is_unconditional=False,
            host="",
            credits=tuple(capacity.items()),
            since=time.time() if since is None else since,
        )
        self.info = info
        self._side = _PeerSide(self._heard.put, info, harness.ref, capacity)
        self._tell(InitPeer(info))
        self._tell(AddPeer(info.connection))

    @property
    def id(self) -> NodeID:
        return self.info.id

    def send(self, channel_id: int, *messages: bytes | SerializableMessage) -> None:
        """Have messages arrive at the reactor, as one batch."""
        frames = [message_bytes(message) for message in messages]
        self._handed += len(frames)
        self._tell(Frames((RECEIVE, self.info.connection, (channel_id,) * len(frames)), frames))

    def expect(
        self, channel_id: int, message: bytes | SerializableMessage | None = None, timeout: float = TIMEOUT_S
    ) -> bytes:
        """Return the next message that the reactor sent to this peer.

        Args: message, what it must be; None for any.
        Raises: AssertionError, another came, the reactor stopped the peer, or nothing came in time.
        """
        heard = self._next(timeout)
        wanted = None if message is None else bytes(message_bytes(message))
        if isinstance(heard, _Sent) and heard.channel_id == channel_id and wanted in {None, heard.message}:
            return heard.message
        raise AssertionError(f"{heard} came, a message {wanted!r} on {channel_id:#04x} was expected")

    def expect_nothing(self, seconds: float = 0.1) -> None:
        """See that the reactor neither sends nor stops this peer for so long. Raises: AssertionError."""
        with suppress(queue.Empty):
            raise AssertionError(f"{self._heard.get(timeout=seconds)} came, nothing was expected")

    def expect_stopped(self, timeout: float = TIMEOUT_S) -> str:
        """Return the reason the reactor stopped this peer for, "" when gracefully; messages before it are passed over.

        Raises: AssertionError.
        """
        deadline = time.monotonic() + timeout
        while not isinstance(heard := self._next(deadline - time.monotonic()), _Stopped):
            pass
        return heard.reason

    def disconnect(self, reason: str = "") -> None:
        """End the connection from this side; returns when `remove_peer` has returned."""
        self._harness.ref.ask(RemovePeer(self.info.connection, reason), timeout=TIMEOUT_S)

    def wait_until_handled(self, timeout: float = TIMEOUT_S) -> None:
        """Wait until `receive` has returned for all that was sent. Raises: AssertionError."""
        wait_until(lambda: self._side.consumed == self._handed, timeout)

    def _answer(self, message: Any) -> Any:
        return self._side.answer(message)

    def _tell(self, message: Any) -> None:
        self._harness.ref.tell(message, exempt=True)

    def _next(self, timeout: float) -> _Sent | _Stopped:
        try:
            heard = self._heard.get(timeout=max(0.0, timeout))
        except queue.Empty:
            raise AssertionError(f"nothing came within {timeout:g} s; before: {self._seen}") from None
        self._seen.append(heard)
        return heard


R = TypeVar("R", bound=Reactor)


class ReactorHarness(Generic[R]):
    """A reactor without a node: no sockets, no other actors; its peers are the test's.

    Args:
        reactor_class: under test; args, of its constructor.
        place: THREAD, or PROCESS as in a node.
        settings: of the configuration that it sees as `self.node.config`.
    """

    def __init__(self, reactor_class: type[R], *args: Any, place: Place = THREAD, **settings: Any) -> None:
        self.reactor_class = reactor_class
        self._args, self._place, self._settings = args, place, settings
        self.names = NodeNames(f"harness-{next(_serials)}/", ("TESTED",), 1)
        self.ref: ActorRef[R] = self.names.reactor("TESTED")
        self.stack = ExitStack()
        self.switch = Probe(self.names.of("switch"))
        self.transport = Probe(self.names.of("peers-0"), self._on_transport)
        self._peers: list[FakePeer] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peerage-harness-")))
            stack.enter_context(self.switch)
            stack.enter_context(self.transport)
            stack.enter_context(self.stack)
            stack.enter_context(
                run_actor(
                    self.reactor_class,
                    *self._args,
                    place=self._place,
                    name=self.ref.name,
                    extra=self._context(home),
                )
            )
            self.transport.fish(AnnouncePeers)  # it has started, and asked who is there
            self.stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.close()

    def connect(
        self,
        peer_id: str | None = None,
        channels: bytes | None = None,
        *,
        is_outbound: bool = False,
        is_persistent: bool = False,
        ip: str = "127.0.0.1",
        since: float | None = None,
    ) -> FakePeer:
        """A new peer, told to the reactor.

        Args: peer_id, 40 hex digits; channels, that it announces, by default all of the reactor's; ip, where it is, and
            says that it is; since, Unix seconds from which on it has been connected (for a reactor that is restarted).
        """
        peer = FakePeer(
            self,
            NodeID(peer_id or secrets.token_hex(20)),
            channels or self._channels(),
            is_outbound=is_outbound,
            is_persistent=is_persistent,
            ip=ip,
            since=since,
        )
        self._peers.append(peer)
        return peer

    def ask(self, message: Any, timeout: float = TIMEOUT_S) -> Any:
        """What the reactor's `handle` answers."""
        return self.ref.ask(message, timeout=timeout)

    def _channels(self) -> bytes:
        return bytes(descriptor.id for descriptor in self.reactor_class.channels)

    def _on_transport(self, message: Any) -> None:
        if not (isinstance(message, Frames) and message.header[0] == BROADCAST):
            return
        _kind, channels, so_far = message.header
        for channel_id, data in zip(channels, message.frames, strict=True):
            for peer in self._peers:
                if channel_id in peer.info.node_info.channels:
                    peer.info.ref.tell(Frames((BROADCAST, (channel_id,), {}), [data]))
        totals = {channel_id: count + BROADCAST_WINDOW for channel_id, count in so_far.items()}
        self.ref.tell(Credits(self.names.transports[0].name, totals), exempt=True)

    def _context(self, home: Path) -> NodeContext:
        key = NodeKey.generate()
        channels: tuple[ChannelDescriptor, ...] = tuple(self.reactor_class.channels)
        return NodeContext(
            names=self.names,
            config=loopback_config(home, **self._settings),
            node_key=key,
            node_info=NodeInfo(
                id=key.node_id,
                listen_addr="tcp://127.0.0.1:26656",
                network=NETWORK,
                moniker="test",
                channels=self._channels(),
            ),
            channels=channels,
            routes={descriptor.id: "TESTED" for descriptor in channels},
        )
