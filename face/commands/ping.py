"""The command `peerage ping`."""

import socket
import time

import click

from peerage.actors.crawl.probe import answers_quic, spoken_at
from peerage.actors.name_lookups import resolved_within
from peerage.actors.peers.handshake import Handshake, HandshakeRefusedError
from peerage.actors.refusal import RefusalReason
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.config.duration import NANOSECONDS_PER_SECOND, parse_duration
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import ForeignProtocolError, RemoteError, WireError
from peerage.wire.foreign_protocol import ForeignProtocol
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.multiplex import MultiplexConnection, PongReceived
from peerage.wire.net_address import NetAddress, name_in
from peerage.wire.node_info import NodeInfo
from peerage.wire.remote_text import shown

READ_SIZE = 64 * 1024
LONGEST_TIMEOUT_S = 86_400.0
PROBE_TIMEOUT_S = 1.0  # for each further question to a place where no node answered


@click.command("ping", epilog="Example: peerage ping 00…ff@seed.example.org:26656 --network cosmoshub-4")
@click.argument("address", metavar="ID@HOST:PORT")
@click.option("--network", metavar="ID", help="The network to claim as ours.  [default: the remote's own]")
@click.option(
    "--timeout", default="5s", show_default=True, metavar="DURATION", help="Longest time for each step."
)
def ping(address: str, network: str | None, timeout: str) -> None:
    """Dial a node, shake hands, and say who is there.

    Prints the node's ID, moniker, network, version and channels, and how long the TCP connection, the handshake and a ping
    took. Exit code 1, and the exact reason, if the node cannot be reached or refuses.
    """
    seconds = _positive_seconds(timeout)
    try:
        name = name_in(address)
        target = NetAddress.parse(address, resolved_within(seconds, () if name is None else (name,)))
    except WireError as error:
        raise MistakeError(f"ID@HOST:PORT: {error}") from error
    call = _Call(target, network, seconds)
    try:
        fault = call.run()
    except HandshakeRefusedError as error:
        fault = str(error.refusal)
    except TimeoutError:
        fault = f"unreachable: nothing within {seconds:g} s while {call.step}"
    except ConnectionRefusedError as error:
        fault = f"unreachable: {error.strerror or error}"
        if answers_quic(target, min(seconds, PROBE_TIMEOUT_S)):
            fault += (
                "; QUIC is spoken on UDP there, as by a node that has libp2p, which peerage does not speak"
            )
    except OSError as error:
        fault = f"unreachable: {error.strerror or error}"
    for line in call.report():
        click.echo(line)
    if fault:
        raise FailureError(f"{address}: {fault}")


def _positive_seconds(timeout: str) -> float:
    try:
        seconds = parse_duration(timeout) / NANOSECONDS_PER_SECOND
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TIMEOUT_S:
        raise MistakeError(f"--timeout: found {timeout!r}, allowed: a duration from 1ns to 24h, like 5s")
    return seconds


class _Call:
    """One connection, from the dial to the pong, with the time that each step took."""

    def __init__(self, target: NetAddress, network: str | None, timeout: float) -> None:
        self.step = "dialling"
        self.pinged: float | None = None
        self._target = target
        self._network = network
        self._timeout = timeout
        self._key = NodeKey.generate()
        self._handshake = Handshake(self._key, self._answer, NodeID(str(target.id)))
        self._connected = self._shaken = 0.0
        self._heard = False

    def run(self) -> str:
        """Go through all steps. Returns: what went wrong; empty if nothing did.

        Raises: HandshakeRefusedError; OSError, TimeoutError when the node cannot be reached.
        """
        began = time.perf_counter()
        with socket.create_connection((str(self._target.host), self._target.port), self._timeout) as sock:
            self._connected = time.perf_counter() - began
            # Otherwise the ping would wait for a delayed ACK.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.step = "shaking hands"
            try:
                self._shake(sock)
            except ConnectionError:
                if self._handshake.secret.is_silent and (spoken := self._spoken_there()) is not None:
                    return f"{RefusalReason.OTHER_PROTOCOL}: {ForeignProtocolError(spoken)}"
                if self._handshake.secret.strange_beginning:
                    return str(self._handshake.receive_eof())
                return self._closed("during the handshake")
            except TimeoutError:  # a CometBFT node that is full lets connections wait
                return f"no word within {self._timeout:g} s: the node is full or hangs, or something else is there"
            self._shaken = time.perf_counter() - began - self._connected
            self.step = "waiting for its pong"
            try:
                self._ping(sock)
            except ConnectionError:
                return self._closed("right after the handshake")
            except TimeoutError:
                return (
                    f"the handshake succeeded, but there was no answer to a ping within {self._timeout:g} s"
                )
            except RemoteError as error:
                return f"protocol error: {error}"
        return ""

    def _spoken_there(self) -> ForeignProtocol | None:
        return spoken_at(self._target, min(self._timeout, PROBE_TIMEOUT_S))

    @staticmethod
    def _closed(when: str) -> str:
        """What the closing may mean: the protocol has no way to say why."""
        return f"refused: the node closed the connection {when}: it is full, bars this IP or ID, or has it already"

    def report(self) -> list[str]:
        """What we learned about the node; nothing if the handshake was not completed."""
        theirs = self._handshake.theirs
        if theirs is None or not self._shaken:
            return []
        channels = " ".join(f"{channel:#04x}" for channel in theirs.channels)
        lines = [
            f"id        {theirs.id}",
            f"moniker   {shown(theirs.moniker)}",
            f"network   {shown(theirs.network)}",
            f"version   {shown(theirs.version)} (block {theirs.protocol_version.block}, p2p {theirs.protocol_version.p2p})",
            f"listens   {shown(theirs.listen_addr)}",
            f"channels  {channels}",
            f"tcp       {self._connected * 1000:.1f} ms",
            f"handshake {self._shaken * 1000:.1f} ms",
        ]
        if self.pinged is not None:
            lines.append(f"ping      {self.pinged * 1000:.1f} ms")
        return lines

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
            done = self._handshake.receive_data(data)
        sock.sendall(self._handshake.data_to_send())

    def _ping(self, sock: socket.socket) -> None:
        """Send a ping over the open connection and wait for its pong.

        It speaks on all of the remote's channels, so that whatever a reactor sends meanwhile is understood and skipped.
        """
        theirs, secret = self._handshake.theirs, self._handshake.secret
        assert theirs is not None
        channels = [ChannelDescriptor(id=channel) for channel in theirs.channels]
        began = time.monotonic()
        connection = MultiplexConnection(channels, now=began)
        connection.ping(began)
        plaintext = self._handshake.leftover
        while True:
            now = time.monotonic()
            if any(type(event) is PongReceived for event in connection.receive_data(plaintext, now)):
                self.pinged = now - began
                return
            out = connection.data_to_send(now, READ_SIZE)
            if out:
                sock.sendall(secret.seal(out))
            left = began + self._timeout - now
            if left <= 0:
                raise TimeoutError
            if connection.has_unread:
                plaintext = b""
                continue
            sock.settimeout(left)
            data = sock.recv(READ_SIZE)
            if not data:
                raise ConnectionResetError
            plaintext = secret.receive_data(data)
