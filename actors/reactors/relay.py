"""A reactor that passes what it receives to the program that the node is embedded in, and the messages between the two.

    peer actor ──> Relay ──PeerCame, Frames, PeerGone──> inbox of the program, a thread of its process ──> node.messages()

While the program is slow its inbox is full, this reactor waits, its windows fill, and the `when_full` of each channel
decides, as for any slow reactor (design 4).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from msgspec import Struct

from peerage.actors.messages import PeerInfo
from peerage.actors.reactors.peer_handle import message_bytes
from peerage.actors.reactors.reactor import Envelope, Reactor
from peerage.actors.runtime import ActorContext, ActorDeadError, ActorRef, Frames, Future, Wait
from peerage.wire.channel import ChannelDescriptor

__all__ = ["PeerCame", "PeerGone", "ProgramRelay", "Relay"]

# What a program has not been told of yet, within one turn.
MOST_MESSAGES: Final = 256
MOST_BYTES: Final = 256 * 1024
# What it has been told of, and has not taken: a mailbox holds far more, and each relay would have as much of the program's
# memory.
MOST_UNDER_WAY: Final = 16  # batches
AS_LONG_AS_IT_TAKES: Final = Wait(None)


class PeerCame(Struct, frozen=True):
    """relay → program: the first message of this connection follows."""

    info: PeerInfo


class PeerGone(Struct, frozen=True):
    """relay → program: no more messages of this connection follow."""

    connection: str


class Relay(Reactor):
    """Passes every message on its channels to the embedding program, which reads them with `node.messages(…)`.

        class Chat(Relay):
            channels = [ChannelDescriptor(id=0x50)]

    A subclass may choose in `receive` what to pass on, with `relay`.
    """

    passes_on: ClassVar[bool] = True

    def receive(self, envelope: Envelope) -> None:
        """Pass it on."""
        self.relay(envelope)

    def relay(self, envelope: Envelope) -> None:
        """Pass a message on to the program; it may be another one than was received.

        It waits while the program is slow, unless the readers there drop what they have no room for. Where nobody reads
        its channel, it is dropped there.
        """
        if not self._gathered:
            self.runtime.at_end_of_turn(self._pass_on)
        data = message_bytes(envelope.message)
        self._gathered.append((envelope.source.info, envelope.channel_id, data))
        self._bytes += len(data)
        if len(self._gathered) >= MOST_MESSAGES or self._bytes >= MOST_BYTES:
            self._pass_on()

    # --- machinery ---------------------------------------------------------------------------------------------------

    def on_bound(self, ref: ActorRef[Any], runtime: ActorContext, stopped: threading.Event) -> None:
        super().on_bound(ref, runtime, stopped)
        self._gathered: list[tuple[PeerInfo, int, Any]] = []
        self._bytes = 0
        self._under_way: deque[Future[Any]] = deque()
        self._told: set[str] = set()  # the connections that the program knows of from here

    def _pass_on(self) -> None:
        if not self._gathered:
            return
        gathered, self._gathered, self._bytes = self._gathered, [], 0
        program = self.node.names.program
        for info, _channel, _data in gathered:
            if info.connection not in self._told:
                self._told.add(info.connection)
                program.tell(PeerCame(info), when_full=AS_LONG_AS_IT_TAKES)
        header = tuple((info.connection, channel) for info, channel, _data in gathered)
        frames = [data for _info, _channel, data in gathered]
        self._under_way.append(
            program.ask(Frames(header, frames), block=False, when_full=AS_LONG_AS_IT_TAKES)
        )
        while len(self._under_way) > MOST_UNDER_WAY:
            with suppress(ActorDeadError):  # the node's end
                self._under_way.popleft().get()

    def _remove(self, connection: str, reason: str) -> Any:
        answer = super()._remove(connection, reason)
        self._pass_on()
        if connection in self._told:
            self._told.discard(connection)
            self.node.names.program.tell(PeerGone(connection), when_full=AS_LONG_AS_IT_TAKES)
        return answer


class ProgramRelay(Relay):
    """The relay of a node that was made with channels of the program's own."""

    @property
    def channels(self) -> Sequence[ChannelDescriptor]:  # type: ignore[override]  # of this node, not of the class
        """Those of the node that are routed to this reactor."""
        node = self.node
        return [
            descriptor
            for descriptor in node.channels
            if node.names.reactor(node.routes[descriptor.id]).name == self.actor_urn
        ]
