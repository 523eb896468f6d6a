"""wire/quick_handshake.py: the compiled handshake comes to what the long way comes to, and leaves to it all that is odd."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire import accelerator, loops, quick_handshake
from peerage.wire.delimited import delimit
from peerage.wire.errors import ConnectionStateError, RemoteError
from peerage.wire.frames import FRAME_SEALED, Sealer
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.quick_handshake import Step, begin, go_the_long_way
from peerage.wire.secret_connection import SecretConnection, Stage
from tests.strategies import chunks
from tests.wire.test_secret_connection import stream_of
from tests.wire.vectors import load, octets

HANDSHAKES = load("secret_connection")["handshakes"]
BAD = load("secret_connection_bad")
ANNA, BERT = NodeKey(b"a" * 32), NodeKey(b"b" * 32)
SECRET, OTHER_SECRET = bytes(range(32)), bytes(range(1, 33))

needs_compiled = pytest.mark.skipif(begin(ANNA, None) is None, reason="the extension is not there")


class Long:
    """One end that goes the long way from the start."""

    def __init__(self, key: NodeKey, ephemeral: bytes, expected_id: NodeID | None) -> None:
        self.secret = SecretConnection(key, ephemeral, expected_id)
        self.said, self.heard = bytearray(self.secret.data_to_send()), bytearray()
        self.error = ""

    def receive(self, data: bytes) -> None:
        try:
            self.heard += self.secret.receive_data(data)
        except (RemoteError, ConnectionStateError) as error:
            self.error = self.error or repr(error)
            self.heard += self.secret.take_undelivered()
        self.said += self.secret.data_to_send()

    @property
    def outcome(self) -> tuple[Any, ...]:
        """All that can be told of it, and that it can go on: what it seals next."""
        secret = self.secret
        try:
            who: Any = secret.remote_id, secret.remote_public_key
        except ConnectionStateError as error:
            who = repr(error)
        sealed = secret.seal(b"more") if secret.is_open else b""
        return (
            bytes(self.said),
            bytes(self.heard),
            self.error,
            secret.stage,
            who,
            secret.strange_beginning,
            sealed,
        )


class Quick(Long):
    """One end that goes the quick way for as long as it leads on."""

    def __init__(self, key: NodeKey, ephemeral: bytes, expected_id: NodeID | None) -> None:
        quick = begin(key, expected_id, ephemeral)
        assert quick is not None
        self._quick: quick_handshake.QuickHandshake | None = quick
        self._key, self._expected_id = key, expected_id
        self.said, self.heard = bytearray(quick.data_to_send()), bytearray()
        self.error = ""
        self.steps: list[int] = []

    def receive(self, data: bytes) -> None:
        quick = self._quick
        if quick is not None:
            self.steps.append(step := quick.receive(data))
            assert quick.taken == len(data) or step == Step.IS_ODD
            self.said += quick.data_to_send()
            if step in {Step.IS_DONE, Step.HAS_PROVED_AND_IS_DONE}:
                self.heard += delimit(quick.message) + quick.leftover
            if step != Step.IS_ODD:
                return
            data = data[quick.taken :]
        self.finish()
        super().receive(data)

    def finish(self) -> None:
        """Go the long way from here on."""
        if self._quick is not None:
            self.secret = go_the_long_way(self._quick, self._key, self._expected_id)
            self._quick = None

    @property
    def outcome(self) -> tuple[Any, ...]:
        self.finish()
        return super().outcome


def played(
    kind: type[Long], key: NodeKey, ephemeral: bytes, expected_id: NodeID | None, pieces: Iterable[bytes]
) -> tuple[Any, ...]:
    end = kind(key, ephemeral, expected_id)
    for piece in pieces:
        end.receive(piece)
    return end.outcome


def same_of_both(
    key: NodeKey, ephemeral: bytes, expected_id: NodeID | None, pieces: Iterable[bytes]
) -> tuple[Any, ...]:
    """What came of it, which is the same by either way."""
    pieces = list(pieces)
    quick, long = (played(kind, key, ephemeral, expected_id, pieces) for kind in (Quick, Long))
    assert quick == long
    return quick


def in_pieces(stream: bytes, size: int) -> list[bytes]:
    """The first as long as an honest key, the others of this size."""
    return [stream[:35], *(stream[at : at + size] for at in range(35, len(stream), size))]


def remote_of(public: bytes, info: bytes) -> tuple[bytes, bytes, bytes]:
    """An honest remote: its key, proof and NodeInfo for whoever has this ephemeral key."""
    bert = SecretConnection(BERT, OTHER_SECRET)
    key = bert.data_to_send()
    bert.receive_data(b"\x22\x0a\x20" + public)
    proof = bert.data_to_send()
    # As soon as it has our proof it is open, and sends what it likes.
    sealer = bert._sealer
    assert sealer is not None
    return key, proof, sealer.seal(info)


def honest(info: bytes = b"\x03abc") -> tuple[bytes, bytes, bytes]:
    return remote_of(SecretConnection(ANNA, SECRET).data_to_send()[3:], info)


@needs_compiled
@pytest.mark.parametrize("size", [35, 1044, 10_000])
@pytest.mark.parametrize("shake", HANDSHAKES, ids=lambda shake: shake["name"])
@pytest.mark.parametrize("side", ["a", "b"])
def test_recorded_handshakes_come_to_the_same(shake: dict[str, Any], side: str, size: int) -> None:
    """Whichever end is ours."""
    ours, theirs = shake[side], shake["b" if side == "a" else "a"]
    stream = b"".join(octets(part["wire"]) for part in shake["b_to_a" if side == "a" else "a_to_b"])
    pieces = in_pieces(stream, size)
    outcome = same_of_both(
        NodeKey(octets(ours["node_seed"])), octets(ours["ephemeral_private"]), theirs["node_id"], pieces
    )
    assert outcome[4][0] == theirs["node_id"]


@needs_compiled
@pytest.mark.parametrize("case", BAD["cases"], ids=lambda case: f"{case['group']}: {case['name']}")
@pytest.mark.parametrize("size", [35, 1044, 10_000])
def test_hostile_streams_come_to_the_same(case: dict[str, Any], size: int) -> None:
    """Each error of each recorded attack."""
    victim = BAD["victim"]
    pieces = in_pieces(stream_of(case), size)
    key, ephemeral = NodeKey(octets(victim["node_seed"])), octets(victim["ephemeral_private"])
    for expected in (None, BAD["attacker"]["node_id"], ANNA.node_id):
        same_of_both(key, ephemeral, expected, pieces)


@needs_compiled
def test_an_honest_remote_is_never_odd() -> None:
    """However its three words are divided among reads."""
    key, proof, info = honest()
    for pieces, steps in (
        ((key, proof, info), (Step.WAITS, Step.HAS_PROVED, Step.IS_DONE)),
        ((key + proof, info), (Step.HAS_PROVED, Step.IS_DONE)),
        ((key, proof + info), (Step.WAITS, Step.HAS_PROVED_AND_IS_DONE)),
        ((key + proof + info,), (Step.HAS_PROVED_AND_IS_DONE,)),
    ):
        end = Quick(ANNA, SECRET, BERT.node_id)
        for piece in pieces:
            end.receive(piece)
        assert tuple(end.steps) == steps
        assert bytes(end.heard) == b"\x03abc"
        assert end.outcome == played(Long, ANNA, SECRET, BERT.node_id, pieces)


@needs_compiled
@settings(max_examples=150)
@given(st.data())
def test_whatever_a_remote_changes_comes_to_the_same(data: st.DataObject) -> None:
    """A byte of its stream, its order, its cut, what it says for a NodeInfo, whom we had dialled."""
    info = data.draw(st.binary(max_size=40) | st.just(b"\xff\x07" + bytes(2000)) | st.just(b"\x85\x00hello"))
    words = list(honest(info))
    if data.draw(st.booleans()):
        words = data.draw(st.permutations(words))
    stream = bytearray(b"".join(words))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(stream) - 1) | st.sampled_from([0, 1, 2, 3, 34, 35, 1078, 1079]))
        stream[at] ^= data.draw(st.sampled_from([1, 0x80, 0xFF]))
    if data.draw(st.booleans()):
        del stream[data.draw(st.integers(0, len(stream))) :]
    cut = [len(word) for word in words]
    pieces = (
        data.draw(chunks(bytes(stream)))
        if data.draw(st.booleans())
        else [bytes(stream[sum(cut[:n]) : sum(cut[: n + 1])]) for n in range(3)]
    )
    expected = data.draw(st.sampled_from([None, BERT.node_id, ANNA.node_id]))
    quick, long = (played(kind, ANNA, SECRET, expected, pieces) for kind in (Quick, Long))
    if b"\x85\x00hello" not in info:  # a length in more bytes than it needs is not told on
        assert quick == long
    assert quick[2:] == long[2:]


@needs_compiled
def test_a_secret_is_given_away_once_and_only_while_it_is_needed() -> None:
    """Its memory is wiped when the keys have been derived, or the long way is gone."""
    quick = begin(ANNA, None, SECRET)
    assert quick is not None
    assert quick.hand_over()[1] == SECRET
    with pytest.raises(RuntimeError, match="handed over before"):
        quick.hand_over()
    assert quick.receive(honest()[0]) == Step.IS_ODD
    quick = begin(ANNA, None, SECRET)
    assert quick is not None
    assert quick.receive(honest()[0]) == Step.WAITS
    assert quick.hand_over()[1] == b""


@needs_compiled
def test_neither_arguments_nor_order_can_be_misused() -> None:
    with pytest.raises(ValueError, match="another length"):
        begin(ANNA, None, b"short")
    with pytest.raises(TypeError, match="an ID is a text"):
        begin(ANNA, 5, SECRET)  # type: ignore[arg-type]  # that is the point
    quick = begin(ANNA, None, SECRET)
    assert quick is not None
    with pytest.raises(TypeError):
        quick.receive("text")  # type: ignore[arg-type]  # as above
    assert quick.receive(b"") == Step.IS_ODD
    assert quick.receive(honest()[1]) == Step.IS_ODD
    assert quick.taken == 0


def test_without_the_compiled_loops_there_is_only_the_long_way() -> None:
    """As when they are not in use for another reason."""
    accelerator.use(loops)
    try:
        assert begin(ANNA, None) is None
    finally:
        accelerator.use(accelerator.compiled or loops)


@needs_compiled
def test_what_was_sealed_meanwhile_is_not_sealed_twice() -> None:
    """The long way goes on with the same counter, and sends first what is due."""
    end = begin(ANNA, None, SECRET)
    assert end is not None
    key, proof, _info = honest()
    assert end.receive(key + proof) == Step.HAS_PROVED
    sealer = Sealer(end.sealer, frames=1)
    sealed = sealer.seal(b"our NodeInfo")
    secret = go_the_long_way(end, ANNA, None, sealer, sealed)
    assert secret.stage is Stage.OPEN
    said = secret.data_to_send()
    assert len(said) == 35 + 2 * FRAME_SEALED
    other = SecretConnection(BERT, OTHER_SECRET)
    assert other.receive_data(said + secret.seal(b", and more")) == b"our NodeInfo, and more"
