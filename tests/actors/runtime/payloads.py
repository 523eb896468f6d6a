"""Every kind of payload, by every way a message goes: what arrives is what was sent at the moment of sending.

`python -m tests.actors.runtime.payloads` sends each kind by each way, in each place, at each size up to 100 MB, and says
what arrived altered, what one side changed for the other, and how long it took. test_payloads.py does a part of it.
"""

from __future__ import annotations

import argparse
import array
import ctypes
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from pickle import PickleBuffer
from typing import Any

import numpy as np

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorRef,
    Frames,
    Future,
    Place,
    ProcessActor,
    readonly,
)
from peerage.actors.runtime.mail.process import current_port

MEGABYTE = 1_000_000
PLACES = (PROCESS, THREAD, HERE)
# Around the limits of bundles, of frames that go uncopied, and of what a socket's buffer takes at once.
SIZES = (0, 1, 100, 4095, 4096, 4097, 65_535, 65_536, 65_537, 300_000, 2 * MEGABYTE)
LARGEST = 100 * MEGABYTE


class Blob(bytearray):
    """A user's class that hands its memory to pickle as it is, as PEP 574 shows it."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return Blob.taken, (PickleBuffer(self),)

    @classmethod
    def taken(cls, buffer: Any) -> Blob:
        with memoryview(buffer) as view:
            return view.obj if type(view.obj) is cls else cls(buffer)


class Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_double), ("y", ctypes.c_double))


@dataclass
class Record:
    name: str
    data: Any


def _bytes(size: int) -> bytes:
    return (bytes(range(1, 256)) * (size // 255 + 1))[:size]


def _numbers(size: int) -> Any:
    return np.arange(1, size // 8 + 1, dtype=np.int64)


def _frozen(size: int) -> Any:
    numbers = _numbers(size)
    numbers.flags.writeable = False
    return numbers


KINDS: dict[str, Callable[[int], Any]] = {
    "bytes": _bytes,
    "bytearray": lambda size: bytearray(_bytes(size)),
    "memoryview": lambda size: memoryview(bytearray(_bytes(size))),
    "read-only view of a bytearray": lambda size: memoryview(bytearray(_bytes(size))).toreadonly(),
    "text": lambda size: "x" * size,
    "array.array": lambda size: array.array("d", range(size // 8)),
    "ctypes structure": lambda size: Point(size, 1.0),
    "user's buffer": lambda size: Blob(_bytes(size)),
    "array": _numbers,
    "array in Fortran's order": lambda size: np.asfortranarray(_numbers(size // 64 * 64).reshape(8, -1)),
    "array with gaps": lambda size: _numbers(2 * size)[::2],
    "array backwards": lambda size: _numbers(size)[::-1],
    "read-only array": _frozen,
    "array of bytes": lambda size: np.frombuffer(_bytes(size // 8 * 8), np.int64),
    "array of a readonly copy": lambda size: np.frombuffer(readonly(_numbers(size)), np.int64),
    "array of one number": lambda size: np.array(float(size)),
    "array of records": lambda size: np.ones(size // 16, dtype=[("number", "i8"), ("value", "f8")]),
    "array of objects": lambda size: np.array([["x"], bytearray(_bytes(min(size, 1000)))], dtype=object),
    "nested": lambda size: {
        "list": [_numbers(size // 4), bytearray(_bytes(size // 4))],
        "record": Record("name", (_numbers(size // 4).astype(np.float32), Blob(_bytes(size // 4)))),
    },
    "one array twice": lambda size: [_numbers(size)] * 2,
    "frames": lambda size: Frames(
        {"header": [1]},
        [
            _bytes(size // 4),
            bytearray(_bytes(size // 4)),
            memoryview(_numbers(size // 4)),
            memoryview(bytearray(_bytes(size // 4)))[::2],
            memoryview((Point * (size // 64))()),
        ],
    ),
}


def print_of(value: Any) -> Any:
    """What a value is, to be compared: what it is made of, and a checksum of each part's bytes."""
    match value:
        case Frames(header, frames):  # whose types are the runtime's choice
            return "frames", print_of(header), [print_of(memoryview(frame).tobytes()) for frame in frames]
        case np.ndarray() if value.dtype == object:
            return "objects", [print_of(part) for part in value.tolist()]
        case np.ndarray():
            return str(value.dtype), value.shape, value.flags.writeable, zlib.crc32(value.tobytes())
        case memoryview():  # arrives as bytes
            return print_of(value.tobytes())
        case bytes() | bytearray() | array.array() | Point():
            return type(value).__name__, memoryview(value).nbytes, zlib.crc32(value)
        case dict():
            return {key: print_of(part) for key, part in value.items()}
        case list() | tuple():
            return [print_of(part) for part in value]
        case Record():
            return value.name, print_of(value.data)
    return value


def scribble(value: Any) -> None:
    """Change whatever can be changed in place, all bytes of it."""
    match value:
        case Frames(header, frames):
            scribble(header)
            for frame in frames:
                scribble(frame)
        case np.ndarray() if value.dtype == object:
            for part in value.tolist():
                scribble(part)
        case np.ndarray() if value.flags.writeable:
            value.view()[...] = np.zeros((), value.dtype)
        case memoryview() if not value.readonly:
            np.asarray(value)[...] = np.zeros((), np.asarray(value).dtype)
        case memoryview() if value.readonly and type(value.obj) is bytearray:
            value.obj[:] = bytes(len(value.obj))
        case bytearray():
            value[:] = bytes(len(value))
        case array.array():
            value[:] = array.array(value.typecode, bytes(len(value) * value.itemsize))
        case Point():
            value.x = value.y = -1.0
        case dict():
            for part in value.values():
                scribble(part)
            value["scribbled"] = True
        case list():
            for part in value:
                scribble(part)
            value.append("scribbled")
        case tuple():
            for part in value:
                scribble(part)
        case Record():
            scribble(value.data)
            value.name = "scribbled"


class Keeper(ProcessActor):
    """Keeps what it is told, and notes what that was when it came."""

    def __init__(self, *values: Any) -> None:
        super().__init__()
        self.kept = [*values]
        if self.runtime.extra is not None:
            self.kept.append(self.runtime.extra)
        self.seen = [print_of(value) for value in self.kept]
        self.held: Future[Any] = Future()

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, str | tuple):
            return self.keep(message)
        match message:
            case str("small"):
                return None
            case str("report"):
                return self.seen, [print_of(value) for value in self.kept]
            case str("scribble"):
                return scribble(self.kept[0])
            case str("forget"):
                self.kept, self.seen = [], []
                return None
            case (str("give"), way, kind, size):
                return self._give(way, KINDS[kind](size))
            case (str("forward"), ref):
                ref.tell(self.kept[0])
                return scribble(self.kept[0])
            case (str("await"), future):
                return self.keep(future.get(timeout=10.0))
            case (str("hold"), future):
                self.held = future
                return None
            case str("await what you hold"):
                return self.keep(self.held.get(timeout=10.0))
            case str("start"):
                return Keeper.options(place=HERE).start()
            case (str("try"), way, ref, kind, size):
                return WAYS[way](ref, kind, size)
            case (str("try a start"), kind, size):
                return started(HERE, kind, size)
            case (str("bytes left"), ref, kinds, sizes):
                return bytes_left(ref, kinds, sizes)
            case (str("types"), ref, size):
                return types_of_frames(ref, size)
            case Frames(str("types?"), frames):
                return [
                    "read-only " * getattr(frame, "readonly", False) + type(frame).__name__
                    for frame in frames
                ]
            case _:
                self.keep(message)
                return None

    def keep(self, value: Any) -> None:
        self.kept.append(value)
        self.seen.append(print_of(value))

    def _give(self, way: str, value: Any) -> Any:
        """Answer, and change what was answered as soon as that is done."""
        self.kept, self.seen = [value], []
        match way:
            case "later":
                reply = self.runtime.defer()
                reply.set(value)
                scribble(value)
            case "future":
                future: Future[Any] = Future()
                self.runtime.call_soon(self._resolve, future, value)
                return future
            case "answer":
                self.runtime.call_soon(scribble, value)
        return value

    def _resolve(self, future: Future[Any], value: Any) -> None:
        future.set(value)
        scribble(value)


Way = Callable[[ActorRef[Keeper], str, int], list[str]]


def _tell(ref: ActorRef[Keeper], value: Any) -> None:
    ref.tell("small")  # so that a small payload is gathered, and goes later
    ref.tell(value)


def sent(send: Callable[[ActorRef[Keeper], Any], object]) -> Way:
    """A way to send. It returns what was not as it must be."""

    def trial(ref: ActorRef[Keeper], kind: str, size: int) -> list[str]:
        wrong: list[str] = []
        ref.ask("forget")
        value = KINDS[kind](size)
        wanted = print_of(value)
        send(ref, value)
        scribble(value)
        seen, now = ref.ask("report")
        if seen != [wanted]:
            wrong.append("arrived altered")
        elif now != [wanted]:
            wrong.append("changed at the receiver after it arrived")
        ref.ask("forget")
        value = KINDS[kind](size)
        send(ref, value)
        send(ref, value)
        ref.ask("scribble")
        if print_of(value) != wanted:
            wrong.append("changed at the sender by the receiver")
        if ref.ask("report")[1][1] != wanted:
            wrong.append("changed with another message of the same value")
        ref.ask("forget")
        return wrong

    return trial


def reused(ref: ActorRef[Keeper], kind: str, size: int) -> list[str]:
    """An iterator gives the same object three times, changed in between."""
    ref.ask("forget")
    value, wanted = KINDS[kind](size), []

    def changing() -> Iterator[Any]:
        for _ in range(3):
            wanted.append(print_of(value))
            yield value
            scribble(value)

    ref.tell_many(changing())
    seen, _now = ref.ask("report")
    ref.ask("forget")
    return [] if seen == wanted else ["arrived altered"]


def given(way: str) -> Way:
    """A way to answer."""

    def trial(ref: ActorRef[Keeper], kind: str, size: int) -> list[str]:
        wrong: list[str] = []
        wanted = print_of(KINDS[kind](size))
        answer = ref.ask(("give", way, kind, size))
        if print_of(answer) != wanted:
            wrong.append("arrived altered")
        _seen, before = ref.ask("report")  # by when it has changed its own
        if print_of(answer) != wanted:
            wrong.append("changed when the actor went on")
        scribble(answer)
        if ref.ask("report")[1] != before:
            wrong.append("changed in the actor by who asked")
        ref.ask("forget")
        return wrong

    return trial


def forwarded(ref: ActorRef[Keeper], kind: str, size: int) -> list[str]:
    """From one actor to its neighbour, and then changed by the first."""
    ref.ask("forget")
    neighbour = ref.ask("start")
    value = KINDS[kind](size)
    wanted = print_of(value)
    ref.tell(value)
    ref.ask(("forward", neighbour))
    seen, now = neighbour.ask("report")
    neighbour.stop()
    ref.ask("forget")
    return [] if [wanted] == seen == now else ["arrived altered"]


def promised(ref: ActorRef[Keeper], kind: str, size: int) -> list[str]:
    """By a future that was sent before it had a value; read as soon as it has one, and later."""
    ref.ask("forget")
    wanted = print_of(KINDS[kind](size))
    futures: list[Future[Any]] = [Future(), Future()]
    ref.tell(("hold", futures[1]))
    awaited = ref.ask(("await", futures[0]), block=False)
    for future in futures:
        value = KINDS[kind](size)
        future.set(value)
        scribble(value)
    awaited.get()
    ref.tell("await what you hold")
    seen, now = ref.ask("report")
    ref.ask("forget")
    return [] if [wanted, wanted] == seen == now else ["arrived altered"]


def started(place: Place, kind: str, size: int) -> list[str]:
    """As an argument of the constructor, and as `extra`."""
    value = KINDS[kind](size)
    wanted = print_of(value)
    ref = Keeper.options(place=place, extra=value).start(value)
    scribble(value)
    seen, now = ref.ask("report")
    ref.stop()
    return [] if [wanted, wanted] == seen == now else ["arrived altered"]


def bytes_left(ref: ActorRef[Keeper], kinds: list[str], sizes: list[int]) -> int:
    """Send some, have them handled. Returns: the bytes that the window still counts when it has no message left."""
    for kind, size in product(kinds, sizes):
        ref.tell(KINDS[kind](size))
        ref.tell_many([KINDS[kind](size), b"small"])
        ref.tell(None)  # now and then alone
        ref.ask(KINDS[kind](size))
    route = current_port().route(ref)
    assert route is not None
    assert current_port().wait(lambda: route.window.messages == 0, 10.0)
    ref.ask("forget")
    return route.window.size


def types_of_frames(ref: ActorRef[Keeper], size: int) -> list[str]:
    """As what frames arrive that were sent as bytes and as a bytearray."""
    return list(ref.ask(Frames("types?", [bytes(size), bytearray(size)])))


WAYS: dict[str, Way] = {
    "tell": sent(_tell),
    "tell_many": sent(lambda ref, value: ref.tell_many([value])),
    "tell_many of an iterator": reused,
    "ask": sent(lambda ref, value: ref.ask(value, block=False)),
    "proxy": sent(lambda ref, value: ref.proxy().keep(value)),
    "answer": given("answer"),
    "later answer": given("later"),
    "answer by a future": given("future"),
    "forward": forwarded,
    "future sent ahead": promised,
}


class Pairs:
    """A sender and a receiver in each place: with HERE the sender is an actor of the receiver's host."""

    def __init__(self) -> None:
        self.refs = {place: Keeper.options(place=place).start() for place in (PROCESS, THREAD)}
        self.owner = Keeper.start()
        self.refs[HERE] = self.owner.ask("start")

    def attempt(self, place: Place, way: str, kind: str, size: int) -> list[str]:
        """Returns: what was not as it must be."""
        ref = self.refs[place]
        if place is HERE:
            return list(self.owner.ask(("try", way, ref, kind, size)))
        return WAYS[way](ref, kind, size)

    def attempt_start(self, place: Place, kind: str, size: int) -> list[str]:
        if place is HERE:
            return list(self.owner.ask(("try a start", kind, size)))
        return started(place, kind, size)

    def bytes_left(self, place: Place, kinds: list[str], sizes: list[int]) -> int:
        ref = self.refs[place]
        if place is HERE:
            return int(self.owner.ask(("bytes left", ref, kinds, sizes)))
        return bytes_left(ref, kinds, sizes)

    def types_of_frames(self, place: Place, size: int) -> list[str]:
        ref = self.refs[place]
        return list(self.owner.ask(("types", ref, size)) if place is HERE else types_of_frames(ref, size))


def main() -> int:
    """Try everything, print each failure, and how many there were."""
    parser = argparse.ArgumentParser(prog="python -m tests.actors.runtime.payloads", description=__doc__)
    parser.add_argument("--largest", type=int, default=LARGEST, help="bytes of the largest payloads")
    largest = parser.parse_args().largest
    begun = time.monotonic()
    tried = failed = 0
    pairs = Pairs()
    with_size = [*product(WAYS, SIZES), ("tell", largest), ("answer", largest)]
    for place, kind in product(PLACES, KINDS):
        trials = [(way, size, pairs.attempt(place, way, kind, size)) for way, size in with_size]
        trials += [("start", size, pairs.attempt_start(place, kind, size)) for size in (100, 300_000)]
        for way, size, wrong in trials:
            for fault in wrong:
                print(f"{place.name} {way}, {kind}, {size} bytes: {fault}")
            failed += bool(wrong)
        tried += len(trials)
    print(f"{tried} trials, {failed} wrong, in {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(import_module(f"{__package__}.payloads").main())  # with classes that its actors can import
