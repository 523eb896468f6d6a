"""Frames: seals that do not hold, lengths that cannot be, nonces out of order."""

from __future__ import annotations

import struct
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peerage.conformance.case import Act, Group, When
from peerage.conformance.visitor import Visitor
from peerage.wire.delimited import delimit
from peerage.wire.frames import FRAME_DATA, FRAME_SEALED, Sealer
from peerage.wire.packet import PING

__all__ = ["GROUP"]

GROUP = Group("Sealed frames", "frames")
EMPTY_FRAMES = 1000


def frame(
    visitor: Visitor, plain: bytes, *, counter: int | None = None, top: int = 0, key: bytes | None = None
) -> bytes:
    """Seal one by hand. Args: plain, all of it, its length too; counter, the next one by default; top, what stands in the
    nonce's first four bytes; key, ours by default.
    """
    assert visitor.keys is not None
    if counter is None:
        counter = visitor.sealer.frames
        visitor.sealer = Sealer(visitor.keys.send_key, frames=counter + 1)
    nonce = struct.pack("<IQ", top, counter)
    return ChaCha20Poly1305(key or visitor.keys.send_key).encrypt(nonce, plain, None)


def plain(data: bytes, *, length: int | None = None, padding: bytes = bytes(1)) -> bytes:
    filled = data + padding * (FRAME_DATA - len(data))
    return struct.pack("<I", len(data) if length is None else length) + filled[:FRAME_DATA]


def joined(make: Callable[[Visitor], bytes]) -> Act:
    """Args: make, what is sent in place of a sealed frame."""

    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.send(make(visitor))

    return act


def in_proof(make: Callable[[Visitor], bytes]) -> Act:
    """The same, in place of the frame that holds the proof."""

    def act(visitor: Visitor) -> None:
        visitor.exchange_keys()
        visitor.send(make(visitor))

    return act


def right_proof(visitor: Visitor) -> bytes:
    return plain(delimit(visitor.proof.encode()))


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def sealed(visitor: Visitor, data: bytes = PING) -> bytes:
    return visitor.sealer.seal(data)


def of_length(length: int) -> Callable[[Visitor], bytes]:
    return lambda visitor: frame(visitor, plain(b"", length=length))


def swapped(visitor: Visitor) -> bytes:
    first, second = sealed(visitor), sealed(visitor)
    return second + first


def twice(visitor: Visitor) -> bytes:
    return sealed(visitor) * 2


def skipped(visitor: Visitor) -> bytes:
    sealed(visitor)
    return sealed(visitor)


def wrong_key(visitor: Visitor) -> bytes:
    assert visitor.keys is not None
    return frame(visitor, plain(PING), key=visitor.keys.receive_key)


def their_own(visitor: Visitor) -> None:
    """What they sent, sent back."""
    visitor.exchange_keys()
    theirs = visitor.read_raw(FRAME_SEALED)
    visitor.send(theirs)


def cut_and_left(visitor: Visitor) -> None:
    visitor.join()
    visitor.send(sealed(visitor)[:500])
    visitor.sock.close()


def cut_and_half_closed(visitor: Visitor) -> None:
    visitor.join()
    visitor.send(sealed(visitor)[:500])
    visitor.half_close()


def half_closed(visitor: Visitor) -> None:
    visitor.join()
    visitor.half_close()


def reset(visitor: Visitor) -> None:
    visitor.join()
    visitor.reset()


def in_pieces(visitor: Visitor) -> None:
    """A frame a byte at a time."""
    visitor.join()
    visitor.trickle(sealed(visitor), 0.0)


def empty_ones(count: int) -> Act:
    return joined(lambda visitor: b"".join(frame(visitor, plain(b"")) for _ in range(count)))


def padded(visitor: Visitor) -> bytes:
    return frame(visitor, plain(PING, padding=b"\xa5"))


EMPTY = "CometBFT mistakes a frame without data for the byte that it read last"

GROUP.about("2 Frame", "a frame whose tag is bad ends the connection")
GROUP.ends(
    "the proof with a bit of its seal changed", in_proof(lambda visitor: flipped(sealed(visitor, b"x"), -1))
)
GROUP.ends("the proof under the other direction's key", in_proof(wrong_key))
GROUP.ends(
    "the proof with nonce 1", in_proof(lambda visitor: frame(visitor, right_proof(visitor), counter=1))
)
GROUP.about("2 Frame", "a length over 1024 ends the connection")
GROUP.ends("the proof in a frame of length 1025", in_proof(of_length(1025)))
GROUP.about("2.4", "each direction has a key of its own")
GROUP.ends("what they sent, sent back", their_own)
GROUP.about("2 Frame", "a frame whose tag is bad ends the connection")
GROUP.ends("a bit of the seal changed", joined(lambda visitor: flipped(sealed(visitor), -1)))
GROUP.ends("a bit of the text changed", joined(lambda visitor: flipped(sealed(visitor), 4)))
GROUP.ends("a bit of the length changed", joined(lambda visitor: flipped(sealed(visitor), 0)))
GROUP.ends("zeros", joined(lambda _visitor: bytes(FRAME_SEALED)))
GROUP.ends("plaintext", joined(lambda _visitor: plain(PING) + bytes(16)))
GROUP.ends(
    "a frame that is a byte short, then another",
    joined(lambda visitor: sealed(visitor)[:-1] + sealed(visitor)),
)
GROUP.ends(
    "a frame with a byte more, then another",
    joined(lambda visitor: sealed(visitor) + b"\x00" + sealed(visitor)),
)
GROUP.about("2 Frame", "a length over 1024 ends the connection")
for length in (1025, 1 << 16, 1 << 31, (1 << 32) - 1):
    GROUP.ends(f"length {length}", joined(of_length(length)), when=When.WIDELY if length == 1 << 16 else None)
GROUP.about("2 Frame", "the nonce is a counter of frames, four zero bytes in front")
GROUP.ends("two frames swapped", joined(swapped))
GROUP.ends("a frame twice", joined(twice))
GROUP.ends("a frame left out", joined(skipped))
GROUP.ends("nonce 0 again", joined(lambda visitor: frame(visitor, plain(PING), counter=0)))
GROUP.ends("nonce 2^32", joined(lambda visitor: frame(visitor, plain(PING), counter=1 << 32)))
GROUP.ends("nonce 2^64 - 1", joined(lambda visitor: frame(visitor, plain(PING), counter=(1 << 64) - 1)))
GROUP.ends(
    "a nonce with its first bytes set",
    joined(lambda visitor: frame(visitor, plain(PING), counter=visitor.sealer.frames, top=1)),
)
GROUP.about("2.4", "each direction has a key of its own")
GROUP.ends("the other direction's key", joined(wrong_key))
GROUP.about("2 Frame", "a frame may come in pieces")
GROUP.waits("half a frame, then silence", joined(lambda visitor: sealed(visitor)[:500]))
GROUP.about("5", "a connection that its remote has closed is given up")
GROUP.leaves("half a frame and a close", cut_and_left)
GROUP.ends("half a frame and a half close", cut_and_half_closed)
GROUP.ends("a half close", half_closed)
GROUP.leaves("a reset", reset)
GROUP.about("2 Frame", "a frame may come in pieces")
GROUP.goes_on("a frame a byte at a time", in_pieces)
GROUP.about("2 Frame", "the receiver ignores padding")
GROUP.goes_on("padding that is not zero", joined(padded))
GROUP.about("2 Frame", "a frame without data is skipped; nobody sends one", when=When.NEVER)
GROUP.goes_on("a frame without data", empty_ones(1), reason=EMPTY)
GROUP.goes_on(f"{EMPTY_FRAMES} frames without data", empty_ones(EMPTY_FRAMES), reason=EMPTY)
