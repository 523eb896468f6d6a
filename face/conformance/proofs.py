"""The second step: who the other side says to be, and how it proves that."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Mapping

from peerage.conformance.case import TIMEOUT, Act, Group, Outcome, When
from peerage.conformance.line import PATIENCE_S, READ_SIZE
from peerage.conformance.visitor import Visitor
from peerage.wire.delimited import delimit
from peerage.wire.handshake_messages import AuthSignature
from peerage.wire.keys import NodeKey, node_id_of
from peerage.wire.varint import encode_uvarint

__all__ = ["GROUP"]

SLOW_S = 0.2
HIGHEST_MESSAGE = 1 << 20
UNKNOWN = b"\x7a\x03abc"

GROUP = Group("Secret connection: proofs", "proofs")


def field(number: int, value: bytes) -> bytes:
    """Of wire type 2."""
    return bytes((number << 3 | 2,)) + delimit(value)


def proof(key: bytes, signature: bytes, *, kind: int = 1) -> bytes:
    """The message, in the form that it should have."""
    return field(1, field(kind, key)) + field(2, signature)


def prove(make: Callable[[AuthSignature], bytes]) -> Act:
    """Args: make, the message, of the right proof."""

    def act(visitor: Visitor) -> None:
        visitor.exchange_keys()
        visitor.prove(make(visitor.proof))
        visitor.introduce()

    return act


def key_of(size: int) -> Act:
    return prove(lambda right: proof((right.public_key * 2)[:size], right.signature))


def signature_of(size: int) -> Act:
    return prove(lambda right: proof(right.public_key, (right.signature * 2)[:size]))


def another_kind(kind: int, key: bytes) -> Act:
    return prove(lambda right: proof(key, right.signature, kind=kind))


def after_keys(make: Callable[[Visitor], bytes]) -> Act:
    """Args: make, all plaintext in place of the proof."""

    def act(visitor: Visitor) -> None:
        visitor.exchange_keys()
        visitor.say(make(visitor))

    return act


def right(visitor: Visitor) -> bytes:
    """The right proof with its length."""
    return delimit(visitor.proof.encode())


def by_another(visitor: Visitor) -> None:
    visitor.exchange_keys()
    assert visitor.keys is not None
    visitor.prove(proof(visitor.key.public_key, NodeKey.generate().sign(visitor.keys.challenge)))


def of_another_connection(visitor: Visitor) -> None:
    """Our own proof, for another challenge."""
    with visitor.again() as other:
        other.exchange_keys()
        visitor.key = other.key
        visitor.exchange_keys()
        visitor.prove(other.proof.encode())


def replayed(visitor: Visitor) -> None:
    """All the bytes of a handshake that succeeded."""
    with visitor.again() as other:
        other.exchange_keys()
        proved = other.sealer.seal(right(other))
        other.send(proved)
        other.receive_proof()
        introduced = other.sealer.seal(delimit(other.info().encode()))
    visitor.secret = other.secret
    visitor.exchange_keys()
    visitor.send(proved + introduced)


def reflected(visitor: Visitor) -> None:
    """Their own proof, which holds for our challenge too."""
    visitor.exchange_keys()
    visitor.receive_proof()
    theirs = visitor.their_proof
    assert theirs is not None
    visitor.say(delimit(theirs.encode()))
    visitor.introduce(id=node_id_of(theirs.public_key))


def joined(visitor: Visitor) -> None:
    """Two connections to the same node, each of which gets what comes on the other."""
    with visitor.again() as other:
        ends = {visitor.sock: other.sock, other.sock: visitor.sock}
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            readable, _, _ = select.select(list(ends), [], [], PATIENCE_S)
            for sock in readable:
                data = sock.recv(READ_SIZE)
                if not data:
                    raise ConnectionResetError("one of both is over")
                with contextlib.suppress(BrokenPipeError):
                    ends[sock].sendall(data)


def unsealed(visitor: Visitor) -> None:
    visitor.exchange_keys()
    visitor.send(right(visitor) + bytes(1044))


def slow(visitor: Visitor) -> None:
    """A frame for each byte, slowly."""
    visitor.exchange_keys()
    for byte in right(visitor):
        visitor.say(bytes((byte,)))
        time.sleep(SLOW_S)


def in_crumbs(visitor: Visitor) -> None:
    """A frame for each byte."""
    visitor.exchange_keys()
    for byte in right(visitor) + delimit(visitor.info().encode()):
        visitor.say(bytes((byte,)))
    visitor.receive_proof()
    visitor.receive_info()


def in_one(visitor: Visitor) -> None:
    """The proof, NodeInfo and a ping in one frame."""
    visitor.exchange_keys()
    visitor.say(right(visitor) + delimit(visitor.info().encode()) + b"\x02\x0a\x00")
    visitor.receive_proof()
    visitor.receive_info()


def stays_silent(visitor: Visitor) -> None:
    visitor.exchange_keys()


KEY_SIZES = (0, 31, 33, 64)
SIGNATURE_SIZES = (0, 63, 65, 128)
OTHER_KINDS: Mapping[str, tuple[int, bytes]] = {
    "secp256k1": (2, b"\x02" + bytes(range(1, 33))),
    "BLS12-381": (3, bytes(range(96))),
    "ML-DSA-65": (4, bytes(1952)),
    "a kind that is unknown": (9, bytes(32)),
}

GROUP.about(*TIMEOUT.pair)
GROUP.ends("none, for ever", stays_silent)
GROUP.about("2.5", "a signature that does not verify is refused")
GROUP.ends("a signature of zeros", prove(lambda right: proof(right.public_key, bytes(64))))
GROUP.ends(
    "a signature with a bit changed",
    prove(lambda right: proof(right.public_key, right.signature[:-1] + bytes((right.signature[-1] ^ 1,)))),
)
GROUP.ends(
    "the signature's first half alone changed",
    prove(lambda right: proof(right.public_key, bytes(32) + right.signature[32:])),
)
GROUP.ends("the signature of another key", by_another)
GROUP.about("2.5", "the signature is of this connection's challenge", takes_two=True)
GROUP.ends("the proof of another connection", of_another_connection)
GROUP.ends("a whole handshake, replayed", replayed)
GROUP.about("3", "a peer with our own ID is refused")
GROUP.ends("their own proof", reflected)
GROUP.about("3", "a peer with our own ID is refused", takes_two=True)
GROUP.ends("two connections to the same node, joined", joined, when=When.WIDELY)
GROUP.about("2.5", "a key or signature of the wrong length is refused")
for size in KEY_SIZES:
    GROUP.ends(f"a key of {size} bytes", key_of(size))
for size in SIGNATURE_SIZES:
    GROUP.ends(f"a signature of {size} bytes", signature_of(size))
GROUP.about("2.5", "a key that is not ed25519 is refused")
for name, (kind, key) in OTHER_KINDS.items():
    GROUP.ends(f"a key of {name}", another_kind(kind, key), when=None if kind in {2, 9} else When.WIDELY)
GROUP.ends("our key, called secp256k1", prove(lambda right: proof(right.public_key, right.signature, kind=2)))
GROUP.about("decoding", "of two kinds in a oneof the last counts")
GROUP.ends(
    "two kinds of key, of which the last is secp256k1",
    prove(
        lambda right: (
            field(1, field(1, right.public_key) + field(2, OTHER_KINDS["secp256k1"][1]))
            + field(2, right.signature)
        )
    ),
)
GROUP.goes_on(
    "two kinds of key, of which the last is ed25519",
    prove(
        lambda right: (
            field(1, field(2, OTHER_KINDS["secp256k1"][1]) + field(1, right.public_key))
            + field(2, right.signature)
        )
    ),
)
GROUP.about("2.5", "the message is an AuthSigMessage of a key and a signature")
GROUP.ends("an empty message", prove(lambda _right: b""))
GROUP.ends("a key and no signature", prove(lambda right: field(1, field(1, right.public_key))))
GROUP.ends("a signature and no key", prove(lambda right: field(2, right.signature)))
GROUP.ends("a number in place of the key", prove(lambda right: b"\x08\x01" + field(2, right.signature)))
GROUP.ends(
    "a number in place of the signature",
    prove(lambda right: field(1, field(1, right.public_key)) + b"\x10\x01"),
)
GROUP.ends("a message cut off", prove(lambda right: right.encode()[:-1]))
GROUP.ends("random bytes", prove(lambda right: right.signature + bytes(39)))
GROUP.about("decoding", "unknown fields are skipped, and of a field given twice the last counts")
GROUP.goes_on("an unknown field", prove(lambda right: right.encode() + UNKNOWN))
GROUP.goes_on(
    "two signatures, of which the last counts", prove(lambda right: field(2, bytes(64)) + right.encode())
)
GROUP.about("2.5", "the first sealed message is an AuthSigMessage")
GROUP.ends("NodeInfo in its place", after_keys(lambda visitor: delimit(visitor.info().encode())))
GROUP.ends("packets in its place", after_keys(lambda _visitor: b"\x02\x0a\x00" * 100))
GROUP.about("2.5", "from the proof on everything is sealed")
GROUP.ends("not sealed", unsealed)
GROUP.about("2.5", "a message over 1 MiB is refused as soon as its length is known")
GROUP.ends("a length beyond 64 bits", after_keys(lambda visitor: b"\xff" * 9 + b"\x7f" + right(visitor)))
GROUP.ends(
    "a mebibyte and a byte announced", after_keys(lambda _visitor: encode_uvarint(HIGHEST_MESSAGE + 1))
)
GROUP.about(*TIMEOUT.pair)
GROUP.ends(
    "a mebibyte announced, then silence",
    after_keys(lambda _visitor: encode_uvarint(HIGHEST_MESSAGE)),
    when=When.WIDELY,
)
GROUP.ends(
    "a mebibyte of zeros",
    after_keys(lambda _visitor: encode_uvarint(HIGHEST_MESSAGE) + bytes(HIGHEST_MESSAGE)),
    when=When.NEVER,
)
GROUP.ends("a byte in each frame, slowly", slow, when=When.WIDELY)
# It takes more bytes than an honest handshake needs.
GROUP.about("2 Frame", "frames are a byte stream, not message boundaries")
GROUP.add("a byte in each frame", in_crumbs, Outcome.ENDED, Outcome.SERVED, when=When.WIDELY)
GROUP.goes_on("in one frame with NodeInfo and a ping", in_one)
