"""The upgrade of a fresh TCP connection: secret connection, then NodeInfo, checked in the order of reference 3.

Bytes in, bytes out: the peer actor drives it from its host's loop, `peerage ping` from a blocking socket.
"""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.discovery.book.offences import Offence, offence_of
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire import quick_handshake
from peerage.wire.errors import (
    ForeignProtocolError,
    IncompatibleNodeError,
    InvalidNodeInfoError,
    MessageTooLongError,
    RemoteError,
    UnexpectedNodeIDError,
)
from peerage.wire.frames import Sealer
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo, NodeInfoReader
from peerage.wire.quick_handshake import Step
from peerage.wire.remote_text import quoted
from peerage.wire.secret_connection import SecretConnection

__all__ = ["Handshake", "HandshakeRefusedError"]


MAX_RECEIVED = 65_536  # bytes of a handshake that is not over, frames counted whole; an honest one has 4 KB, at most 13 KB


class HandshakeRefusedError(Exception):
    """The handshake ended the connection; `refusal` says why. Source: reference 3."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal

    def __str__(self) -> str:
        return str(self.refusal)


class Handshake:
    """Both steps of the handshake on one connection.

    Promises: raises nothing but HandshakeRefusedError on any input; buffers at most the size of the two messages, and takes
    at most MAX_RECEIVED bytes, however little they hold.

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
        self._proved: NodeID | None = (
            None  # known beyond the secret connection, which forgets it when it fails
        )
        self._received = 0  # bytes
        self._node_key, self._expected_id = node_key, expected_id
        self._reader: NodeInfoReader | None = None
        self._quick = quick_handshake.begin(node_key, expected_id)
        self._sealer: Sealer | None = None  # of the quick form, and what it has sealed
        self._sealed = b""
        self._secret = (
            None if self._quick is not None else SecretConnection(node_key, expected_id=expected_id)
        )
        self.theirs: NodeInfo | None = None
        self.leftover = b""

    @property
    def secret(self) -> SecretConnection:
        """The encrypted connection. Whoever takes it goes on with it: the quick form ends with that."""
        secret = self._secret
        if secret is None:
            assert self._quick is not None
            secret = self._secret = quick_handshake.go_the_long_way(
                self._quick, self._node_key, self._expected_id, self._sealer, self._sealed
            )
            self._quick, self._sealed = None, b""
        return secret

    @property
    def remote_id(self) -> NodeID | None:
        """The authenticated ID, once the secret connection is open."""
        if self._quick is not None:
            return self._proved
        return self.secret.remote_id if self.secret.is_open else None

    @property
    def remote(self) -> tuple[NodeID, NodeInfo]:
        """Who is there, and what it says of itself; once the handshake is done."""
        assert self._proved is not None
        assert self.theirs is not None
        return self._proved, self.theirs

    def data_to_send(self) -> bytes:
        """Bytes to write now; empty when there are none."""
        if self._quick is None:
            return self.secret.data_to_send()
        sealed, self._sealed = self._sealed, b""
        return self._quick.data_to_send() + sealed

    def receive_data(self, data: bytes | memoryview) -> bool:
        """Take what came from the socket.

        Returns: True once the remote's NodeInfo has arrived and passed every check. Then `theirs` holds it, and `leftover`
            the plaintext after it.
        Raises: HandshakeRefusedError.
        """
        try:
            theirs = self._receive(data)
            if theirs is None:
                self._count(len(data))
                return False
        except ForeignProtocolError as error:
            raise HandshakeRefusedError(Refusal(RefusalReason.OTHER_PROTOCOL, str(error))) from error
        except RemoteError as error:
            impostor = isinstance(error, UnexpectedNodeIDError)
            if isinstance(error, UnexpectedNodeIDError) and error.actual == self._node_key.node_id:
                refusal = Refusal(RefusalReason.SELF, f"dialled {error.expected}, and we answered ourselves")
            else:
                strange = self._strange()
                detail = f"the remote {strange}: {error}" if strange else str(error)
                offence = self._offence_of(error)
                refusal = Refusal(
                    RefusalReason.AUTH_FAILURE,
                    detail,
                    impostor=impostor,
                    offence=offence,
                    offender=self._proved,
                )
            raise HandshakeRefusedError(refusal) from error
        self._check(theirs)
        self.theirs = theirs
        return True

    def _receive(self, data: bytes | memoryview) -> NodeInfo | None:
        """Returns: the remote's NodeInfo, once it is there."""
        quick = self._quick
        if quick is not None:
            step = quick.receive(data)
            if step == Step.WAITS:
                return None
            if step != Step.IS_ODD:
                if self._proved is None:
                    self._proved = quick.remote_id
                    self._greet(self._proved)
                if step == Step.HAS_PROVED:
                    return None
                self.leftover = quick.leftover
                return NodeInfo.decode(quick.message)
            data = data[quick.taken :]
        plaintext = self.secret.receive_data(data)
        if self.secret.is_open and self._proved is None:
            self._proved = self.secret.remote_id
            self._greet(self._proved)
        if not plaintext:
            return None
        reader = self._reader = self._reader or NodeInfoReader()
        theirs = reader.feed(plaintext)
        self.leftover = reader.leftover
        return theirs

    def _count(self, size: int) -> None:
        """More has come, and the NodeInfo is not here. Raises: MessageTooLongError."""
        self._received += size
        if self._received > MAX_RECEIVED:
            raise MessageTooLongError("handshake", self._received, MAX_RECEIVED)

    def _greet(self, remote_id: NodeID) -> None:
        """The remote's key is known: refuse it, or send our NodeInfo, unless we wait for the remote's."""
        refusal = self._refusal_of(remote_id)
        if refusal is not None:
            raise HandshakeRefusedError(refusal)
        if not isinstance(self._ours, NodeInfo):
            return
        if self._quick is None:
            self.secret.write(self._ours.encode_delimited())
        else:
            self._sealer = Sealer(self._quick.sealer, frames=1)
            self._sealed = self._sealer.seal(self._ours.encode_delimited())

    def receive_eof(self) -> HandshakeRefusedError:
        """The error for a remote that closes the connection now."""
        step = "the key exchange" if not self.secret.is_open else "its NodeInfo"
        strange, is_silent = self._strange(), not self._received
        said = f": it {strange}" if strange else ", without having said anything" if is_silent else ""
        return HandshakeRefusedError(
            Refusal(
                RefusalReason.AUTH_FAILURE,
                f"the remote closed the connection before {step} was complete{said}",
                is_look=is_silent and self._expected_id is None,
            )
        )

    def timed_out(self, seconds: float) -> HandshakeRefusedError:
        """The error for a handshake that has taken too long."""
        step = "key exchange" if not self.secret.is_open else "NodeInfo"
        strange = self._strange()
        detail = f"handshake timeout: no {step} within {seconds:g} s" + (f": it {strange}" if strange else "")
        offence = Offence.UNFINISHED_HANDSHAKE
        return HandshakeRefusedError(Refusal(RefusalReason.AUTH_FAILURE, detail, offence=offence))

    def _offence_of(self, error: RemoteError) -> Offence | None:
        """Whatever breaks a rule before there is an ID is garbage."""
        offence = offence_of(error)
        is_garbage = offence is not None and self._proved is None
        return Offence.HANDSHAKE_GARBAGE if is_garbage else offence

    def _strange(self) -> str:
        """What the remote sent first, if it was not a key exchange and not a protocol that we recognise; otherwise empty."""
        began = self.secret.strange_beginning
        return f"began with {quoted(began)}, which is no key exchange" if began else ""

    def _check(self, theirs: NodeInfo) -> None:
        remote_id = self._proved
        try:
            theirs.validate()
        except InvalidNodeInfoError as error:
            raise self._wrong(
                RefusalReason.INVALID_NODE_INFO, str(error), Offence.INVALID_NODE_INFO
            ) from error
        if theirs.id != remote_id:
            detail = f"NodeInfo says ID {quoted(theirs.id)}, the connection's key says {remote_id}"
            raise self._wrong(RefusalReason.AUTH_FAILURE, detail, Offence.WRONG_ID)
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

    def _wrong(self, reason: RefusalReason, detail: str, offence: Offence) -> HandshakeRefusedError:
        """The error for a NodeInfo that its sender, who has proved its ID, is to blame for."""
        return HandshakeRefusedError(Refusal(reason, detail, offence=offence, offender=self._proved))
