"""Random calls of every loop over frames and packets, compared with plain Python; wild arguments raise, or do no harm.

They are made for the compiled loops under sanitizers (`python -m tests.fuzz.sanitized`).
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from peerage.wire import loops
from peerage.wire.loops import FRAME_DATA, FRAME_PLAIN, FRAME_SEALED
from peerage.wire.packet import MessageReceived, PacketMsg, encode_packet, whole_message_middle

__all__ = ["LOOPS", "rounds"]

COUNTERS = (0, 1, 255, 2**32 - 1, 2**63, 2**64 - 10)
CHANNELS = (0x00, 0x20, 0x80, 0xFF)
WILD = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 7, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1)
NESTED = (ValueError, TypeError, OverflowError, MemoryError)  # with which a loop may refuse its arguments


def rounds(form: Any, seed: int, count: int, *, wild: bool = False) -> dict[str, int]:
    """Compare a form with plain Python, call by call. Returns: how many calls there were, by loop.

    Args: wild, whether to pass impossible arguments too, which plain Python does not look out for.
    """
    rng = random.Random(seed)
    done: dict[str, int] = dict.fromkeys(LOOPS, 0)
    for number in range(count):
        name = list(LOOPS)[number % len(LOOPS)]
        LOOPS[name](form, rng)
        if wild:
            _wild(form, name, rng)
        done[name] += 1
    return done


def _octets(rng: random.Random, most: int) -> Any:
    """Bytes, in any of the types that may hold them."""
    data = rng.randbytes(rng.choice((0, 1, rng.randrange(most), most)))
    return rng.choice((bytes, bytearray, memoryview))(data)


def _same(form: Any, name: str, *arguments: Any) -> Any:
    expected = getattr(loops, name)(*arguments)
    found = getattr(form, name)(*arguments)
    assert found == expected, f"{name}{arguments!r}: {found!r}, not {expected!r}"
    return expected


def _seal(form: Any, rng: random.Random) -> None:
    key, counter, data = rng.randbytes(32), rng.choice(COUNTERS), _octets(rng, 9 * FRAME_DATA)
    sealed = [each.FrameCipher(key, opens=False).seal(counter, data) for each in (loops, form)]
    assert sealed[0] == sealed[1]


def _open(form: Any, rng: random.Random) -> None:
    key, counter = rng.randbytes(32), rng.choice(COUNTERS)
    aead = ChaCha20Poly1305(key)
    stream = bytearray()
    for index in range(rng.randrange(9)):
        length = rng.choice((0, 3, FRAME_DATA, FRAME_DATA, FRAME_DATA + 1, 2**31, 2**32 - 1))
        plain = (length.to_bytes(4, "little") + rng.randbytes(FRAME_DATA))[:FRAME_PLAIN]
        stream += aead.encrypt(bytes(4) + ((counter + index) % 2**64).to_bytes(8, "little"), plain, None)
    if stream and rng.random() < 0.3:
        stream[rng.randrange(len(stream))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.2:
        stream = stream[: rng.randrange(len(stream) + 1)]
    if counter + len(stream) // FRAME_SEALED >= 2**64:
        return  # `frames.py` does not ask for it
    begun, before = rng.choice((0, 1, rng.randrange(FRAME_SEALED))), rng.randbytes(rng.randrange(3))
    arguments = counter, stream[begun:], stream[:begun], before
    opened = [each.FrameCipher(key, opens=True).open(*arguments) for each in (loops, form)]
    assert opened[0] == opened[1]


def _run(rng: random.Random) -> tuple[bytes, int, bytes, int]:
    """A stream with a run of packets in it, where the run begins, its header, and the size of its data."""
    pos, header, size = rng.randrange(4), rng.randbytes(rng.randrange(1, 9)), rng.randrange(40)
    stream = bytes(pos) + b"".join(header + rng.randbytes(size) for _ in range(rng.randrange(9)))
    return stream + rng.choice((b"", rng.randbytes(9), header + bytes(size)[:-1])), pos, header, size


def _split_run(form: Any, rng: random.Random) -> None:
    arguments = _run(rng)
    found: list[list[Any]] = [[], []]
    ends = [
        each.split_run(*arguments, MessageReceived, 0x20, events)
        for each, events in zip((loops, form), found, strict=True)
    ]
    assert ends[0] == ends[1]
    assert found[0] == found[1]


def _cut(form: Any, rng: random.Random) -> None:
    message, payload = _octets(rng, 3000), rng.randrange(1, 50)
    start = rng.randrange(len(message) + 1)
    _same(
        form,
        "cut",
        rng.randbytes(rng.randrange(9)),
        message,
        start,
        payload,
        (len(message) - start) // payload,
    )


def _messages(rng: random.Random) -> list[bytes]:
    sizes = (0, 1, 100, 127, 128, 1000, 1024, 1025, 20_000)
    return [rng.randbytes(rng.choice(sizes)) for _ in range(rng.randrange(7))]


def _read_header(form: Any, rng: random.Random) -> None:
    pos = rng.randrange(4)
    part = PacketMsg(rng.choice(CHANNELS), rng.random() < 0.5, rng.choice(_messages(rng) or [b""]))
    _same(form, "read_header", _damaged(encode_packet(part), pos, rng), pos, rng.choice((0, 1034, 30_000)))


def _read_parts(form: Any, rng: random.Random) -> None:
    pos = rng.randrange(4)
    parts = [PacketMsg(rng.choice(CHANNELS), rng.random() < 0.1, each) for each in _messages(rng) * 3]
    stream = _damaged(b"".join(map(encode_packet, parts)), pos, rng)
    served = bytes(number in CHANNELS[: rng.randrange(5)] for number in range(256))
    limit, most = rng.choice((0, 1034, 30_000)), rng.choice((0, 1, 5, 1000))
    _same(form, "read_parts", stream, pos, limit, served, most)


def _damaged(packets: bytes, pos: int, rng: random.Random) -> bytes:
    """These packets from `pos` on, perhaps cut, or with other bytes at their beginning."""
    stream = bytearray(pos) + packets
    for _ in range(rng.randrange(4)):
        if len(stream) > pos:
            stream[rng.randrange(pos, min(len(stream), pos + 12))] = rng.choice(
                (0, 1, 8, 0x10, 0x1A, 0x7F, 0x80, 0xFF)
            )
    del stream[max(pos, len(stream) - rng.randrange(6)) :]
    return bytes(stream)


def _read_messages(form: Any, rng: random.Random) -> None:
    channel, pos = rng.choice(CHANNELS), rng.randrange(4)
    packets = b"".join(encode_packet(PacketMsg(channel, True, each)) for each in _messages(rng))
    stream = _damaged(packets, pos, rng)
    limit, capacity = rng.choice((0, 1034, 30_000)), rng.choice((0, 1, 1000, 30_000))
    _same(form, "read_messages", stream, pos, whole_message_middle(channel), limit, capacity)


def _cut_messages(form: Any, rng: random.Random) -> None:
    messages = _messages(rng)
    sizes = [len(each) for each in messages]
    first = rng.randrange(len(sizes) + 1)
    last = rng.randrange(first, len(sizes) + 1)
    data = memoryview(b"".join(messages))
    least, room = rng.randrange(30_000), rng.randrange(30_000)
    middle = whole_message_middle(rng.choice(CHANNELS))
    joined = array("I", sizes).tobytes()
    _same(
        form,
        "cut_messages",
        data,
        sum(sizes[:first]),
        joined,
        first,
        last,
        middle,
        least,
        room,
        rng.random() < 0.5,
    )


def _split_messages(form: Any, rng: random.Random) -> None:
    messages = _messages(rng)
    sizes = array("I", map(len, messages)).tobytes()
    _same(form, "split_messages", b"".join(messages), sizes, MessageReceived, (0x20,))


LOOPS: dict[str, Callable[[Any, random.Random], None]] = {
    "seal": _seal,
    "open": _open,
    "split_run": _split_run,
    "cut": _cut,
    "read_header": _read_header,
    "read_parts": _read_parts,
    "read_messages": _read_messages,
    "cut_messages": _cut_messages,
    "split_messages": _split_messages,
}


def _wild(form: Any, name: str, rng: random.Random) -> None:
    """Call a loop with arguments that nobody passes: it refuses them, or finds nothing to do."""
    try:
        for call in _wild_calls(form, name, rng):
            call()
    except NESTED:
        pass


def _wild_calls(form: Any, name: str, rng: random.Random) -> Iterator[Callable[[], Any]]:
    data = rng.randbytes(rng.randrange(60))

    def number() -> int:
        return rng.choice(WILD)

    numbers = array("I", (rng.choice((0, 1, 5, 2**31, 2**32 - 1)) for _ in range(rng.randrange(4)))).tobytes()
    numbers += rng.randbytes(rng.randrange(4))  # not whole numbers only
    if name in {"seal", "open"}:
        cipher = form.FrameCipher(rng.randbytes(32), opens=name == "open")
        yield lambda: getattr(cipher, name)(rng.choice((0, 2**64 - 1)), data)
        yield lambda: cipher.open(0, data, rng.randbytes(rng.choice((0, 1, FRAME_SEALED, 3000))), data)
        yield lambda: form.FrameCipher(data, opens=True)
        yield lambda: form.FrameCipher.__new__(form.FrameCipher)
    elif name == "read_header":
        yield lambda: form.read_header(data, number(), number())
    elif name == "read_parts":
        yield lambda: form.read_parts(
            data, number(), number(), rng.randbytes(rng.choice((0, 255, 256))), number()
        )
    elif name == "split_run":
        yield lambda: form.split_run(data, number(), data[:2], number(), MessageReceived, data, [])
    elif name == "cut":
        yield lambda: form.cut(data, data, number(), number(), number())
    elif name == "read_messages":
        yield lambda: form.read_messages(data, number(), data[:3], number(), number())
    elif name == "cut_messages":
        yield lambda: form.cut_messages(
            data, number(), numbers, number(), number(), data[:9], number(), number(), True
        )
    elif name == "split_messages":
        yield lambda: form.split_messages(data, numbers, MessageReceived, tuple(data[:2]))
