"""The secret connection: recorded handshakes from either end, hostile ones, and any cutting of the bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire.delimited import delimit
from peerage.wire.errors import (
    ConnectionClosedError,
    ConnectionStateError,
    EphemeralSecretError,
    FrameTagError,
    LowOrderKeyError,
    MessageTooLongError,
    RemoteError,
    SignatureError,
    UnexpectedNodeIDError,
)
from peerage.wire.frames import FRAME_SEALED, Sealer
from peerage.wire.handshake_messages import EphemeralKey
from peerage.wire.keys import NodeID, NodeKey, node_id_of
from peerage.wire.secret_connection import (
    MAX_KEY_MESSAGE,
    MAX_PROOF_MESSAGE,
    MAX_UNPROVED,
    SecretConnection,
    Stage,
)
from peerage.wire.session_keys import agree, ephemeral_public
from peerage.wire.varint import encode_uvarint
from tests.strategies import chunks
from tests.wire.vectors import load, octets

pytestmark = pytest.mark.usefixtures("form")

HANDSHAKES = load("secret_connection")["handshakes"]
BAD = load("secret_connection_bad")
CASES = BAD["cases"]


@dataclass(frozen=True)
class Outcome:
    """What an end made of a stream that then ended."""

    delivered: bytes
    sent: bytes
    remote_id: str | None
    error: type[RemoteError] | None


def play(connection: SecretConnection, stream: Iterable[bytes]) -> Outcome:
    """Feed the pieces, then the end."""
    delivered, sent = bytearray(), bytearray(connection.data_to_send())
    error = None
    try:
        for piece in stream:
            delivered += connection.receive_data(piece)
            sent += connection.data_to_send()
        connection.receive_eof()
    except RemoteError as caught:
        error = type(caught)
    delivered += connection.take_undelivered()
    sent += connection.data_to_send()
    try:
        remote_id = connection.remote_id
    except ConnectionStateError:
        return Outcome(bytes(delivered), bytes(sent), None, error)
    return Outcome(bytes(delivered), bytes(sent), remote_id, error)


def end(side: dict[str, Any], expected_id: str | None = None) -> SecretConnection:
    """One end of a recorded connection."""
    seed, ephemeral = octets(side["node_seed"]), octets(side["ephemeral_private"])
    return SecretConnection(NodeKey(seed), ephemeral, None if expected_id is None else NodeID(expected_id))


def victim() -> SecretConnection:
    """Whom the bad input is for."""
    return end(BAD["victim"])


def stream_of(case: dict[str, Any]) -> bytes:
    """All bytes that a case sends."""
    return b"".join(
        octets(BAD[part] if isinstance(part, str) and part[0] == "$" else part) for part in case["send"]
    )


def connected() -> tuple[SecretConnection, SecretConnection]:
    """Two ends of an open connection."""
    a, b = (SecretConnection(NodeKey(bytes([n]) * 32), bytes([n + 8]) * 32) for n in (1, 2))
    for _ in range(2):
        from_a, from_b = a.data_to_send(), b.data_to_send()
        assert b.receive_data(from_a) == a.receive_data(from_b) == b""
    assert a.is_open
    assert b.is_open
    return a, b


@pytest.mark.parametrize("local", ["a", "b"])
@pytest.mark.parametrize("shake", HANDSHAKES, ids=lambda shake: shake["name"])
def test_either_end_of_a_recorded_connection_can_be_played(shake: dict[str, Any], local: str) -> None:
    """It reads what the other end wrote, and what it sends opens as what CometBFT sent."""
    remote = "b" if local == "a" else "a"
    incoming = shake[f"{remote}_to_{local}"]
    connection = end(shake[local], expected_id=shake[remote]["node_id"])
    outcome = play(connection, [octets(part["wire"]) for part in incoming])
    assert outcome.delivered == b"".join(octets(part["data"]) for part in incoming[2:])
    assert outcome.remote_id == shake[remote]["node_id"]
    assert outcome.error is None
    outgoing = shake[f"{local}_to_{remote}"]
    assert outcome.sent == octets(outgoing[0]["wire"]) + octets(outgoing[1]["wire"])


@pytest.mark.parametrize("local", ["a", "b"])
@pytest.mark.parametrize("shake", HANDSHAKES, ids=lambda shake: shake["name"])
def test_writes_after_the_handshake_are_cut_into_the_recorded_frames(
    shake: dict[str, Any], local: str
) -> None:
    """A write of up to 1024 bytes is one frame, a longer one several, an empty one none."""
    remote = "b" if local == "a" else "a"
    connection = end(shake[local])
    connection.receive_data(b"".join(octets(part["wire"]) for part in shake[f"{remote}_to_{local}"]))
    connection.data_to_send()
    sent = shake[f"{local}_to_{remote}"][2:]
    data = b"".join(octets(part["data"]) for part in sent)
    for length in shake[f"{local}_writes"]:
        connection.write(data[:length])
        data = data[length:]
    assert data == b""
    wire = connection.data_to_send()
    assert len(wire) == len(sent) * FRAME_SEALED
    for i, part in enumerate(sent):
        if part["zero_padded"]:
            assert wire[i * FRAME_SEALED : (i + 1) * FRAME_SEALED] == octets(part["wire"])


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['group']}: {case['name']}")
def test_hostile_input_has_the_expected_outcome(case: dict[str, Any], bytewise: bool) -> None:
    """It is accepted or refused as by a careful implementation, and what preceded it is delivered."""
    data = stream_of(case)
    outcome = play(victim(), [data[i : i + 1] for i in range(len(data))] if bytewise else [data])
    if case["expect"] == "accept":
        assert outcome.error is None
        assert outcome.remote_id == BAD["attacker"]["node_id"]
        assert outcome.delivered == octets(case["cometbft"].get("delivered", ""))
        return
    assert case["expect"] in {"refuse", "either"}
    assert outcome.error is not None  # all that may go either way are refused here
    if case["group"] == "frames":
        assert outcome.remote_id == BAD["attacker"]["node_id"]
        assert outcome.delivered == octets(case["cometbft"]["delivered"])


@settings(max_examples=40)
@given(st.sampled_from(CASES).flatmap(lambda case: st.tuples(st.just(case), chunks(stream_of(case)))))
def test_any_cutting_of_the_same_bytes_has_the_same_outcome(cut: tuple[dict[str, Any], list[bytes]]) -> None:
    """For good and hostile streams, the data, the answer and the error are the same."""
    case, pieces = cut
    assert play(victim(), pieces) == play(victim(), [stream_of(case)])


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=1200), max_size=4))
def test_arbitrary_bytes_in_the_clear_are_a_remote_error(pieces: list[bytes]) -> None:
    """The first stage raises nothing else."""
    assert play(victim(), pieces).error is not None


@settings(max_examples=40)
@given(st.binary(max_size=300), st.booleans())
def test_arbitrary_bytes_inside_frames_are_a_remote_error(plain: bytes, delimited: bool) -> None:
    """Even if an attacker with valid keys says anything instead of its signature."""
    attacker = octets(BAD["attacker"]["ephemeral_private"])
    keys = agree(attacker, octets(BAD["victim"]["ephemeral_public"]))
    sealed = Sealer(keys.send_key).seal(delimit(plain) if delimited else plain)
    outcome = play(victim(), [octets(BAD["$ephemeral"]) + sealed])
    assert outcome.error is not None
    assert outcome.remote_id is None


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=3000), max_size=4), st.data())
def test_what_one_end_writes_the_other_reads(writes: list[bytes], draw: st.DataObject) -> None:
    """In order and complete, however the stream is cut."""
    a, b = connected()
    wire = b"".join(a.seal(data) for data in writes)
    pieces = draw.draw(chunks(wire))
    assert b"".join(b.receive_data(piece) for piece in pieces) == b"".join(writes)
    b.receive_eof()


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=3000), max_size=4), st.data())
def test_what_a_reader_keeps_goes_in_front_of_the_next_data(writes: list[bytes], draw: st.DataObject) -> None:
    """Also where no frame is complete."""
    a, b = connected()
    wire = b"".join(a.seal(data) for data in writes)
    data = b"kept"
    for piece in draw.draw(chunks(wire)):
        data = b.receive_data(piece, data)
    assert data == b"kept" + b"".join(writes)


def test_sealing_keeps_the_order_of_what_is_still_to_be_sent() -> None:
    """A driver that seals before it has written the last bytes of the handshake gets those first."""
    a, b = (SecretConnection(NodeKey(bytes([n]) * 32), bytes([n + 8]) * 32) for n in (1, 2))
    hello = a.data_to_send()
    b.receive_data(hello)
    a.receive_data(b.data_to_send())
    assert a.is_open
    a.write(b"first ")
    assert b.receive_data(a.seal(b"second")) == b"first second"


def test_nothing_is_sealed_before_the_connection_is_open() -> None:
    """It is our own mistake, and the handshake continues unharmed."""
    connection = victim()
    for operation in (connection.write, connection.seal):
        with pytest.raises(ConnectionStateError, match="exchanging keys"):
            operation(b"early")
    with pytest.raises(ConnectionStateError):
        _ = connection.remote_public_key
    assert play(connection, [octets(BAD["$ephemeral"]) + octets(BAD["$auth"])]).error is None


def test_an_error_is_final() -> None:
    """After it neither sending nor receiving is possible, and sealed data stays sealed."""
    connection = victim()
    with pytest.raises(LowOrderKeyError):
        connection.receive_data(bytes.fromhex("220a20") + bytes(32))
    assert connection.stage is Stage.FAILED
    for operation in (connection.receive_data, connection.write, connection.seal):
        with pytest.raises(ConnectionStateError, match="failed"):
            operation(b"more")
    with pytest.raises(ConnectionStateError):
        connection.receive_eof()


def test_the_end_of_the_stream_is_clean_only_between_frames() -> None:
    """Inside the handshake or a frame, something was cut off."""
    a, b = connected()
    b.receive_data(a.seal(b"x")[:-1])
    with pytest.raises(ConnectionClosedError, match="1043 bytes into a message"):
        b.receive_eof()
    with pytest.raises(ConnectionClosedError, match="exchanging keys"):
        victim().receive_eof()


def test_a_message_that_is_too_long_is_refused_at_its_length() -> None:
    """Before a single byte of it is held, in the clear and inside frames."""
    length = encode_uvarint(MAX_KEY_MESSAGE + 1)
    with pytest.raises(MessageTooLongError, match="ephemeral key message of 257 bytes"):
        victim().receive_data(length)
    keys = agree(octets(BAD["attacker"]["ephemeral_private"]), octets(BAD["victim"]["ephemeral_public"]))
    length = encode_uvarint(MAX_PROOF_MESSAGE + 1)
    with pytest.raises(MessageTooLongError, match="authentication message of 8193 bytes"):
        victim().receive_data(octets(BAD["$ephemeral"]) + Sealer(keys.send_key).seal(length))


def test_frames_without_a_proof_in_them_come_to_an_end() -> None:
    """Each is a good one, but it holds little or nothing of the proof."""
    keys = agree(octets(BAD["attacker"]["ephemeral_private"]), octets(BAD["victim"]["ephemeral_public"]))
    connection, sealer = victim(), Sealer(keys.send_key)
    connection.receive_data(octets(BAD["$ephemeral"]) + sealer.seal(encode_uvarint(MAX_PROOF_MESSAGE)))
    frames = [sealer.seal(b"x") for _ in range(2 * MAX_UNPROVED // FRAME_SEALED)]

    def receive_all() -> None:
        while frames:
            connection.receive_data(frames.pop(0))

    with pytest.raises(MessageTooLongError, match="handshake of"):
        receive_all()
    assert len(frames) >= MAX_UNPROVED // FRAME_SEALED


def test_another_node_than_the_dialled_one_is_refused_by_name() -> None:
    """The error holds the authenticated ID, and the connection is not open."""
    connection = end(BAD["victim"], expected_id="f" * 40)
    with pytest.raises(UnexpectedNodeIDError, match=r"dialled f{40}, but 06a1") as caught:
        connection.receive_data(octets(BAD["$ephemeral"]) + octets(BAD["$auth"]))
    assert caught.value.actual == BAD["attacker"]["node_id"]
    assert not connection.is_open


def test_a_forged_signature_names_who_was_claimed() -> None:
    """The error holds the claimed ID, for the log."""
    case = next(case for case in CASES if case["name"] == "someone else's public key")
    with pytest.raises(SignatureError, match="cannot prove it"):
        victim().receive_data(stream_of(case))


def test_data_before_a_bad_frame_can_be_taken_once() -> None:
    """CometBFT's readers get it, too."""
    a, b = connected()
    good, bad = a.seal(b"good"), bytearray(a.seal(b"bad"))
    bad[100] ^= 1
    with pytest.raises(FrameTagError):
        b.receive_data(good + bad)
    assert b.take_undelivered() == b"good"
    assert b.take_undelivered() == b""
    assert b.remote_id == node_id_of(NodeKey(bytes([1]) * 32).public_key)


def test_the_ephemeral_secret_is_drawn_from_the_random_source() -> None:
    """Two connections of one node share nothing, and a broken source is noticed."""
    drawn: list[int] = []

    def random(size: int) -> bytes:
        drawn.append(size)
        return bytes([len(drawn)]) * size

    key = NodeKey(bytes(32))
    first, second = SecretConnection(key, random=random), SecretConnection(key, random=random)
    assert first.data_to_send() != second.data_to_send()
    assert drawn == [32, 32]
    with pytest.raises(EphemeralSecretError):
        SecretConnection(key, random=lambda size: b"")


@pytest.mark.parametrize(
    ("stream", "strange"),
    [
        (b"", b""),
        (b"\x22", b""),
        (b"\x22\x0a", b""),
        (b"\x22\x0a\x20" + b"k" * 31, b""),
        (b"2", b"2"),
        (b"\x22\x0b", b"\x22\x0b"),
        (b"220 mail.example.org ESMTP Postfix\r\n", b"220 mail.example.org ESM"),
    ],
)
def test_a_beginning_that_is_no_key_exchange_is_kept(stream: bytes, strange: bytes) -> None:
    """Until a key exchange has succeeded, so that it can be shown to people who wonder what is there."""
    end = victim()
    end.receive_data(stream)
    assert end.strange_beginning == strange


def test_a_key_exchange_that_began_otherwise_is_not_strange() -> None:
    """An unknown field may come first; the key is read all the same."""
    end = victim()
    end.receive_data(delimit(b"\x10\x01" + EphemeralKey(b"\x09" + bytes(31)).encode()))
    assert end.strange_beginning == b""


def test_the_ephemeral_secret_is_erased_when_the_keys_are_agreed() -> None:
    """So that nobody who reads our memory later can read what was said. Also when the remote's key is a bad one."""
    for remote in (ephemeral_public(b"r" * 32), bytes(32)):
        connection = SecretConnection(NodeKey.generate())
        secret = connection._secret
        assert any(secret)
        with contextlib.suppress(LowOrderKeyError):
            connection.receive_data(delimit(EphemeralKey(remote).encode()))
        assert secret == bytes(32)
        assert not any(connection._secret)


def test_the_secret_that_a_caller_gives_stays_the_caller_s() -> None:
    """It is copied."""
    given = b"g" * 32
    connection = SecretConnection(NodeKey.generate(), given)
    connection.receive_data(delimit(EphemeralKey(ephemeral_public(b"r" * 32)).encode()))
    assert given == b"g" * 32
