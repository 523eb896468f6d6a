"""Sealed frames: sealing and opening, singly and in batches."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire.errors import (
    FrameError,
    FrameLengthError,
    FrameTagError,
    OpenExhaustedError,
    SealExhaustedError,
)
from peerage.wire.frames import FRAME_DATA, FRAME_PLAIN, FRAME_SEALED, MAX_FRAMES, Opener, Sealer, sealed_size
from tests.wire.vectors import load, octets, pattern

pytestmark = pytest.mark.usefixtures("form")

KEY = bytes(range(32))
SIZES = [0, 1, 1023, 1024, 1025, 2048, 5000]


def seal_plain(plain: bytes, counter: int = 0) -> bytes:
    """A frame with any plaintext, as only an evil peer would seal it."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(KEY).encrypt(bytes(4) + counter.to_bytes(8, "little"), plain, None)


@pytest.mark.parametrize("size", SIZES)
def test_opening_gives_back_what_was_sealed(size: int) -> None:
    """Sizes around every boundary, in as few frames as possible."""
    data = pattern(3, size)
    sealed = Sealer(KEY).seal(data)
    assert len(sealed) == sealed_size(size) == -(-size // FRAME_DATA) * FRAME_SEALED
    assert Opener(KEY).open(sealed) == data


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_can_be_sealed_and_opened(kind: type[bytes | bytearray | memoryview]) -> None:
    """Callers pass the buffers that they have, without a copy."""
    data = pattern(0, 3000)
    sealed = Sealer(KEY).seal(kind(data))
    assert Opener(KEY).open(kind(sealed)) == data


def test_no_data_is_no_frame_and_uses_no_nonce() -> None:
    """CometBFT would take an empty frame for the byte that it read last."""
    sealer = Sealer(KEY)
    assert sealer.seal(b"") == b""
    assert sealer.frames == 0


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=2500), max_size=5))
def test_batches_of_frames_join_into_one_stream(writes: list[bytes]) -> None:
    """The stream is the same whether frames are sealed and opened together or one by one."""
    one_by_one, batched, opener = Sealer(KEY), Sealer(KEY), Opener(KEY)
    singles = [one_by_one.seal(data) for data in writes]
    batch = bytearray()
    for data in writes:
        batched.seal_into(data, batch)
    assert batch == b"".join(singles)
    stream = b"".join(opener.open(sealed) for sealed in singles)
    assert stream == Opener(KEY).open(batch) == b"".join(writes)
    assert opener.frames == one_by_one.frames == len(batch) // FRAME_SEALED


def recorded_frames() -> list[tuple[bytes, int, bytes, bytes, bool]]:
    """Every sealed frame of the recordings: key, counter, data, wire, zero_padded."""
    out = []
    for shake in load("secret_connection")["handshakes"]:
        for side, frames in (("a", shake["a_to_b"]), ("b", shake["b_to_a"])):
            key = octets(shake["k2" if shake["lower"] == side else "k1"])
            for frame in frames[1:]:
                counter = int.from_bytes(octets(frame["nonce"])[4:], "little")
                wire, data = octets(frame["wire"]), octets(frame["data"])
                out.append((key, counter, data, wire, frame["zero_padded"]))
    return out


def test_recorded_frames_of_cometbft_open_and_are_reproduced() -> None:
    """Frames padded with zeros are reproduced bit for bit; the padding of the others comes from an earlier frame."""
    frames = recorded_frames()
    assert len(frames) > 20
    for key, counter, data, wire, zero_padded in frames:
        assert Opener(key, frames=counter).open(wire) == data
        assert (Sealer(key, frames=counter).seal(data) == wire) == zero_padded


def test_padding_is_not_looked_at() -> None:
    """CometBFT pads with what earlier frames left in its buffer."""
    plain = (3).to_bytes(4, "little") + b"abc" + b"\xee" * (FRAME_DATA - 3)
    assert Opener(KEY).open(seal_plain(plain)) == b"abc"


def test_an_empty_frame_is_skipped() -> None:
    """It uses a nonce and adds no data."""
    opener = Opener(KEY)
    assert opener.open(seal_plain(bytes(FRAME_PLAIN))) == b""
    assert opener.frames == 1


@pytest.mark.parametrize("length", [1025, 2**31, 2**32 - 1])
def test_a_length_over_1024_ends_the_connection(length: int) -> None:
    """Even if the frame authenticates."""
    with pytest.raises(FrameLengthError, match=f"holds {length} bytes") as caught:
        Opener(KEY).open(seal_plain(length.to_bytes(4, "little") + bytes(FRAME_DATA)))
    assert (caught.value.counter, caught.value.length) == (0, length)


def test_data_of_good_frames_before_a_bad_one_is_left_in_the_list() -> None:
    """So the caller can still deliver what was authenticated."""
    sealed = bytearray(Sealer(KEY).seal(pattern(0, 3000)))
    sealed[2 * FRAME_SEALED] ^= 1
    opened = [b"before|"]
    with pytest.raises(FrameTagError, match="frame 2 does not authenticate"):
        Opener(KEY).open_into(sealed, opened)
    assert b"".join(opened) == b"before|" + pattern(0, 2048)


def test_frames_out_of_order_or_again_do_not_authenticate() -> None:
    """The nonce holds the frame's place in the stream."""
    first, second = (Sealer(KEY, frames=n).seal(b"x") for n in (0, 1))
    for wrong in (second, second + first, first + first):
        with pytest.raises(FrameTagError):
            Opener(KEY).open(wrong)


@settings(max_examples=30)
@given(st.binary(max_size=3 * FRAME_SEALED))
def test_arbitrary_bytes_are_a_frame_error(data: bytes) -> None:
    """Nobody can make a frame without the key, whatever the number of bytes."""
    if not data:
        assert Opener(KEY).open(data) == b""
        return
    with pytest.raises(FrameError):
        Opener(KEY).open(data)


def test_no_nonce_is_used_twice() -> None:
    """Sealing stops when the counter ends, and seals nothing rather than a part of the data."""
    sealer = Sealer(KEY, frames=MAX_FRAMES - 1)
    with pytest.raises(SealExhaustedError, match="new connection"):
        sealer.seal(bytes(FRAME_DATA + 1))
    last = sealer.seal(b"last")
    with pytest.raises(SealExhaustedError):
        sealer.seal(b"one more")
    opener = Opener(KEY, frames=MAX_FRAMES - 1)
    assert opener.open(last) == b"last"
    with pytest.raises(OpenExhaustedError, match="all nonces"):
        opener.open(last)
