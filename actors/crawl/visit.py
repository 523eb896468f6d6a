"""One visit of a survey: shake hands, ask for addresses, leave. Bytes in, bytes out.

We wait for the node's NodeInfo before we send ours, so that ours can name the node's own network. Ours has no channel but
that of peer exchange, so that no other reactor of the node sends us anything.
Source: reference 2, 3, 4 and 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from peerage.actors.discovery.book.selection import MIN_SELECTION
from peerage.actors.discovery.survey.visit import MAX_REQUESTS, MAX_TOLD, Errand, Fault, Visited
from peerage.actors.peers.handshake import Handshake, HandshakeRefusedError
from peerage.actors.refusal import RefusalReason
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import RemoteError
from peerage.wire.keys import NodeID, NodeKey, is_node_id
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import Event, MessageReceived
from peerage.wire.pex import MAX_PEX_BYTES, PEX_CHANNEL, PexAddress, PexAddrs, PexRequest, decode_pex

__all__ = ["Stage", "Visit"]

MAX_BYTES = 256 * 1024  # from one node: the handshake and two answers take at most 150,000
SEND_SIZE = 1024  # two requests are all that we send
MONIKER = "peerage-crawl"
UNLISTENED = "tcp://0.0.0.0:26656"  # valid, but no address book accepts it

_CHANNELS = (
    ChannelDescriptor(id=PEX_CHANNEL, send_queue_capacity=MAX_REQUESTS, recv_message_capacity=MAX_PEX_BYTES),
)


class Stage(Enum):
    """The stage of a visit."""

    HANDSHAKE = auto()
    ASKING = auto()
    DONE = auto()


class Visit:
    """A visit, from the moment that TCP is connected.

    Promises: raises nothing on any input; takes a bounded number of bytes; is `DONE` after any violation of the protocol.

    Args:
        node_key: our identity.
        errand: the place, and the networks whose nodes are asked.
        requests: how often to ask at most; we ask again only if the first answer may not have been complete.
        at: Unix seconds.
        connect_s: how long TCP took.
        now: seconds of any clock, as in the methods.
    """

    def __init__(
        self, node_key: NodeKey, errand: Errand, *, requests: int, at: float, connect_s: float, now: float
    ) -> None:
        self.stage = Stage.HANDSHAKE
        self._node_key = node_key
        self._errand = errand
        self._requests = requests
        self._at = at
        self._connect_s = connect_s
        self._began = now
        self._handshake_s = 0.0
        self._handshake = Handshake(node_key, self._ours)
        self._mconn: MultiplexConnection | None = None
        self._received = 0
        self._told: list[PexAddress] | None = None
        self._fault: Fault | None = None
        self._detail = ""

    def data_to_send(self, now: float) -> bytes:
        """Bytes to write now."""
        if self._mconn is not None and self.stage is Stage.ASKING:
            plaintext = self._mconn.data_to_send(now, SEND_SIZE)
            if plaintext:
                self._handshake.secret.write(plaintext)
        return self._handshake.data_to_send() if self.stage is not Stage.DONE else b""

    def receive_data(self, data: bytes | memoryview, now: float) -> None:
        """Take what came from the socket."""
        self._received += len(data)
        try:
            if self.stage is Stage.HANDSHAKE:
                if self._handshake.receive_data(data):
                    self._shaken(now)
            elif self._mconn is not None:
                self._take(self._handshake.secret.receive_data(data), now)
        except HandshakeRefusedError as error:
            invalid = error.refusal.reason is RefusalReason.INVALID_NODE_INFO
            self._end(Fault.INVALID_NODE_INFO if invalid else Fault.AUTH_FAILURE, error.refusal.detail)
        except RemoteError as error:
            self._end(Fault.BAD_ANSWER, str(error))
        if self._received > MAX_BYTES and self.stage is not Stage.DONE:
            asked = self.stage is Stage.ASKING
            self._end(Fault.BAD_ANSWER if asked else Fault.AUTH_FAILURE, f"more than {MAX_BYTES} bytes")

    def receive_eof(self) -> None:
        """The node has closed the connection."""
        if self.stage is Stage.ASKING:
            self._end(None if self._told else Fault.NO_ANSWER, "it closed the connection when asked")
        elif self.stage is Stage.HANDSHAKE:
            self._end(Fault.CLOSED, "it hung up during the handshake: full, or it bars us, or has us already")

    def timed_out(self, seconds: float) -> None:
        """The time limit of this stage is over."""
        if self.stage is Stage.ASKING:
            self._end(None if self._told else Fault.NO_ANSWER, f"no addresses within {seconds:g} s")
        elif self.stage is Stage.HANDSHAKE and self._received:
            self._end(Fault.AUTH_FAILURE, f"no end of the handshake within {seconds:g} s")
        elif self.stage is Stage.HANDSHAKE:
            self._end(Fault.SILENT, f"no word within {seconds:g} s: full, hanging, or something else")

    def outcome(self) -> Visited:
        """The result, once the visit is `DONE`."""
        info = self._handshake.theirs
        return Visited(
            place=self._errand.place,
            at=self._at,
            id=self._proved_id(),
            info=info,
            connect_s=self._connect_s,
            handshake_s=self._handshake_s,
            told=None if self._told is None else tuple(self._told),
            fault=self._fault,
            detail=self._detail,
        )

    # --- inside ---

    def _proved_id(self) -> NodeID | None:
        known = self._handshake.theirs is not None or self._fault is Fault.INVALID_NODE_INFO
        return self._handshake.remote_id if known else None

    def _ours(self, theirs: NodeInfo) -> NodeInfo:
        return NodeInfo(
            protocol_version=theirs.protocol_version,
            id=self._node_key.node_id,
            listen_addr=UNLISTENED,
            network=theirs.network,
            version=theirs.version,
            channels=bytes((PEX_CHANNEL,)) if PEX_CHANNEL in theirs.channels else theirs.channels,
            moniker=MONIKER,
            tx_index="off",
        )

    def _shaken(self, now: float) -> None:
        self._handshake_s = now - self._began
        theirs = self._handshake.theirs
        assert theirs is not None
        networks = self._errand.networks
        if networks is not None and theirs.network not in networks:
            self._end(Fault.OTHER_NETWORK, ascii(theirs.network))
        elif PEX_CHANNEL not in theirs.channels:
            self._end(Fault.NO_PEX, "it has no channel 0x00")
        else:
            self.stage = Stage.ASKING
            self._mconn = MultiplexConnection(_CHANNELS, now=now, remote_channels=theirs.channels)
            self._ask()
            self._take(self._handshake.leftover, now)

    def _ask(self) -> None:
        assert self._mconn is not None
        self._requests -= 1
        self._mconn.try_send(PEX_CHANNEL, PexRequest().encode())

    def _take(self, plaintext: bytes | bytearray | memoryview, now: float) -> None:
        assert self._mconn is not None
        self._hear(self._mconn.receive_data(plaintext, now))
        while self._mconn.has_unread and self.stage is Stage.ASKING:  # MAX_BYTES of packets at most
            self._hear(self._mconn.receive_data(b"", now))
        if self._mconn.error is not None and self.stage is Stage.ASKING:
            raise self._mconn.error

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, MessageReceived) and self.stage is Stage.ASKING:
                message = decode_pex(event.data)
                if isinstance(message, PexAddrs):
                    self._answered(message)

    def _answered(self, message: PexAddrs) -> None:
        message.net_addresses()  # one invalid address makes the whole answer invalid, as in the node
        told = [raw for raw in message.addresses[:MAX_TOLD] if is_node_id(raw.id)]
        self._told = [*(self._told or ()), *told]
        if len(message.addresses) > MAX_TOLD:
            self._end(Fault.BAD_ANSWER, f"{len(message.addresses)} addresses, {MAX_TOLD} are taken")
        elif self._requests and len(message.addresses) >= MIN_SELECTION:
            self._ask()
        else:
            self._end(None)

    def _end(self, fault: Fault | None, detail: str = "") -> None:
        self.stage = Stage.DONE
        self._fault = fault
        self._detail = "" if fault is None else detail.encode("ascii", "backslashreplace").decode()
