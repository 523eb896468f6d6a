"""What relays pass on to the program, and who reads it there: an actor in a thread of this process, and its readers' lanes.

The actor waits while a reader that holds has no room. Its mailbox fills then, and the relays wait in turn.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from peerage.actors.context import NodeContext
from peerage.actors.messages import PeerInfo
from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.reactors.reactor import Envelope
from peerage.actors.reactors.relay import PeerCame, PeerGone
from peerage.actors.runtime import THREAD, ActorDeadError, ActorRef, Frames, ProcessActor, Timeout
from peerage.supervisors.node.errors import UnknownChannelError
from peerage.supervisors.node.lane import Lane, Slow
from peerage.supervisors.node.log import NodeLog
from peerage.supervisors.node.subscription import Subscription
from peerage.wire.channel import ChannelDescriptor, WhenFull

__all__ = ["MOST_BYTES", "MOST_MESSAGES", "ProgramInbox"]

MOST_MESSAGES: Final = 1000
MOST_BYTES: Final = 16 * 1024 * 1024
STOP_S: Final = 2.0

# A spilled message waits in the file of the peer host: here it is held.
_SLOW: Final = {
    WhenFull.WAIT: Slow.HOLD,
    WhenFull.SPILL: Slow.HOLD,
    WhenFull.DROP_NEWEST: Slow.DROP_NEWEST,
}

_serials = itertools.count(1)
_inboxes: dict[
    int, ProgramInbox
] = {}  # looked up by number: an actor's arguments are copied, even into a thread


class InboxActor(ProcessActor):
    """Hands what comes to the inbox with this number."""

    def __init__(self, serial: int) -> None:
        super().__init__()
        self._inbox = _inboxes[serial]

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Frames):
            self._inbox.pass_on(message.header, message.frames)
        elif isinstance(message, PeerCame):
            self._inbox.meet(message.info)
        elif isinstance(message, PeerGone):
            self._inbox.forget(message.connection)


class ProgramInbox:
    """Of one node, over its lives. Its methods may be called by any thread, those for the actor by that alone.

    Args: channels, that are passed on: by number.
    """

    def __init__(self, channels: Mapping[int, ChannelDescriptor], log: NodeLog) -> None:
        self._channels, self._log = channels, log
        self._lock = threading.Lock()
        self._readers: list[tuple[frozenset[int], Lane[Envelope]]] = []
        self._closing = threading.Lock()
        self._peers: dict[str, Peer] = {}
        self._serial = next(_serials)
        self._actor: ActorRef[Any] | None = None

    def subscribe(self, channel_ids: tuple[int, ...], when_full: WhenFull | None) -> Subscription[Envelope]:
        """See `Node.messages`. Raises: UnknownChannelError."""
        unknown = [channel_id for channel_id in channel_ids if channel_id not in self._channels]
        if unknown:
            raise UnknownChannelError(unknown[0], tuple(self._channels))
        wanted = channel_ids or tuple(self._channels)
        choices = [when_full or self._channels[channel_id].when_full for channel_id in wanted]
        # Of several channels the one that may lose nothing decides.
        slow = Slow.HOLD if Slow.HOLD in map(_SLOW.__getitem__, choices) else Slow.DROP_NEWEST
        lane: Lane[Envelope] = Lane(slow, MOST_MESSAGES, MOST_BYTES)
        with self._lock:
            self._readers.append((frozenset(wanted), lane))
        return Subscription(lane)

    def begin(self, context: NodeContext) -> None:
        """Before the node's parts start: be there for its relays. Raises: ActorStartError."""
        self._peers.clear()
        _inboxes[self._serial] = self
        name = context.names.program.name
        self._actor = InboxActor.options(name=name, place=THREAD).start(self._serial)

    def end(self) -> None:
        """The node stops: nothing is held any more, so that no relay waits. What is in the lanes can be read yet."""
        with self._lock:
            readers, self._readers = self._readers, []
        for _channels, lane in readers:
            lane.end()

    def close(self) -> None:
        """Every relay has ended, or none has started. May be called by several threads; all return when it is done."""
        with self._closing:
            actor, self._actor = self._actor, None
            if actor is not None:
                with suppress(ActorDeadError, Timeout):
                    actor.stop(timeout=STOP_S)
                _inboxes.pop(self._serial, None)

    # --- for the actor -----------------------------------------------------------------------------------------------

    def meet(self, info: PeerInfo) -> None:
        """Messages of this connection follow. After a relay's restart it is met again."""
        self._peers.setdefault(info.connection, Peer(info))

    def forget(self, connection: str) -> None:
        """It is over."""
        peer = self._peers.pop(connection, None)
        if peer is not None:
            peer.mark_stopped()

    def pass_on(self, places: tuple[tuple[str, int], ...], frames: Any) -> None:
        """Give messages to whoever reads their channel."""
        with self._lock:
            self._readers = [reader for reader in self._readers if not reader[1].is_closed]
            readers = tuple(self._readers)
        for (connection, channel_id), frame in zip(places, frames, strict=True):
            lanes = [lane for channels, lane in readers if channel_id in channels]
            peer = self._peers.get(connection)
            if not lanes or peer is None:
                continue
            envelope = self._envelope(peer, channel_id, frame)
            if envelope is not None:
                for lane in lanes:
                    lane.put(envelope, len(frame))

    def _envelope(self, peer: Peer, channel_id: int, frame: Any) -> Envelope | None:
        data = frame if isinstance(frame, bytes) else bytes(frame)
        message_class = self._channels[channel_id].message
        if message_class is None:
            return Envelope(peer, channel_id, data)
        try:
            return Envelope(peer, channel_id, message_class.FromString(data))
        except (
            Exception
        ) as error:  # not the peer's fault: its relay has decoded it, and passed on something else
            self._log.error("relayed message cannot be read", channel=f"{channel_id:#04x}", cause=str(error))
            return None
