"""The upgrade of a fresh TCP connection: secret connection, then NodeInfo, checked in the order of reference 3.

Bytes in, bytes out: the peer actor drives it from its host's loop, `peerage ping` from a blocking socket.
"""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.errors import (
    ForeignProtocolError,
    IncompatibleNodeError,
    InvalidNodeInfoError,
    RemoteError,
    UnexpectedNodeIDError,
)
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo, NodeInfoReader
from peerage.wire.remote_text import quoted
from peerage.wire.secret_connection import SecretConnection

__all__ = ["Handshake", "HandshakeRefusedError"]


class HandshakeRefusedError(Exception):
    """The handshake ended the connection; `refusal` says why. Source: reference 3."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal

    def __str__(self) -> str:
        return str(self.refusal)


class Handshake:
    """Both steps of the handshake on one connection.

    Promises: raises nothing but HandshakeRefusedError on any input; buffers at most the size of the two messages.

    Args:
        node_key: signs the challenge.
        ours: our NodeInfo; or a function of the remote's, if we send ours only after we have received it (`peerage ping`
            learns the network that way).
        expected_id: the dialled ID, None for an accepted connection.
        refusal_of: called with the authenticated ID before we send our NodeInfo; returns why to refuse it, or None. The
            time matters: if we close before NodeInfo, CometBFT counts a failed handshake and waits five seconds before it
            dials again. After NodeInfo it has a peer, loses it, and dials at once.

    Source: reference 2 and 3.
    """

    def __init__(
        self,
        node_key: NodeKey,
        ours: NodeInfo | Callable[[NodeInfo], NodeInfo],
        expected_id: NodeID | None = None,
        refusal_of: Callable[[NodeID], Refusal | None] = lambda _id: None,
    ) -> None:
        self._ours = ours
        self._refusal_of = refusal_of
        self._authenticated = False
        self._node_key = node_key
        self._reader = NodeInfoReader()
        self.secret = SecretConnection(node_key, expected_id=expected_id)
        self.theirs: NodeInfo | None = None
        self.leftover = b""

    @property
    def remote_id(self) -> NodeID | None:
        """The authenticated ID, once the secret connection is open."""
        return self.secret.remote_id if self.secret.is_open else None

    @property
    def remote(self) -> tuple[NodeID, NodeInfo]:
        """Who is there, and what it says of itself; once the handshake is done."""
        assert self.theirs is not None
        return self.secret.remote_id, self.theirs

    def data_to_send(self) -> bytes:
        """Bytes to write now; empty when there are none."""
        return bytes(self.secret.data_to_send())

    def receive_data(self, data: bytes | memoryview) -> bool:
        """Take what came from the socket.

        Returns: True once the remote's NodeInfo has arrived and passed every check. Then `theirs` holds it, and `leftover`
            the plaintext after it.
        Raises: HandshakeRefusedError.
        """
        try:
            plaintext = self.secret.receive_data(data)
            if self.secret.is_open and not self._authenticated:
                self._authenticated = True
                self._greet()
            if not plaintext:
                return False
            theirs = self._reader.feed(plaintext)
        except ForeignProtocolError as error:
            raise HandshakeRefusedError(Refusal(RefusalReason.OTHER_PROTOCOL, str(error))) from error
        except RemoteError as error:
            impostor = isinstance(error, UnexpectedNodeIDError)
            if isinstance(error, UnexpectedNodeIDError) and error.actual == self._node_key.node_id:
                refusal = Refusal(RefusalReason.SELF, f"dialled {error.expected}, and we answered ourselves")
            else:
                strange = self._strange()
                detail = f"the remote {strange}: {error}" if strange else str(error)
                refusal = Refusal(RefusalReason.AUTH_FAILURE, detail, impostor=impostor)
            raise HandshakeRefusedError(refusal) from error
        if theirs is None:
            return False
        self._check(theirs)
        self.leftover = self._reader.leftover
        self.theirs = theirs
        return True

    def _greet(self) -> None:
        """The remote's key is known: refuse it, or send our NodeInfo, unless we wait for the remote's."""
        remote_id = self.secret.remote_id
        refusal = None if remote_id is None else self._refusal_of(remote_id)
        if refusal is not None:
            raise HandshakeRefusedError(refusal)
        if isinstance(self._ours, NodeInfo):
            self.secret.write(self._ours.encode_delimited())

    def receive_eof(self) -> HandshakeRefusedError:
        """The error for a remote that closes the connection now."""
        step = "the key exchange" if not self.secret.is_open else "its NodeInfo"
        strange = self._strange()
        said = (
            f": it {strange}"
            if strange
            else ", without having said anything"
            if self.secret.is_silent
            else ""
        )
        return HandshakeRefusedError(
            Refusal(
                RefusalReason.AUTH_FAILURE,
                f"the remote closed the connection before {step} was complete{said}",
            )
        )

    def timed_out(self, seconds: float) -> HandshakeRefusedError:
        """The error for a handshake that has taken too long."""
        step = "key exchange" if not self.secret.is_open else "NodeInfo"
        strange = self._strange()
        detail = f"handshake timeout: no {step} within {seconds:g} s" + (f": it {strange}" if strange else "")
        return HandshakeRefusedError(Refusal(RefusalReason.AUTH_FAILURE, detail))

    def _strange(self) -> str:
        """What the remote sent first, if it was not a key exchange and not a protocol that we recognise; otherwise empty."""
        began = self.secret.strange_beginning
        return f"began with {quoted(began)}, which is no key exchange" if began else ""

    def _check(self, theirs: NodeInfo) -> None:
        remote_id = self.secret.remote_id
        try:
            theirs.validate()
        except InvalidNodeInfoError as error:
            raise HandshakeRefusedError(Refusal(RefusalReason.INVALID_NODE_INFO, str(error))) from error
        if theirs.id != remote_id:
            detail = f"NodeInfo says ID {quoted(theirs.id)}, the connection's key says {remote_id}"
            raise HandshakeRefusedError(Refusal(RefusalReason.AUTH_FAILURE, detail))
        if remote_id == self._node_key.node_id:
            raise HandshakeRefusedError(Refusal(RefusalReason.SELF, f"{remote_id} is our own ID"))
        ours = self._ours
        if not isinstance(ours, NodeInfo):
            ours = ours(theirs)
            self.secret.write(ours.encode_delimited())
        try:
            ours.check_compatible(theirs)
        except IncompatibleNodeError as error:
            raise HandshakeRefusedError(Refusal(RefusalReason.INCOMPATIBLE, str(error))) from error
