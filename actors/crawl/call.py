"""A call at one node: who is there, how long each step takes, and whether it is a seed; or exactly why nothing is known.

    TCP ─▶ keys ─▶ ID ─▶ NodeInfo ─▶ ping ─▶ request for addresses

It blocks, so that many calls at once are a thread each.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from peerage.actors.crawl.probe import Spoken, answers_quic, spoken_at
from peerage.actors.peers.handshake import Handshake, HandshakeRefusedError
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import ForeignProtocolError, RemoteError
from peerage.wire.foreign_protocol import recognised
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import Event, MessageReceived, MessageRun, PongReceived
from peerage.wire.pex import PEX_CHANNEL, PexRequest
from peerage.wire.remote_text import quoted
from peerage.wire.secret_connection import Stage

__all__ = ["Call", "Finding", "Step", "Verdict"]

READ_SIZE = 64 * 1024
PROBE_TIMEOUT_S = 1.0  # for each further question to a place where no node answered
SEED_TIMEOUT_S = 2.0  # for the answer to a request for addresses, and again for what follows


class Verdict(StrEnum):
    """How a call ended, in a word. Everything but OK is a failure."""

    OK = "ok"
    NOT_FOUND = "name not found"
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no answer"  # connected, and nothing or too little was said in time
    REFUSED = "refused"  # hung up without a reason: the protocol has none
    OTHER_PROTOCOL = "other protocol"
    AUTH_FAILURE = "auth failure"
    INVALID_NODE_INFO = "invalid node info"
    INCOMPATIBLE = "incompatible"
    PROTOCOL_ERROR = "protocol error"


# SELF has no verdict of its own: our key was made for this call, so it can only be somebody who copies what we say.
_VERDICTS = {
    RefusalReason.AUTH_FAILURE: Verdict.AUTH_FAILURE,
    RefusalReason.OTHER_PROTOCOL: Verdict.OTHER_PROTOCOL,
    RefusalReason.INVALID_NODE_INFO: Verdict.INVALID_NODE_INFO,
    RefusalReason.INCOMPATIBLE: Verdict.INCOMPATIBLE,
}


class Step(StrEnum):
    """What takes time, in order. KEYS ends with the remote's ephemeral key, ID with its signature."""

    DNS = "dns"
    TCP = "tcp"
    KEYS = "keys"
    ID = "id"
    NODE_INFO = "node_info"
    PING = "ping"


@dataclass(slots=True)
class Finding:
    """What a call found.

    Args:
        verdict: how it ended.
        detail: why, unless all is well.
        node_info: of the remote, as soon as it was received and checked.
        is_seed: whether the node hung up when it had answered a request for addresses, as seeds do; None: not known.
        seconds: by step, for the steps that were completed.
        spoken: the protocol that is spoken there instead, "" if it is ours or is not known.
        beginning: the first bytes of what is no node of ours.
    """

    verdict: Verdict = Verdict.OK
    detail: str = ""
    node_info: NodeInfo | None = None
    is_seed: bool | None = None
    seconds: dict[Step, float] = field(default_factory=dict)
    spoken: str = ""
    beginning: bytes = b""

    def fail(self, verdict: Verdict, detail: str) -> Finding:
        """Note why nothing more is known. Returns: itself."""
        self.verdict, self.detail = verdict, detail
        return self


class Call:
    """One connection to one node, under a key made for it.

    Args: target; network, which we claim as ours, None for the remote's own; timeout, seconds for each step;
        connect_timeout, for the first, if that has less.
    """

    def __init__(
        self, target: NetAddress, network: str | None, timeout: float, connect_timeout: float | None = None
    ) -> None:
        self.found = Finding()
        self._target = target
        self._network = network
        self._timeout = timeout
        self._connect_timeout = timeout if connect_timeout is None else connect_timeout
        self._key = NodeKey.generate()
        self._handshake = Handshake(self._key, self._answer, NodeID(str(target.id)))
        self._step_began = 0.0
        self._doing = "dialling"
        self._heard = False

    def run(self) -> Finding:
        """Go through all steps. Raises nothing that a remote can cause."""
        self._step_began = time.monotonic()
        try:
            with socket.create_connection(
                (str(self._target.host), self._target.port), self._connect_timeout
            ) as sock:
                # Otherwise the ping would wait for a delayed ACK.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._completed(Step.TCP)
                return self._talk(sock)
        except HandshakeRefusedError as error:
            return self._refused(error.refusal)
        except TimeoutError:
            seconds = self._timeout if Step.TCP in self.found.seconds else self._connect_timeout
            detail = f"nothing within {seconds:.3g} s while {self._doing}"
        except ConnectionRefusedError as error:
            detail = error.strerror or str(error)
            if answers_quic(self._target, min(self._timeout, PROBE_TIMEOUT_S)):
                detail += "; QUIC is spoken on UDP there, as by a node that has libp2p, which peerage does not speak"
        except OSError as error:
            detail = error.strerror or str(error)
        return self.found.fail(Verdict.UNREACHABLE, detail)

    def _talk(self, sock: socket.socket) -> Finding:
        """Everything behind TCP. Raises: HandshakeRefusedError, OSError."""
        found = self.found
        self._doing = "shaking hands"
        try:
            self._shake(sock)
        except ConnectionError:
            return self._hung_up_early()
        except TimeoutError:  # a CometBFT node that is full lets connections wait
            sock.close()  # some servers have one client at a time
            if (spoken := self._asked_further()) is not None:
                return self._other_protocol(spoken)
            detail = (
                f"no word within {self._timeout:g} s: the node is full or hangs, or something else is there"
            )
            return found.fail(Verdict.NO_ANSWER, detail)
        found.node_info = self._handshake.theirs
        try:
            self._converse(sock)
        except ConnectionError:
            return self._hung_up("right after the handshake")
        except TimeoutError:
            detail = f"the handshake succeeded, but there was no answer to a ping within {self._timeout:g} s"
            return found.fail(Verdict.NO_ANSWER, detail)
        except RemoteError as error:
            return found.fail(Verdict.PROTOCOL_ERROR, str(error))
        return found

    # --- the handshake -----------------------------------------------------------------------------------------------

    def _answer(self, theirs: NodeInfo) -> NodeInfo:
        return NodeInfo(
            protocol_version=theirs.protocol_version,
            id=self._key.node_id,
            listen_addr="tcp://0.0.0.0:26656",
            network=theirs.network if self._network is None else self._network,
            version=theirs.version,
            channels=theirs.channels,
            moniker="peerage-ping",
            tx_index="off",
            rpc_address="",
        )

    def _shake(self, sock: socket.socket) -> None:
        """Perform the handshake within the time limit. Raises: HandshakeRefusedError, OSError, TimeoutError."""
        deadline = time.monotonic() + self._timeout
        secret = self._handshake.secret
        done = False
        while not done:
            sock.sendall(self._handshake.data_to_send())
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._handshake.timed_out(self._timeout)
            sock.settimeout(left)
            try:
                data = sock.recv(READ_SIZE)
            except TimeoutError:
                if not self._heard:
                    raise
                raise self._handshake.timed_out(self._timeout) from None
            self._heard = True
            if not data:
                raise ConnectionResetError
            try:
                done = self._handshake.receive_data(data)
            finally:  # one read may bring all of it, and what is wrong with it
                if secret.stage in {Stage.AUTHENTICATING, Stage.OPEN}:
                    self._completed(Step.KEYS)
                if secret.is_open:
                    self._completed(Step.ID)
        self._completed(Step.NODE_INFO)
        sock.sendall(self._handshake.data_to_send())

    def _asked_further(self) -> Spoken | None:
        """What is spoken at a place that has said nothing to us."""
        return spoken_at(self._target, min(self._timeout, PROBE_TIMEOUT_S))

    def _other_protocol(self, spoken: Spoken) -> Finding:
        self.found.spoken, self.found.beginning = spoken.protocol, spoken.beginning
        began = f"; it began with {quoted(spoken.beginning)}" if spoken.beginning else ""
        return self.found.fail(Verdict.OTHER_PROTOCOL, f"{ForeignProtocolError(spoken.protocol)}{began}")

    def _refused(self, refusal: Refusal) -> Finding:
        began = self.found.beginning = self._handshake.secret.strange_beginning
        if refusal.reason is RefusalReason.OTHER_PROTOCOL and (protocol := recognised(began)) is not None:
            return self._other_protocol(Spoken(protocol, began))
        return self.found.fail(_VERDICTS.get(refusal.reason, Verdict.AUTH_FAILURE), refusal.detail)

    def _hung_up_early(self) -> Finding:
        """The remote closed the connection inside the handshake."""
        secret = self._handshake.secret
        if secret.is_silent and (spoken := self._asked_further()) is not None:
            return self._other_protocol(spoken)
        if secret.strange_beginning:
            return self._refused(self._handshake.receive_eof().refusal)
        return self._hung_up("during the handshake")

    def _hung_up(self, when: str) -> Finding:
        """What that may mean: the protocol has no way to say why."""
        why = "it is full, bars this IP or ID, has it already, or takes callers from a load balancer alone"
        detail = f"the node closed the connection {when}: {why}"
        return self.found.fail(Verdict.REFUSED, detail)

    # --- behind it ---------------------------------------------------------------------------------------------------

    def _converse(self, sock: socket.socket) -> None:
        """Ping, and ask for addresses. Raises: OSError, TimeoutError: there was no pong; RemoteError."""
        conversation = _Conversation(sock, self._handshake)
        self._step_began = began = time.monotonic()
        conversation.connection.ping(began)
        conversation.wait_for(lambda event: type(event) is PongReceived, self._timeout)
        self._completed(Step.PING)
        theirs = self._handshake.theirs
        if theirs is not None and PEX_CHANNEL in theirs.channels:
            self.found.is_seed = conversation.answers_and_hangs_up(min(self._timeout, SEED_TIMEOUT_S))

    def _completed(self, step: Step) -> None:
        """Note how long a step took; the next one begins. A step ends once."""
        if step not in self.found.seconds:
            now = time.monotonic()
            self.found.seconds[step] = now - self._step_began
            self._step_began = now


class _Conversation:
    """Packets on an open connection.

    It speaks on all of the remote's channels, so that whatever a reactor sends meanwhile is understood and skipped.
    """

    def __init__(self, sock: socket.socket, handshake: Handshake) -> None:
        assert handshake.theirs is not None
        channels = [ChannelDescriptor(id=channel) for channel in handshake.theirs.channels]
        self.connection = MultiplexConnection(channels, now=time.monotonic())
        self._sock = sock
        self._secret = handshake.secret
        self._plaintext = handshake.leftover

    def wait_for(self, wanted: Callable[[Event], bool], timeout: float) -> None:
        """Send what there is to send, and read until an event is the wanted one.

        Raises: TimeoutError; ConnectionError, the remote has hung up; RemoteError.
        """
        deadline = time.monotonic() + timeout
        while True:
            now = time.monotonic()
            events: list[Event] = self.connection.receive_data(self._plaintext, now)
            self._plaintext = b""
            if any(wanted(event) for event in events):
                return
            if out := self.connection.data_to_send(now, READ_SIZE):
                self._sock.sendall(self._secret.seal(out))
            left = deadline - now
            if left <= 0:
                raise TimeoutError
            if self.connection.has_unread:
                continue
            self._sock.settimeout(left)
            data = self._sock.recv(READ_SIZE)
            if not data:
                raise ConnectionResetError
            self._plaintext = self._secret.receive_data(data)

    def answers_and_hangs_up(self, timeout: float) -> bool | None:
        """Ask for addresses, and see what follows the answer: a seed hangs up, another node answers one more ping.

        Returns: None when there was no answer, or nothing behind it. Source: reference 8.
        """
        self.connection.try_send(PEX_CHANNEL, PexRequest().encode())
        try:
            self.wait_for(_is_on_pex_channel, timeout)
        except (OSError, RemoteError):
            return None
        self.connection.ping(time.monotonic())
        try:
            self.wait_for(lambda event: type(event) is PongReceived, timeout)
        except ConnectionError:
            return True
        except (OSError, RemoteError):
            return None
        return False


def _is_on_pex_channel(event: Event) -> bool:
    return isinstance(event, MessageReceived | MessageRun) and event.channel_id == PEX_CHANNEL
