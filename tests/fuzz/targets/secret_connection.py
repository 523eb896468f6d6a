"""Handshakes and frames of an attacker who has valid keys, or none.

An input: mode, size of the pieces, and then, by mode, the whole stream; or what stands in the sealed place of the
authentication message; or frames behind a good handshake, each of length (4), bytes that follow (1, of which the top bit
forges the tag), bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peerage.wire.errors import (
    ConnectionStateError,
    ForeignProtocolError,
    FrameLengthError,
    FrameTagError,
    RemoteError,
)
from peerage.wire.frames import FRAME_DATA, FRAME_PLAIN, FRAME_SEALED, Opener, Sealer
from peerage.wire.keys import NodeKey
from peerage.wire.secret_connection import SecretConnection, Stage
from tests.fuzz.target import FORMS, Target, cut, form, told
from tests.wire.vectors import load, octets

STREAM, PROOF, FRAMES = range(3)
BAD = load("secret_connection_bad")
ATTACKER = BAD["attacker"]["node_id"]
EPHEMERAL, AUTH = octets(BAD["$ephemeral"]), octets(BAD["$auth"])
KEY = octets(BAD["attacker_send_key"])
HEAD = 2


@dataclass
class Outcome:
    """What the victim made of a stream."""

    delivered: bytes = b""
    sent: bytes = b""
    stage: Stage = Stage.KEYS
    remote_id: str | None = None
    error: RemoteError | None = field(default=None, compare=False)

    @property
    def verdict(self) -> tuple[Any, ...]:
        """All of it, errors by their text."""
        return self.delivered, self.sent, self.stage, self.remote_id, repr(self.error)

    def is_like(self, other: Outcome) -> bool:
        """Whether both came to the same.

        The name of a foreign protocol is a help to operators: where a message that is too short for a key comes first (an
        HTTP/2 SETTINGS frame begins with one of length 0), it is known only if the bytes behind that came in the same
        read. The connection fails in either case.
        """
        errors = self.error, other.error
        if None not in errors and any(isinstance(each, ForeignProtocolError) for each in errors):
            return self.verdict[:-1] == other.verdict[:-1]
        return self.verdict == other.verdict


def play(pieces: list[bytes]) -> Outcome:
    """The stream's outcome."""
    victim = BAD["victim"]
    connection = SecretConnection(NodeKey(octets(victim["node_seed"])), octets(victim["ephemeral_private"]))
    outcome = Outcome(sent=connection.data_to_send())
    delivered = bytearray()
    for piece in pieces:
        try:
            delivered += connection.receive_data(piece)
        except RemoteError as error:
            told(error)
            outcome.error = error
            assert connection.stage is Stage.FAILED
            delivered += connection.take_undelivered()
            break
    outcome.sent += connection.data_to_send()
    outcome.delivered, outcome.stage = bytes(delivered), connection.stage
    try:
        outcome.remote_id = connection.remote_id
    except ConnectionStateError:
        assert not connection.is_open
        assert not delivered
    if outcome.error is not None:
        _stays_failed(connection)
    return outcome


def _stays_failed(connection: SecretConnection) -> None:
    """An error is final."""
    for call in (
        lambda: connection.receive_data(b"x"),
        connection.receive_eof,
        lambda: connection.write(b"x"),
    ):
        try:
            call()
        except ConnectionStateError:
            continue
        raise AssertionError("a failed connection goes on")


def check(data: bytes) -> None:
    """Either form of the loops and any cut give the same; only the attacker can be who is there; frames come out whole."""
    if len(data) < HEAD:
        return
    mode, size, rest = data[0] % 3, data[1], data[HEAD:]
    expected: list[bytes | type[RemoteError] | None] = []
    if mode == STREAM:
        stream = rest
    elif mode == PROOF:
        stream = EPHEMERAL + Sealer(KEY).seal(rest)
    else:
        frames, *expected = _frames(rest)
        stream = EPHEMERAL + AUTH + frames
    outcomes = []
    for chosen in FORMS:
        with form(chosen):
            outcomes += [play([stream]), play(cut(stream, size))]
    first = outcomes[0]
    assert all(each.is_like(first) for each in outcomes), [each.verdict for each in outcomes]
    assert first.remote_id in {None, ATTACKER}
    assert len(first.delivered) <= len(stream)
    if expected:
        assert [first.delivered, None if first.error is None else type(first.error)] == expected


def _frames(rest: bytes) -> tuple[bytes, bytes, type[RemoteError] | None]:
    """Sealed frames, what they should deliver, and the error at which they should end."""
    sealed, delivered = [], b""
    error: type[RemoteError] | None = None
    cipher = ChaCha20Poly1305(KEY)
    counter = len(AUTH) // FRAME_SEALED
    while len(rest) > 4:
        length, follows = int.from_bytes(rest[:4], "little"), rest[4]
        content, rest = rest[5 : 5 + follows % 0x80], rest[5 + follows % 0x80 :]
        plain = (length.to_bytes(4, "little") + content).ljust(FRAME_PLAIN, b"\0")
        frame = cipher.encrypt(bytes(4) + counter.to_bytes(8, "little"), plain, None)
        is_forged = follows >= 0x80
        sealed.append(frame[:-1] + bytes([frame[-1] ^ is_forged]))
        counter += 1
        if error is not None:
            continue
        if is_forged:
            error = FrameTagError
        elif length > FRAME_DATA:
            error = FrameLengthError
        else:
            delivered += plain[4 : 4 + length]
    return b"".join(sealed), delivered, error


@cache
def _proof() -> bytes:
    return Opener(KEY).open(AUTH)


def corpus() -> Iterator[bytes]:
    """The 101 bad inputs, honest recordings, and frames of every kind."""
    for case in BAD["cases"]:
        stream = b"".join(
            octets(BAD[part] if isinstance(part, str) and part[0] == "$" else part) for part in case["send"]
        )
        yield bytes((STREAM, 0)) + stream
        if stream.startswith(EPHEMERAL) and case["group"] != "ephemeral":
            yield bytes((STREAM, 200)) + stream
    for shake in load("secret_connection")["handshakes"]:
        yield bytes((STREAM, 7)) + b"".join(octets(part["wire"]) for part in shake["a_to_b"])
    yield bytes((STREAM, 1)) + bytes.fromhex(
        "000006040000000000000500004000"
    )  # of a gRPC server, cut everywhere
    yield bytes((PROOF, 0)) + _proof()
    yield bytes((PROOF, 50)) + _proof() + b"the first packet"
    frame = (3).to_bytes(4, "little") + b"\x03abc"
    for more in (b"", bytes(5), (1025).to_bytes(4, "little") + b"\0", frame[:4] + b"\x83abc"):
        yield bytes((FRAMES, 33)) + frame + more + frame


TARGET = Target(corpus, check, longest=6000, inputs=800)
