"""The secret connection: turns a fresh byte stream into an encrypted one between two nodes that have proved who they are.

::

    KEYS ── ephemeral key arrived ──▶ AUTHENTICATING ── signature arrived ──▶ OPEN
      └──────────────────┴──── anything wrong ────▶ FAILED ◀────────────────────┘

Neither side waits for the other: each sends its ephemeral key at once, and its signature as soon as it has the other's
ephemeral key. So our signature goes out before we know who is there. That is safe because it covers a challenge derived
from both ephemeral keys: it proves our identity on this connection and nowhere else.

An error is final. There are no sockets and no clocks in here, only bytes in and bytes out, as in h11.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Self

from peerage.wire.delimited import DelimitedReader, delimit
from peerage.wire.errors import (
    ConnectionClosedError,
    ConnectionStateError,
    ForeignProtocolError,
    FrameError,
    MessageTooLongError,
    RemoteError,
    SignatureError,
    UnexpectedNodeIDError,
)
from peerage.wire.foreign_protocol import KEY_EXCHANGE, LONGEST_BEGINNING, recognised
from peerage.wire.frames import FRAME_SEALED, Opener, Sealer
from peerage.wire.handshake_messages import AuthSignature, EphemeralKey
from peerage.wire.keys import NodeID, NodeKey, node_id_of, verify
from peerage.wire.session_keys import EPHEMERAL_BYTES, agree, ephemeral_public

# A longer message is refused as soon as its length is known. CometBFT allows 1 MiB for each; an honest key message has 34
# bytes, and the longest honest proof, by an mldsa65 key, 5.3 KB: we refuse that one, too, but say why.
MAX_KEY_MESSAGE = 256
MAX_PROOF_MESSAGE = 8192
KEY_MESSAGE = len(KEY_EXCHANGE) + EPHEMERAL_BYTES  # bytes, as everybody writes it
MAX_UNPROVED = 16_384  # bytes of a remote that has not proved who it is; frames are counted whole, however little they hold


class Stage(Enum):
    """How far the connection has come. The value is the word for it in error messages."""

    KEYS = "exchanging keys"
    AUTHENTICATING = "authenticating"
    OPEN = "open"
    FAILED = "failed"


class SecretConnection:
    """One end of a secret connection, as a state machine over bytes.

    Pass what arrives to `receive_data`, and write what `data_to_send` returns (there is something from the start). Once
    `is_open`, encrypt with `seal` or `write`. No other order of calls is required: a call that is not possible yet
    raises a `ConnectionStateError` and changes nothing.

    Whatever arrives, the object holds at most one incomplete handshake message (up to 8 KiB; an honest one has 103
    bytes) and one incomplete frame, and takes no more than MAX_UNPROVED bytes before the remote has proved who it is.

    Source: reference 2.
    """

    def __init__(
        self,
        node_key: NodeKey,
        ephemeral: bytes | None = None,
        expected_id: NodeID | None = None,
        *,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """An end that is ready to send its ephemeral key.

        Args:
            node_key: who we are.
            ephemeral: our X25519 secret for this connection alone, 32 bytes; by default drawn from `random`.
            expected_id: the node that we dialled; None when it dialled us.
            random: returns that many unpredictable bytes.

        Raises: EphemeralSecretError.
        """
        self._node_key = node_key
        self._expected_id = expected_id
        # Mutable, so that it can be overwritten: the copies that libsodium is given live for microseconds, this one may live
        # for as long as a remote takes to shake hands.
        self._secret = bytearray(random(EPHEMERAL_BYTES) if ephemeral is None else ephemeral)
        self._public = ephemeral_public(bytes(self._secret))
        self._outgoing = bytearray(KEY_EXCHANGE + self._public)
        self._reader = _key_reader()
        self._beginning = b""  # the first bytes of the stream, kept to recognise other protocols
        self._unproved = 0  # bytes that came before the remote's proof
        self._held = bytearray()  # an incomplete sealed frame
        self._undelivered: list[bytes] = []  # plaintext that preceded a fault
        self._stage = Stage.KEYS
        self._challenge = b""
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self._remote_public_key: bytes | None = None
        self._remote_id: NodeID | None = None

    @classmethod
    def resumed(
        cls,
        node_key: NodeKey,
        expected_id: NodeID | None,
        stage: Stage,
        ephemeral: tuple[bytes, bytes],
        unsent: bytes,
        beginning: bytes,
        challenge: bytes,
        ciphers: tuple[Sealer, Opener] | None,
        remote: tuple[bytes, NodeID] | None,
    ) -> Self:
        """An end of which somebody else has done the beginning (`quick_handshake.py`).

        Args:
            node_key: and expected_id, as of the constructor.
            expected_id: see there.
            stage: reached.
            ephemeral: our secret, empty once it was used, and its public key.
            unsent: what is to be written first.
            beginning: the first bytes of the remote, from its key on.
            challenge: from that on.
            ciphers: likewise.
            remote: the proved key and its ID, if the stage is OPEN.
        """
        self = cls.__new__(cls)
        self._node_key, self._expected_id = node_key, expected_id
        secret, self._public = ephemeral
        self._secret = bytearray(secret)
        self._outgoing, self._held, self._undelivered = bytearray(unsent), bytearray(), []
        self._reader = _proof_reader() if challenge else _key_reader()
        self._beginning, self._unproved = beginning, 0
        self._stage, self._challenge = stage, challenge
        self._sealer, self._opener = ciphers or (None, None)
        self._remote_public_key, self._remote_id = remote or (None, None)
        return self

    @property
    def stage(self) -> Stage:
        """How far the connection has come."""
        return self._stage

    @property
    def is_silent(self) -> bool:
        """Whether no byte has arrived yet."""
        return not self._beginning

    @property
    def strange_beginning(self) -> bytes:
        """The first bytes of the stream, if they cannot begin a key exchange and none was made; b"" otherwise."""
        began = self._beginning
        ours = self._sealer is not None or KEY_EXCHANGE.startswith(began[: len(KEY_EXCHANGE)])
        return b"" if ours else began

    @property
    def is_open(self) -> bool:
        """Whether the remote has proved who it is and nothing has gone wrong since."""
        return self._stage is Stage.OPEN

    @property
    def remote_public_key(self) -> bytes:
        """The remote's ed25519 key.

        Raises: ConnectionStateError until the remote has proved it. It stays known after a later failure.
        """
        if self._remote_public_key is None:
            raise ConnectionStateError("naming the remote", self._stage.value)
        return self._remote_public_key

    @property
    def remote_id(self) -> NodeID:
        """The remote's ID. Raises: as `remote_public_key`."""
        if self._remote_id is None:
            raise ConnectionStateError("naming the remote", self._stage.value)
        return self._remote_id

    def data_to_send(self) -> bytes:
        """Take the bytes to write now: each byte is returned once; b"" when there are none.

        What was due before a failure still comes out after it, so that the remote, too, can learn who we are.
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
        """Seal data and return it at once, preceded by whatever `data_to_send` has not returned yet.

        Nonces are counted, so frames must be written in the order in which they were sealed.

        Raises: ConnectionStateError unless open, SealExhaustedError.
        """
        sealer = self._open_sealer("sealing")
        if not self._outgoing:
            return sealer.seal(data)
        sealer.seal_into(data, self._outgoing)
        return self.data_to_send()

    def receive_data(self, data: bytes | bytearray | memoryview, before: bytes = b"") -> bytes:
        """Take what arrived, cut anywhere.

        Args: before, of an open connection: what the caller has kept of the plaintext so far, and wants in front.
        Returns: authenticated plaintext; b"" during the handshake or when no frame is complete.
        Raises: a RemoteError when the remote broke a rule: the connection is over, and the plaintext of the good frames
            before the bad one is in `take_undelivered`. ConnectionStateError after a failure.
        """
        # Failure is the default: if anything raises below, the stage stays FAILED and nothing more is believed.
        stage, self._stage = self._stage, Stage.FAILED
        if stage is Stage.FAILED:
            raise ConnectionStateError("receiving", stage.value)
        out: list[bytes] = []
        try:
            if stage is Stage.OPEN:
                self._open_frames(data, out, before)
            else:
                stage = self._shake_hands(stage, data, out)
        except RemoteError:
            self._undelivered = out
            raise
        self._stage = stage
        return b"".join(out)

    def take_undelivered(self) -> bytes:
        """After `receive_data` raised: the plaintext of the frames before the fault. It is returned once."""
        out, self._undelivered = self._undelivered, []
        return b"".join(out)

    def receive_eof(self) -> None:
        """Note that the remote will send no more. Between two frames of an open connection it may do that.

        Raises: ConnectionClosedError inside the handshake or a frame. ConnectionStateError after a failure.
        """
        stage, self._stage = self._stage, Stage.FAILED
        if stage is Stage.FAILED:
            raise ConnectionStateError("receiving", stage.value)
        held = len(self._held) + self._reader.held
        if stage is not Stage.OPEN or held:
            raise ConnectionClosedError(stage.value, held)

    def _shake_hands(self, stage: Stage, data: bytes | bytearray | memoryview, out: list[bytes]) -> Stage:
        """Advance through as many stages as the bytes allow. Returns: the stage reached; plaintext goes into `out`."""
        if stage is Stage.KEYS:
            whole = not self._beginning and len(data) >= KEY_MESSAGE
            self._beginning += bytes(data[: LONGEST_BEGINNING - len(self._beginning)])
            ours = self._beginning.startswith(KEY_EXCHANGE)
            if ours and whole:  # as nearly always; what follows does the same for any other form and cut
                key, data = bytes(data[len(KEY_EXCHANGE) : KEY_MESSAGE]), data[KEY_MESSAGE:]
            else:
                if not ours and (protocol := recognised(self._beginning)) is not None:
                    raise ForeignProtocolError(protocol)
                read = self._reader.feed(data)
                if read is None:
                    return stage
                message, data = read
                key = EphemeralKey.decode(message).key
            self._agree(key)
            stage = Stage.AUTHENTICATING
            if not data:
                return stage
        # One read may bring the signature and the first packets behind it. While we authenticate, opened frames belong to
        # the handshake reader; what is left over after the signature is the first plaintext of the open connection.
        opened: list[bytes] = []
        failure: FrameError | None = None
        try:
            self._open_frames(data, opened)
        except FrameError as error:
            failure = error  # raised below, once the frames before the bad one have been handled
        read = self._reader.feed(b"".join(opened))
        if read is not None:
            message, rest = read
            self._authenticate(AuthSignature.decode(message))
            out.append(rest)
            stage = Stage.OPEN
        if failure is not None:
            raise failure
        if stage is not Stage.OPEN:
            self._unproved += len(data)
            if self._unproved > MAX_UNPROVED:
                raise MessageTooLongError("handshake", self._unproved, MAX_UNPROVED)
        return stage

    def _agree(self, remote: bytes) -> None:
        """Derive the keys and queue the proof of who we are."""
        try:
            keys = agree(bytes(self._secret), remote, self._public)
        finally:
            # Not needed any more: whoever reads our memory later must not be able to read what was said on this connection.
            self._secret[:] = bytes(len(self._secret))
        self._challenge = keys.challenge
        self._sealer = Sealer(keys.send_key)
        self._opener = Opener(keys.receive_key)
        proof = AuthSignature(self._node_key.public_key, self._node_key.sign(keys.challenge))
        self._sealer.seal_into(delimit(proof.encode()), self._outgoing)
        self._reader = _proof_reader()

    def _open_frames(
        self, data: bytes | bytearray | memoryview, out: list[bytes], before: bytes = b""
    ) -> None:
        """Open all frames that are complete now, and hold the rest until more arrives."""
        assert self._opener is not None
        begun = self._held
        rest = (len(begun) + len(data)) % FRAME_SEALED
        if rest > len(data):  # none is complete
            begun += data
            out.append(before)
            return
        view = memoryview(data)
        whole = len(data) - rest
        self._held = bytearray(view[whole:])
        self._opener.open_into(view[:whole], out, begun, before)

    def _authenticate(self, proof: AuthSignature) -> None:
        """Check the remote's proof. Raises: SignatureError, UnexpectedNodeIDError."""
        # Only a valid signature makes the claimed key worth comparing: an impostor is a SignatureError, while
        # UnexpectedNodeIDError reports the proved ID of the node that is really there.
        node_id = node_id_of(proof.public_key)
        if not verify(proof.public_key, self._challenge, proof.signature):
            raise SignatureError(node_id)
        if self._expected_id is not None and node_id != self._expected_id:
            raise UnexpectedNodeIDError(self._expected_id, node_id)
        self._remote_public_key, self._remote_id = proof.public_key, node_id

    def _open_sealer(self, operation: str) -> Sealer:
        if self._stage is not Stage.OPEN or self._sealer is None:
            raise ConnectionStateError(operation, self._stage.value)
        return self._sealer


def _key_reader() -> DelimitedReader:
    return DelimitedReader("ephemeral key message", MAX_KEY_MESSAGE)


def _proof_reader() -> DelimitedReader:
    return DelimitedReader("authentication message", MAX_PROOF_MESSAGE)
