"""A peer that does not keep the rules, for tests of whole nodes: over TCP, with a handshake of its own.

For example:

    with EvilPeer(node) as evil:                       # joined as an honest peer would
        evil.send(0x60, b"hello")
        evil.send_plaintext(b"no packet")
        evil.expect_ended()                            # the node has hung up
    misbehave(node, "packets", "key exchange: *")      # the named cases of `peerage conform`
"""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self

from peerage.conformance.case import When
from peerage.conformance.examination import Bounds, Examination, Result, Status
from peerage.conformance.handshaker import Claims
from peerage.conformance.suite import GROUPS, chosen
from peerage.conformance.visitor import Visitor
from peerage.supervisors.node import Node
from peerage.testing.waiting import TIMEOUT_S
from peerage.wire.delimited import delimit
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

__all__ = ["EvilPeer", "misbehave", "misbehaviours"]

Handshake = Literal["none", "keys", "proof", "whole"]

LONGEST_S = 120.0  # for all cases of a call of `misbehave`


class EvilPeer:
    """One connection to a node, on which the test says what it likes.

    Args:
        node: one that runs, or the address of one, `ID@ip:port`.
        handshake: how far it goes by the rules: not at all, up to the exchange of keys, up to the proof of its ID, or to the
            end.
        channels: that it announces, by default those of the node.

    Raises: OSError, on entering: nobody is there, or the node has refused it.
    """

    def __init__(
        self, node: Node | str, *, handshake: Handshake = "whole", channels: bytes | None = None
    ) -> None:
        self._target = _target(node)
        self._handshake, self._channels = handshake, channels
        self._visitor: Visitor | None = None

    def __enter__(self) -> Self:
        visitor = Visitor.calling(str(self._target.host), self._target.port, Claims("", b""))
        try:
            self._begin(visitor)
        except BaseException:
            visitor.sock.close()
            raise
        self._visitor = visitor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.sock.close()

    @property
    def id(self) -> NodeID:
        """Its node ID."""
        return self._line.key.node_id

    @property
    def claims(self) -> Claims:
        """What it says of itself: what an honest peer of the node would."""
        return self._line.claims

    def send(self, channel_id: int, *messages: bytes) -> None:
        """Send messages as an honest peer does, in packets. Raises: OSError, the node has hung up; so do the others."""
        for message in messages:
            self._line.message(message, channel_id)

    def send_part(self, channel_id: int, data: bytes) -> None:
        """Send a part of a message that has no end."""
        self._line.packet(data, channel_id, eof=False)

    def send_plaintext(self, data: bytes) -> None:
        """Send bytes that are no packets, in sealed frames. From the exchange of keys on."""
        self._line.say(data)

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are, where a sealed frame is expected, or a key."""
        self._line.send(data)

    def ignore_pings(self) -> None:
        """Answer no ping from now on."""
        self._line.answers_pings = False

    def expect(self, channel_id: int, message: bytes | None = None, timeout: float = TIMEOUT_S) -> bytes:
        """Return the next message of the node on a channel. Raises: AssertionError: another one or none came in time."""
        try:
            heard = self._line.expect(channel_id, timeout)
        except OSError as error:  # TimeoutError is one
            raise AssertionError(
                f"no message on {channel_id:#04x} within {timeout:g} s: {_why(error)}"
            ) from None
        if message not in {None, heard}:
            raise AssertionError(f"{heard!r} came on {channel_id:#04x}, {message!r} was expected")
        return heard

    def expect_served(self, timeout: float = TIMEOUT_S) -> None:
        """Check that the node still serves this peer: it answers a ping. Raises: AssertionError."""
        try:
            self._line.confirm(timeout)
        except OSError as error:
            raise AssertionError(f"no pong within {timeout:g} s: {_why(error)}") from None

    def expect_ended(self, timeout: float = TIMEOUT_S) -> None:
        """Check that the node ends the connection. Raises: AssertionError."""
        if not self._line.wait_for_the_end(timeout):
            raise AssertionError(f"the node has not ended the connection within {timeout:g} s")

    def hang_up(self) -> None:
        """Go without a word."""
        self._line.sock.close()

    def reset(self) -> None:
        """Go so that the node has an error in place of an end."""
        self._line.reset()

    @property
    def _line(self) -> Visitor:
        if self._visitor is None:
            raise RuntimeError("an evil peer is connected within its `with` only")
        return self._visitor

    def _begin(self, visitor: Visitor) -> None:
        if self._handshake in {"keys", "proof", "whole"}:
            visitor.exchange_keys()
        if self._handshake in {"proof", "whole"}:
            visitor.prove()
        if self._handshake == "whole":
            visitor.receive_info()
            assert visitor.theirs is not None
            visitor.claims = Claims.of(visitor.theirs)
            changes = {} if self._channels is None else {"channels": self._channels}
            visitor.say(delimit(visitor.info(**changes).encode()))


def misbehaviours() -> list[str]:
    """The names of all cases that `misbehave` knows, `group: what is done`."""
    everything = ((group, case) for group in GROUPS for case in group.cases if case.when is not When.NEVER)
    return [f"{group.key}: {case.name}" for group, case in everything]


def misbehave(node: Node | str, *names: str, patience: float = 25.0) -> list[Result]:
    """Do the cases of `peerage conform` to a node, each on connections of its own.

    Args:
        node: one that runs, or its address.
        names: of groups or cases, or patterns of `group: case`; by default all that `peerage conform` does.
        patience: seconds for an end that must come; more than the node's handshake timeout.
    Returns: what came of each.
    Raises: AssertionError, with a line for each case in which the node did not do what it must; ValueError, a name fits no
        case.
    """
    target = _target(node)
    with EvilPeer(node) as honest:
        claims = honest.claims
    cases = chosen(names, known=_unknown)
    results = Examination(
        str(target.host), target.port, claims, Bounds(patience=patience, longest=LONGEST_S)
    ).run(cases)
    failed = [each for each in results if each.status is Status.FAILED]
    if failed:
        lines = "\n".join(
            f"{each.group.key}: {each.case.name}: {each.detail}; {each.case.rule}" for each in failed
        )
        raise AssertionError(f"{len(failed)} of {len(results)} cases failed\n{lines}")
    return results


def _unknown(name: str) -> None:
    raise ValueError(f"{name!r} fits no case; `misbehaviours()` has their names")


def _target(node: Node | str) -> NetAddress:
    return NetAddress.parse(node if isinstance(node, str) else node.address)


def _why(error: OSError) -> str:
    return "the node is silent" if isinstance(error, TimeoutError) else str(error)
