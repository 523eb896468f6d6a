"""A program whose classes and functions are its own, `python -m tests.actors.runtime.own_definitions`: sends one of each
kind to an actor in a process and to one on a thread, and prints what came back wrong, as JSON: {what: [complaints]}.
"""

from __future__ import annotations

import abc
import collections
import contextlib
import dataclasses
import enum
import functools
import json
import os
import sys
import threading
import typing
from collections.abc import Callable, Iterator
from typing import Any, get_args

from peerage.actors.runtime import HERE, PROCESS, THREAD, ActorRef, Place, ProcessActor
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.process import current_process

rate = 2


@dataclasses.dataclass
class Job:
    number: int
    parts: list[int] = dataclasses.field(default_factory=list)
    seen: typing.ClassVar[int] = 0

    def price(self) -> int:
        return times_rate(self.number)


def times_rate(number: int) -> int:
    return number * rate


class Subclass(Job):
    def price(self) -> int:
        return super().price() + 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Strict:
    first: int
    second: str = "x"


class Colour(enum.Enum):
    RED = 1
    BLUE = 2
    CRIMSON = 1  # noqa: PIE796 - an alias

    @property
    def lower(self) -> str:
        return self.name.lower()


class Planet(enum.Enum):
    EARTH = (5.9, 6.3)

    def __init__(self, mass: float, radius: float) -> None:
        self.mass, self.radius = mass, radius


class Permission(enum.Flag):
    R = 1
    W = 2
    RW = 3


class Number(enum.IntEnum):
    ONE = enum.auto()
    TWO = enum.auto()


class Word(enum.StrEnum):
    YES = enum.auto()


Pair = collections.namedtuple("Pair", "a b", defaults=[3])  # noqa: PYI024 - both kinds are shown


class Typed(typing.NamedTuple):
    first: int
    second: str = "q"

    def both(self) -> tuple[int, str]:
        return self.first, self.second


class Movie(typing.TypedDict):
    year: int


T = typing.TypeVar("T")


class Box(typing.Generic[T]):
    def __init__(self, content: T) -> None:
        self.content = content


class IntBox(Box[int]):
    pass


class Counting(type):
    made: typing.ClassVar[list[str]] = []
    tag: str

    def __new__(cls, name: str, bases: Any, body: Any, *, tag: str) -> Any:
        cls.made.append(name)
        made = super().__new__(cls, name, bases, body)
        made.tag = tag
        return made

    def __init__(cls, name: str, bases: Any, body: Any, *, tag: str) -> None:
        super().__init__(name, bases, body)


class Counted(metaclass=Counting, tag="tagged"):
    pass


class Base:
    need: int
    known: typing.ClassVar[list[str]] = []

    def __init_subclass__(cls, *, need: int) -> None:
        cls.need = need
        cls.known.append(cls.__name__)


class Registered(Base, need=5):
    pass


class Slotted:
    __slots__ = ("__hidden", "a")

    def __init__(self, a: int) -> None:
        self.a = self.__hidden = a

    def hidden(self) -> int:
        return self.__hidden


class Ping:
    def other(self) -> Pong:
        return Pong()


class Pong:
    def other(self) -> Ping:
        return Ping()


def decorator(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*args: Any) -> Any:
        return "decorated", function(*args)

    return inner


@decorator
def decorated(number: int) -> int:
    return number + rate


@functools.lru_cache
def cached(number: int) -> int:
    return number + 1


def closure(more: int) -> Callable[[int], int]:
    return lambda number: number + more + rate


class Abstract(abc.ABC):
    @abc.abstractmethod
    def name(self) -> str: ...


class Concrete(Abstract):
    def name(self) -> str:
        return "concrete"


@Abstract.register
class Virtual:
    pass


@typing.runtime_checkable
class Named(typing.Protocol):
    def name(self) -> str: ...


class Descriptor:
    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> str:
        return self.name


class Described:
    descriptor = Descriptor()

    @functools.cached_property
    def once(self) -> int:
        return 9

    @classmethod
    def by_class(cls) -> str:
        return cls.__name__

    @staticmethod
    def by_nobody() -> int:
        return rate

    @property
    def at_once(self) -> int:
        return rate


class Outer:
    class Inner:
        depth = 1


class OwnError(Exception):
    def __init__(self, code: int, *, detail: list[int]) -> None:
        super().__init__(f"code {code}")
        self.code, self.detail = code, detail


class Digits(int):
    pass


@functools.singledispatch
def kind_of(_value: object) -> str:
    return "object"


@kind_of.register
def _(_value: int) -> str:
    return "int"


def generated() -> Iterator[int]:
    yield rate


@contextlib.contextmanager
def managed() -> Iterator[int]:
    yield rate


class Rebuilt:
    def __init__(self, a: int) -> None:
        self.a = a

    def __reduce__(self) -> Any:
        return rebuild, (self.a,)


def rebuild(a: int) -> Rebuilt:
    return Rebuilt(a)


lock = threading.Lock()


class Locked:
    def enter(self) -> bool:
        with lock:
            return True


class Holder:
    def __init__(self) -> None:
        self.function, self.cls, self.method = times_rate, Job, Described.by_class


CALLS: dict[str, Callable[[], Any]] = {
    "a dataclass": lambda: Job(2).price(),
    "a frozen dataclass with slots": lambda: Strict(first=1) < Strict(first=2),
    "missing defaults": lambda: [each.default is dataclasses.MISSING for each in dataclasses.fields(Job)],
    "super()": lambda: Subclass(2).price(),
    "an enum": lambda: (
        Colour.RED.lower,
        Colour["CRIMSON"] is Colour.RED,
        Colour(2) is Colour.BLUE,
        len(Colour),
    ),
    "an enum's attributes": lambda: Planet.EARTH.mass / Planet.EARTH.radius,
    "flags": lambda: (Permission.R | Permission.W) is Permission.RW,
    "an IntEnum": lambda: Number.TWO + 1,
    "a StrEnum": lambda: Word("yes").upper(),
    "named tuples": lambda: (Pair(1), Typed(1).both()),
    "a TypedDict": lambda: Movie(year=1),
    "generics": lambda: (IntBox(3).content, get_args(Box[int])),
    "a metaclass": lambda: (Counted.tag, Counting.made),
    "__init_subclass__": lambda: (Registered.need, Base.known),
    "__slots__": lambda: (Slotted(2).a, Slotted(2).hidden(), hasattr(Slotted(2), "__dict__")),
    "classes that know each other": lambda: isinstance(Ping().other().other(), Ping),
    "a decorated function": lambda: (decorated(1), decorated.__name__),
    "a cached function": lambda: cached(1),
    "a closure": lambda: closure(1)(2),
    "an abstract class": lambda: (
        Concrete().name(),
        isinstance(Virtual(), Abstract),
        isinstance(Concrete(), Named),
    ),
    "descriptors": lambda: (Described().descriptor, Described().once, Described().at_once),
    "class and static methods": lambda: (Described.by_class(), Described.by_nobody()),
    "a class in a class": lambda: (Outer.Inner.depth, Outer.Inner.__qualname__),
    "an exception": lambda: OwnError(1, detail=[2]).detail,
    "single dispatch": lambda: (kind_of(1), kind_of("a")),
    "generators": lambda: (list(generated()), managed().__enter__()),
    "its own __reduce__": lambda: Rebuilt(3).a,
    "the file of a function": lambda: times_rate.__code__.co_filename,
}
VALUES: tuple[Any, ...] = (
    *(
        Job(1),
        Subclass(1),
        Strict(first=1),
        Colour.BLUE,
        Colour.CRIMSON,
        Planet.EARTH,
        Permission.RW,
        Number.ONE,
    ),
    *(
        Word.YES,
        Pair(1),
        Typed(2),
        Box(1),
        IntBox(2),
        Counted(),
        Registered(),
        Slotted(3),
        Ping(),
        Concrete(),
    ),
    *(Virtual(), Described(), Outer.Inner(), OwnError(1, detail=[2]), Digits(3), Rebuilt(2), Holder()),
)
THINGS: tuple[Any, ...] = (
    *(Job, Counting, Colour, Pair, Movie, Outer.Inner, Named, OwnError, T, Box[int], times_rate, decorated),
    *(Described.by_nobody, Job.price, generated),
)


class Worker(ProcessActor):
    """Does with a thing what it is told."""

    def on_receive(self, message: Any) -> Any:
        what, thing = message
        if what == "call":
            return thing()
        if what == "raise":
            raise thing
        if what == "pass on":
            return Worker.options(place=HERE).start().ask(("echo", thing))
        if what == "here":
            other = Worker.options(place=HERE).start().ask(("echo", Job(1)))
            return type(other) is Job
        if what == "set":
            global rate
            rate, Job.seen = thing, thing
        if what == "get":
            return rate, Job.seen, Job(1).price()
        return thing


settings = {"limit": 1}


class Reader(ProcessActor):
    """Says what it sees of the program."""

    step = 1

    def on_receive(self, message: Any) -> Any:
        return rate, isinstance(message, Job), times_rate(2), settings["limit"], self.step


def values_keep_their_class(worker: ActorRef[Any]) -> Iterator[str]:
    for value in VALUES:
        for way in ("echo", "pass on"):
            answer = worker.ask((way, value), timeout=10)
            if type(answer) is not type(value) or (isinstance(value, enum.Enum) and answer is not value):
                yield f"{value!r} came back as {answer!r} after {way}"


def things_are_themselves(worker: ActorRef[Any]) -> Iterator[str]:
    for thing in THINGS:
        answer = worker.ask(("echo", thing), timeout=10)
        if answer is not thing and answer != thing:
            yield f"{thing!r} came back as {answer!r}"


def calls_give_the_same(worker: ActorRef[Any]) -> Iterator[str]:
    for name, call in CALLS.items():
        try:
            answer = worker.ask(("call", call), timeout=10)
        except Exception as error:
            yield f"{name}: {error!r}"
        else:
            if answer != call():
                yield f"{name}: {answer!r} instead of {call()!r}"
    if not worker.ask(("here", None)):
        yield "beside an actor its class was another"


def the_program_is_left_alone(worker: ActorRef[Any]) -> Iterator[str]:
    global rate  # noqa: PLW0603 - a global is what this is about
    for value in (3, 4):
        worker.ask(("echo", Job(1)))
        rate = Job.seen = value
        worker.ask(("echo", [Job(1), times_rate]))
        if (Job(1).price(), Job.seen, rate) != (value, value, value):
            yield f"{(Job(1).price(), Job.seen, rate)} instead of {value}"
    rate, Job.seen = 2, 0


def each_process_has_its_own(worker: ActorRef[Any]) -> Iterator[str]:
    """What an actor in a process sets stays there, whatever comes after; a thread's is the program's."""
    worker.ask(("set", 7))
    worker.ask(("echo", Job(1)))
    worker.ask(("call", lambda: Job(2).price() + times_rate(1)))
    if (found := worker.ask(("get", None))) != (7, 7, 7):
        yield f"in the actor: {found}"
    expected = 7 if worker.pid() == os.getpid() else 2
    if rate != expected:
        yield f"in the program: {rate} instead of {expected}"
    worker.ask(("set", 2))


def what_is_defined_anew_is_sent_anew(worker: ActorRef[Any]) -> Iterator[str]:
    """As a notebook's cell does that is run again."""
    own: dict[str, Any] = vars(sys.modules["__main__"])
    old, function = Job, times_rate
    cell = "class Job:\n    def price(self): return times_rate(1) * 10\ndef times_rate(number): return 5\n"
    try:
        exec(compile(cell, "<cell>", "exec"), own)
        if (price := worker.ask(("call", own["Job"]().price))) != 50:
            yield f"the new class's method gave {price}"
        if type(worker.ask(("echo", own["Job"]()))) is not own["Job"]:
            yield "an instance of the new class came back as another"
        if type(worker.ask(("echo", old(1)))) is not old:
            yield "an instance of the old class came back as another"
    finally:
        own.update(Job=old, times_rate=function)


def exceptions_arrive_as_raised(worker: ActorRef[Any]) -> Iterator[str]:
    try:
        worker.ask(("raise", OwnError(3, detail=[4])))
    except OwnError as error:
        if (error.code, error.detail, str(error)) != (3, [4], "code 3"):
            yield f"as {vars(error)}"
        if "own_definitions.py" not in str(error.__cause__):
            yield f"without its file: {error.__cause__}"


def a_successor_is_told_anew(worker: ActorRef[Any]) -> Iterator[str]:
    """What a process keeps need not come again; the one that takes its place keeps nothing yet."""
    place = THREAD if worker.pid() == os.getpid() else PROCESS
    for life in range(2):
        bearer = Worker.options(name=f"bearer {place.value}", place=place).start()
        for _ in range(4):
            if type(bearer.ask(("echo", Job(1)), timeout=10)) is not Job:
                yield f"another class in life {life}"
        process = current_process()
        assert process is not None
        if len(codec.encode(Job(1), process.kept[bearer.serial])[0]) > 200:
            yield f"the definition goes again and again in life {life}"
        bearer.stop()


def a_new_actor_begins_with_what_is_there(worker: ActorRef[Any]) -> Iterator[str]:
    """Of a class that has travelled before: globals that were bound anew or changed since, attributes set since."""
    place = THREAD if worker.pid() == os.getpid() else PROCESS
    own = globals()
    before = rate, Job, times_rate
    Reader.options(place=place).start().stop()
    try:
        own.update(rate=11, Job=type("Job", (), {"__module__": __name__, "__qualname__": "Job"}))
        own["times_rate"] = lambda number: number * rate + 1
        settings["limit"] += 1
        Reader.step += 4
        reader = Reader.options(place=place).start()
        if (seen := reader.ask(own["Job"]())) != (wanted := (11, True, 23, settings["limit"], Reader.step)):
            yield f"{seen} instead of {wanted}"
        reader.stop()
    finally:
        own.update(zip(("rate", "Job", "times_rate"), before, strict=True))


def what_cannot_travel_stays_on_a_thread(worker: ActorRef[Any]) -> Iterator[str]:
    """A class whose method uses a lock is no other on a thread; to a process it is refused at the sender."""
    try:
        answer = worker.ask(("call", Locked().enter))
    except TypeError:
        answer = worker.pid() != os.getpid()
    if answer is not True:
        yield f"{answer}"


CHECKS: tuple[Callable[[ActorRef[Any]], Iterator[str]], ...] = (
    values_keep_their_class,
    things_are_themselves,
    calls_give_the_same,
    the_program_is_left_alone,
    each_process_has_its_own,
    exceptions_arrive_as_raised,
    what_is_defined_anew_is_sent_anew,
    a_successor_is_told_anew,
    a_new_actor_begins_with_what_is_there,
    what_cannot_travel_stays_on_a_thread,
)


def check(place: Place) -> dict[str, list[str]]:
    worker = Worker.options(place=place).start()
    return {f"{each.__name__} {place.value}": list(each(worker)) for each in CHECKS}


if __name__ == "__main__":
    print(json.dumps({**check(PROCESS), **check(THREAD)}))
