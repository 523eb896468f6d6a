"""The first step of the secret connection: ephemeral keys that are none, and messages that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from peerage.conformance.case import TIMEOUT, Act, Group, When
from peerage.conformance.visitor import Visitor
from peerage.wire.delimited import delimit
from peerage.wire.protobuf import encode_bytes_field
from peerage.wire.session_keys import ephemeral_public
from peerage.wire.varint import encode_uvarint

__all__ = ["GROUP"]

PRIME = 2**255 - 19
BASE_POINT = 9
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the base point
HIGHEST_MESSAGE = 1 << 20

# The points of small order, as RFC 7748's security considerations ask implementations to check for: with each of them
# the shared secret is zero, whatever the other side's key.
ORDER_EIGHT = (
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
)


def _point(number: int) -> bytes:
    return number.to_bytes(32, "little")


def _with_top_bit(point: bytes) -> bytes:
    return point[:31] + bytes((point[31] | 0x80,))


LOW_ORDER: Mapping[str, bytes] = {
    "0": _point(0),
    "1": _point(1),
    "of order 8": bytes.fromhex(ORDER_EIGHT[0]),
    "of order 8, the other one": bytes.fromhex(ORDER_EIGHT[1]),
    "p - 1": _point(PRIME - 1),
    "p": _point(PRIME),
    "p + 1": _point(PRIME + 1),
}

GROUP = Group("Secret connection: ephemeral keys", "keys")


def go_on(visitor: Visitor, sent: bytes, public: bytes) -> None:
    """Send that, and whoever accepts it as this key gets all the rest of a handshake."""
    visitor.send(sent)
    visitor.receive_key()
    visitor.derive(public)
    visitor.prove()
    visitor.introduce()


def low_order(point: bytes) -> Act:
    def act(visitor: Visitor) -> None:
        visitor.send(delimit(encode_bytes_field(1, point)))

    return act


def message(make: Callable[[bytes], bytes]) -> Act:
    """Args: make, the message of our key, without its length in front."""
    return lambda visitor: go_on(visitor, delimit(make(visitor.public)), visitor.public)


def framed(make: Callable[[bytes], bytes]) -> Act:
    """Args: make, all that is sent, of the right message."""
    return lambda visitor: go_on(visitor, make(encode_bytes_field(1, visitor.public)), visitor.public)


def short_key(visitor: Visitor) -> None:
    """Whoever fills it up with a zero has our key."""
    while visitor.public[31]:
        visitor.secret = _another_secret(visitor.secret)
    go_on(visitor, delimit(encode_bytes_field(1, visitor.public[:31])), visitor.public)


def _another_secret(secret: bytes) -> bytes:
    return _point((int.from_bytes(secret, "little") + (1 << 16)) % (1 << 256))


def other_form(visitor: Visitor) -> None:
    """The base point as p + 9. Its secret, as every secret, is a multiple of 8 from 2^254 on."""
    eighth = pow(8, -1, ORDER)
    visitor.secret = next(_point(8 * each) for each in (eighth, ORDER - eighth) if 2**251 <= each < 2**252)
    assert ephemeral_public(visitor.secret) == _point(BASE_POINT)
    visitor.exchange_keys(public=_point(PRIME + BASE_POINT))
    visitor.prove()
    visitor.introduce()


def top_bit(visitor: Visitor) -> None:
    """Which is ignored."""
    visitor.exchange_keys(public=_with_top_bit(visitor.public))
    visitor.prove()
    visitor.introduce()


def reflected(visitor: Visitor) -> None:
    """Their own key."""
    visitor.send(visitor.receive_key())


def send(data: bytes) -> Act:
    return lambda visitor: visitor.send(data)


def whole_mebibyte(visitor: Visitor) -> None:
    """The largest message that is taken, of an unknown field, without a key."""
    body = HIGHEST_MESSAGE - 5
    visitor.send(encode_uvarint(HIGHEST_MESSAGE) + b"\x7a" + encode_uvarint(body) + bytes(body + 4))


UNKNOWN = b"\x7a\x03abc"  # field 15

GROUP.about("2.1", "a key that gives an all-zero shared secret is refused")
for name, point in LOW_ORDER.items():
    GROUP.ends(f"the point {name}", low_order(point))
    GROUP.ends(
        f"the point {name}, with the top bit set",
        low_order(_with_top_bit(point)),
        when=None if name == "0" else When.WIDELY,
    )
GROUP.about("2.2", "X25519 ignores the top bit of a key; order and transcript have it as it was sent")
GROUP.goes_on("a point in the other of its two forms", other_form)
GROUP.goes_on("a key with the top bit set", top_bit)
GROUP.about("2.1", "a node does not shake hands with itself")
GROUP.ends("their own key", reflected)
GROUP.about("2.1", "the message is a BytesValue of 32 bytes")
GROUP.ends("an empty message", message(lambda _key: b""))
GROUP.about("2.1", "a key has 32 bytes: a shorter or longer one is refused")
GROUP.ends("a key of no bytes", message(lambda _key: encode_bytes_field(1, b"")))
GROUP.ends("a key of 31 bytes", short_key)
GROUP.ends("a key of 33 bytes", message(lambda key: encode_bytes_field(1, key + b"\x01")))
GROUP.ends("a key of 64 bytes", message(lambda key: encode_bytes_field(1, key * 2)))
GROUP.about("2.1", "the message is a BytesValue of 32 bytes")
GROUP.ends("the key as field 2", message(lambda key: encode_bytes_field(2, key)))
GROUP.ends("a number in place of the key", message(lambda _key: b"\x08\x01"))
GROUP.ends("a number beside the key", message(lambda key: encode_bytes_field(1, key) + b"\x08\x01"))
GROUP.ends("a field cut off", message(lambda key: encode_bytes_field(1, key)[:-1]))
GROUP.ends("field number 0", message(lambda key: encode_bytes_field(1, key) + b"\x02\x00"))
GROUP.ends(
    "an end of a group that never began",
    message(lambda key: encode_bytes_field(1, key) + b"\x7c"),
    when=When.WIDELY,
)
GROUP.ends("a group without end", message(lambda key: encode_bytes_field(1, key) + b"\x7b"), when=When.WIDELY)
GROUP.ends("wire type 6", message(lambda key: encode_bytes_field(1, key) + b"\x7e"), when=When.WIDELY)
GROUP.about("decoding", "unknown fields are skipped, and of a field given twice the last counts")
GROUP.goes_on("an unknown field beside the key", message(lambda key: UNKNOWN + encode_bytes_field(1, key)))
GROUP.goes_on(
    "two keys, of which the last counts",
    message(lambda key: encode_bytes_field(1, bytes(32)) + encode_bytes_field(1, key)),
)
GROUP.ends(
    "two keys, of which the last is short",
    message(lambda key: encode_bytes_field(1, key) + encode_bytes_field(1, key[:31])),
)
GROUP.about("decoding", "a length may have more bytes than it needs, up to ten of 64 bits")
GROUP.goes_on("the length in two bytes", framed(lambda right: b"\xa2\x00" + right))
GROUP.ends("a length in eleven bytes", framed(lambda right: b"\xa2" + b"\x80" * 9 + b"\x00" + right))
GROUP.ends("a length beyond 64 bits", framed(lambda right: b"\xff" * 9 + b"\x7f" + right))
GROUP.about("2.1", "a message over 1 MiB is refused as soon as its length is known")
GROUP.ends("a length of 2^63", framed(lambda right: encode_uvarint(1 << 63) + right))
GROUP.ends("a length of 2^32", framed(lambda right: encode_uvarint(1 << 32) + right), when=When.WIDELY)
GROUP.ends(
    "a mebibyte and a byte announced", framed(lambda right: encode_uvarint(HIGHEST_MESSAGE + 1) + right)
)
GROUP.about(*TIMEOUT.pair)
GROUP.ends("a mebibyte announced, then silence", send(encode_uvarint(HIGHEST_MESSAGE)))
GROUP.about("2.1", "the message is a BytesValue of 32 bytes")
GROUP.ends("a mebibyte that holds no key", whole_mebibyte, when=When.NEVER)
GROUP.ends("nothing but the length 0", send(b"\x00"))
