"""The reactor harness: runs a reactor alone, without sockets or other actors, with fake peers."""

from __future__ import annotations

import itertools
import secrets
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from peerage.actors import transfer
from peerage.actors.context import NodeContext
from peerage.actors.messages import AnnouncePeers, Credits
from peerage.actors.names import NodeNames
from peerage.actors.reactors.reactor import Reactor
from peerage.actors.runtime import THREAD, ActorRef, Frames, Place
from peerage.actors.transfer import BROADCAST_WINDOW
from peerage.testing.fake_peer import PORT, FakePeer
from peerage.testing.nodes import NETWORK, loopback_config
from peerage.testing.probe import Probe
from peerage.testing.waiting import TIMEOUT_S, run_actor
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo

_serials = itertools.count(1)

R = TypeVar("R", bound=Reactor)


class ReactorHarness(Generic[R]):
    """A reactor without a node: no sockets and no other actors, and the test plays its peers.

    Args:
        reactor_class: the reactor under test; args, of its constructor.
        place: THREAD, or PROCESS as in a node.
        settings: of the configuration that the reactor sees as `self.node.config`.
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
            self.transport.fish(AnnouncePeers)  # the reactor has started and asks which peers there are
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
        """Connect a new peer and announce it to the reactor.

        Args: peer_id, 40 hex digits; channels, those that it announces, by default all of the reactor's; ip, where it is
            and claims to be; since, Unix seconds since when it has been connected (for a reactor that is restarted).
        """
        serial = next(_serials)
        peer = FakePeer(
            f"{self.names.prefix}{serial}",
            self.ref,
            {each.id: each.send_queue_capacity for each in self.reactor_class.channels},
            NodeID(peer_id or secrets.token_hex(20)),
            channels or self._channels(),
            is_outbound=is_outbound,
            is_persistent=is_persistent,
            ip=ip,
            port=PORT if is_outbound else serial,
            since=time.time() if since is None else since,
        )
        self._peers.append(self.stack.enter_context(peer))
        return peer

    def ask(self, message: Any, timeout: float = TIMEOUT_S) -> Any:
        """Ask the reactor. Returns: what its `handle` returns."""
        return self.ref.ask(message, timeout=timeout)

    def _channels(self) -> bytes:
        return bytes(descriptor.id for descriptor in self.reactor_class.channels)

    def _on_transport(self, message: Any) -> None:
        if not (isinstance(message, Frames) and transfer.kind_of(message) == transfer.BROADCAST):
            return
        channels, so_far = transfer.of_broadcast(message)
        for channel_id, data in zip(channels, message.frames, strict=True):
            for peer in self._peers:
                if channel_id in peer.info.node_info.channels:
                    peer.info.ref.tell(transfer.broadcast((channel_id,), [data], {}))
        totals = {channel_id: count + BROADCAST_WINDOW for channel_id, count in so_far.items()}
        self.ref.tell(Credits(self.names.transports[0].name, totals), exempt=True)

    def _context(self, home: Path) -> NodeContext:
        """The context that a node would give the reactor, with a fresh key."""
        key = NodeKey.generate()
        channels: tuple[ChannelDescriptor, ...] = tuple(self.reactor_class.channels)
        return NodeContext(
            names=self.names,
            config=loopback_config(home, **self._settings),
            public_key=key.public_key,
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
