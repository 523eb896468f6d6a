"""The secret connection: from two fresh streams to an encrypted one between two nodes that know each other.

::

    KEYS ── ephemeral key arrived ──▶ AUTHENTICATING ── signature arrived ──▶ OPEN
      └──────────────────┴──── anything wrong ────▶ FAILED ◀────────────────────┘

Both sides send without waiting for the other: the ephemeral key at once, the signature as soon as the other's
ephemeral key is there. An error is final. No sockets, no clocks: bytes in, bytes out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from enum import Enum

from peerage.wire.delimited import DelimitedReader, delimit
from peerage.wire.errors import (
    ConnectionClosedError,
    ConnectionStateError,
    ForeignProtocolError,
    FrameError,
    RemoteError,
    SignatureError,
    UnexpectedNodeIDError,
)
from peerage.wire.foreign_protocol import KEY_EXCHANGE, LONGEST_BEGINNING, recognised
from peerage.wire.frames import FRAME_SEALED, Opener, Sealer
from peerage.wire.handshake_messages import AuthSignature, EphemeralKey
from peerage.wire.keys import NodeID, NodeKey, node_id_of, verify
from peerage.wire.session_keys import EPHEMERAL_BYTES, agree, ephemeral_public

MAX_HANDSHAKE_MESSAGE = 1 << 20  # reference 2, step 1: a longer one is refused at its length


class Stage(Enum):
    """How far a connection is. The value is the word for it in errors."""

    KEYS = "exchanging keys"
    AUTHENTICATING = "authenticating"
    OPEN = "open"
    FAILED = "failed"


class SecretConnection:
    """One end of a secret connection, as a state machine over bytes.

    Feed what the stream brings to `receive_data`, write what `data_to_send` gives (there is something from
    the start), and once `is_open`, seal what is to be said with `seal` or `write`. Whoever drives it needs no
    other order: what is not possible yet raises a `ConnectionStateError` and changes nothing.

    Whatever arrives, it holds at most one incomplete message of the handshake (1 MiB, but an honest one has
    103 bytes) and one incomplete frame.

    Source: reference 2.
    """

    def __init__(
        self,
        node_key: NodeKey,
        ephemeral: bytes | None = None,
        expected_id: NodeID | None = None,
        *,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """An end that is ready to send its ephemeral key.

        Args: node_key, who we are; ephemeral, our X25519 secret for this connection alone, 32 bytes, by
        default
            drawn from random; expected_id, whom we dialled, None when we were dialled.
        Raises: EphemeralSecretError.
        """
        self._node_key = node_key
        self._expected_id = expected_id
        self._secret = random(EPHEMERAL_BYTES) if ephemeral is None else ephemeral
        self._public = ephemeral_public(self._secret)
        self._outgoing = bytearray(delimit(EphemeralKey(self._public).encode()))
        self._reader = DelimitedReader("ephemeral key message", MAX_HANDSHAKE_MESSAGE)
        self._beginning = b""  # of the stream, as long as it may turn out to be another protocol's
        self._held = bytearray()  # the beginning of a sealed frame
        self._undelivered: list[bytes] = []
        self._stage = Stage.KEYS
        self._challenge = b""
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self._remote_public_key: bytes | None = None

    @property
    def stage(self) -> Stage:
        """How far the connection is."""
        return self._stage

    @property
    def is_silent(self) -> bool:
        """Not a byte has come yet."""
        return not self._beginning

    @property
    def strange_beginning(self) -> bytes:
        """What the stream began with, if no key exchange begins so and none came of it; else empty."""
        began = self._beginning
        ours = self._sealer is not None or KEY_EXCHANGE.startswith(began[: len(KEY_EXCHANGE)])
        return b"" if ours else began

    @property
    def is_open(self) -> bool:
        """The remote has proved who it is, and nothing has gone wrong since."""
        return self._stage is Stage.OPEN

    @property
    def remote_public_key(self) -> bytes:
        """The remote's ed25519 key.

        Raises: ConnectionStateError before it is proved. It stays known after a later failure.
        """
        if self._remote_public_key is None:
            raise ConnectionStateError("naming the remote", self._stage.value)
        return self._remote_public_key

    @property
    def remote_id(self) -> NodeID:
        """The remote's ID. Raises: as `remote_public_key`."""
        return node_id_of(self.remote_public_key)

    def data_to_send(self) -> bytes:
        """The bytes to be written now, which are forgotten here: b"" when there are none.

        After a failure it still gives what was due before it, so that the remote may learn who we are, too.
        """
        out = bytes(self._outgoing)
        self._outgoing.clear()
        return out

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Seal data and keep it for `data_to_send`.

        Raises: ConnectionStateError unless open, SealExhaustedError.
        """
        self._open_sealer("writing").seal_into(data, self._outgoing)

    def seal(self, data: bytes | bytearray | memoryview) -> bytes:
        """Seal data and get it at once, behind what `data_to_send` has not given yet: frames keep their
        order.

        Raises: ConnectionStateError unless open, SealExhaustedError.
        """
        sealer = self._open_sealer("sealing")
        if not self._outgoing:
            return sealer.seal(data)
        sealer.seal_into(data, self._outgoing)
        return self.data_to_send()

    def receive_data(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take what the stream brought, however it was cut.

        Returns: what the remote said and can be believed; b"" in the handshake or when no frame is complete.
        Raises: a RemoteError when the remote broke a rule: the connection is over. What was said in good
            frames before the bad one is then in `take_undelivered`. ConnectionStateError after a failure.
        """
        # Failure is the default: whatever goes wrong in between, nothing more is believed.
        stage, self._stage = self._stage, Stage.FAILED
        if stage is Stage.FAILED:
            raise ConnectionStateError("receiving", stage.value)
        out: list[bytes] = []
        try:
            reached = self._receive(stage, data, out)
        except RemoteError:
            self._undelivered = out
            raise
        self._stage = reached
        return b"".join(out)

    def take_undelivered(self) -> bytes:
        """After `receive_data` raised: the plaintext that had come before the fault, once."""
        out, self._undelivered = self._undelivered, []
        return b"".join(out)

    def receive_eof(self) -> None:
        """Take note that the remote sends no more, which between two frames of an open connection is its
        right.

        Raises: ConnectionClosedError inside the handshake or a frame. ConnectionStateError after a failure.
        """
        stage, self._stage = self._stage, Stage.FAILED
        if stage is Stage.FAILED:
            raise ConnectionStateError("receiving", stage.value)
        held = len(self._held) + self._reader.held
        if stage is not Stage.OPEN or held:
            raise ConnectionClosedError(stage.value, held)

    def _receive(self, stage: Stage, data: bytes | bytearray | memoryview, out: list[bytes]) -> Stage:
        if stage is Stage.KEYS:
            self._beginning += bytes(data[: LONGEST_BEGINNING - len(self._beginning)])
            if (protocol := recognised(self._beginning)) is not None:
                raise ForeignProtocolError(protocol)
            read = self._reader.feed(data)
            if read is None:
                return stage
            message, data = read
            self._agree(EphemeralKey.decode(message).key)
            stage = Stage.AUTHENTICATING
        opened: list[bytes] = [] if stage is Stage.AUTHENTICATING else out
        failure: FrameError | None = None
        try:
            self._open_frames(data, opened)
        except FrameError as error:
            failure = error  # the frames before the bad one come first
        if stage is Stage.AUTHENTICATING:
            read = self._reader.feed(b"".join(opened))
            if read is not None:
                message, rest = read
                self._authenticate(AuthSignature.decode(message))
                out.append(rest)
                stage = Stage.OPEN
        if failure is not None:
            raise failure
        return stage

    def _agree(self, remote: bytes) -> None:
        """Derive the keys and say who we are. The challenge is new each time: it proves nothing elsewhere."""
        keys = agree(self._secret, remote, self._public)
        self._secret = b""
        self._challenge = keys.challenge
        self._sealer = Sealer(keys.send_key)
        self._opener = Opener(keys.receive_key)
        proof = AuthSignature(self._node_key.public_key, self._node_key.sign(keys.challenge))
        self._sealer.seal_into(delimit(proof.encode()), self._outgoing)
        self._reader = DelimitedReader("authentication message", MAX_HANDSHAKE_MESSAGE)

    def _open_frames(self, data: bytes | bytearray | memoryview, out: list[bytes]) -> None:
        """Open all frames that are complete now, and hold the beginning of the next."""
        assert self._opener is not None
        if self._held:
            self._held += data
            data, self._held = self._held, bytearray()
        whole = len(data) - len(data) % FRAME_SEALED
        if whole < len(data):
            view = memoryview(data)
            self._held += view[whole:]
            data = view[:whole]
        self._opener.open_into(data, out)

    def _authenticate(self, proof: AuthSignature) -> None:
        node_id = node_id_of(proof.public_key)
        if not verify(proof.public_key, self._challenge, proof.signature):
            raise SignatureError(node_id)
        if self._expected_id is not None and node_id != self._expected_id:
            raise UnexpectedNodeIDError(self._expected_id, node_id)
        self._remote_public_key = proof.public_key

    def _open_sealer(self, operation: str) -> Sealer:
        if self._stage is not Stage.OPEN or self._sealer is None:
            raise ConnectionStateError(operation, self._stage.value)
        return self._sealer
