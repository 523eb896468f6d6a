"""The handshake from a hostile peer's side: each step as it should be, or as a case wants it."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

from peerage.conformance.line import Line
from peerage.wire.delimited import DelimitedReader, delimit
from peerage.wire.frames import FRAME_SEALED, Opener, Sealer
from peerage.wire.handshake_messages import AuthSignature, EphemeralKey
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo, ProtocolVersion
from peerage.wire.session_keys import SessionKeys, agree, ephemeral_public

__all__ = ["Claims", "Handshaker"]

ANY_SIZE = 1 << 21


@dataclass(frozen=True, slots=True)
class Claims:
    """What an honest peer of the node under test says of itself: what both must have in common.

    Args: network, version, channels and protocol_version as in NodeInfo; listen_addr, by default an address that no node
        adds to its book; is_seed, whether the node is one: it hangs up when it has answered a request.
    """

    network: str
    channels: bytes
    version: str = "0.38.26"
    protocol_version: ProtocolVersion = field(default_factory=ProtocolVersion)
    listen_addr: str = "tcp://0.0.0.0:26656"
    is_seed: bool = False

    @classmethod
    def of(cls, theirs: NodeInfo, *, is_seed: bool = False) -> Self:
        """The claims that suit a node. Args: theirs, what it says of itself."""
        return cls(theirs.network, theirs.channels, theirs.version, theirs.protocol_version, is_seed=is_seed)


class Handshaker(Line):
    """A connection up to the end of its handshake.

    Nothing is checked on this side but what a step needs to go on. When the other side ends the connection, a step raises
    an OSError.

    Args: sock, connected; claims.
    Attributes: key, our node key; secret, our ephemeral one; keys, sealer and opener, once the keys are exchanged; theirs,
        what the other side says of itself.
    """

    def __init__(self, sock: socket.socket, claims: Claims) -> None:
        super().__init__(sock)
        self.claims = claims
        self.key = NodeKey.generate()
        self.secret = secrets.token_bytes(32)
        self.keys: SessionKeys | None = None
        self.remote_ephemeral = b""
        self.theirs: NodeInfo | None = None
        self.their_proof: AuthSignature | None = None
        self._plain = bytearray()

    @property
    def public(self) -> bytes:
        """Our ephemeral key."""
        return ephemeral_public(self.secret)

    @cached_property
    def sealer(self) -> Sealer:
        assert self.keys is not None
        return Sealer(self.keys.send_key)

    @cached_property
    def opener(self) -> Opener:
        assert self.keys is not None
        return Opener(self.keys.receive_key)

    def receive_key(self) -> bytes:
        """Their ephemeral key. Raises: OSError."""
        header = self.read_raw(3)
        self.remote_ephemeral = self.read_raw(32)
        return header + self.remote_ephemeral

    def exchange_keys(self, message: bytes | None = None, *, public: bytes | None = None) -> None:
        """The first step, with that key in place of ours, in that form (without its length in front)."""
        public = self.public if public is None else public
        self.send(delimit(EphemeralKey(public).encode() if message is None else message))
        self.receive_key()
        self.derive(public)

    def derive(self, public: bytes) -> None:
        """Compute the session's keys, ours having been sent as `public`."""
        self.keys = agree(self.secret, self.remote_ephemeral, public)

    @property
    def proof(self) -> AuthSignature:
        """The right one."""
        assert self.keys is not None
        return AuthSignature(self.key.public_key, self.key.sign(self.keys.challenge))

    def prove(self, message: bytes | None = None) -> None:
        """The second step, with that message in place of our proof. Waits for theirs."""
        self.say(delimit(self.proof.encode() if message is None else message))
        self.receive_proof()

    def receive_proof(self) -> None:
        """Their proof, unchecked. Raises: OSError."""
        self.their_proof = AuthSignature.decode(self._read_delimited())

    def info(self, **changes: Any) -> NodeInfo:
        """What we say of ourselves."""
        claims = self.claims
        ours = NodeInfo(
            protocol_version=claims.protocol_version,
            id=self.key.node_id,
            listen_addr=claims.listen_addr,
            network=claims.network,
            version=claims.version,
            channels=claims.channels,
            moniker="visitor",
            tx_index="off",
        )
        return replace(ours, **changes)

    def introduce(self, message: bytes | None = None, **changes: Any) -> None:
        """The third step, with that message in place of our NodeInfo, or with other values in it. Waits for theirs."""
        self.say(delimit(self.info(**changes).encode() if message is None else message))
        self.receive_info()

    def receive_info(self) -> None:
        """Their NodeInfo. Raises: OSError."""
        self.theirs = NodeInfo.decode(self._read_delimited())

    def identify(self) -> None:
        """The first two steps as they should be."""
        self.exchange_keys()
        self.prove()

    def join(self, **changes: Any) -> None:
        """All three steps. Args: changes, of our NodeInfo."""
        self.identify()
        self.introduce(**changes)

    @property
    def has_joined(self) -> bool:
        """Whether packets are what comes next."""
        return self.theirs is not None

    def say(self, plaintext: bytes) -> None:
        """Into sealed frames."""
        self.send(self.sealer.seal(plaintext))

    def _read_delimited(self) -> bytes:
        reader = DelimitedReader("message", ANY_SIZE)
        while True:
            read = reader.feed(bytes(self._plain))
            self._plain.clear()
            if read is not None:
                message, rest = read
                self._plain += rest
                return message
            self._plain += self.opener.open(self.read_raw(FRAME_SEALED))
