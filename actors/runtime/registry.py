"""Names and groups of the whole system: Erlang's registered names and OTP's `pg`, for actors in any process.

    Registry.register("prices", self.actor_ref)     Registry.lookup("prices").ask(…)
    Group("workers").join(self.actor_ref)           for ref in Group("workers").members(): …

All of it can be called in any process and thread of the system, inside actors and outside. Pykka's `ActorRegistry` knows the
actors that its own process has started; this one knows those of all processes.
"""

from __future__ import annotations

import time
from typing import Any

from peerage.actors.runtime.errors import ActorDeadError, Timeout
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.deadlines import ends_at
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS
from peerage.actors.runtime.mail.name_numbers import RememberedNames
from peerage.actors.runtime.mail.names import (
    LARGEST_VALUE,
    LONGEST_NAME,
    Member,
    Order,
    group_key,
    name_key,
)
from peerage.actors.runtime.mail.process import current_port, current_process
from peerage.actors.runtime.mail.ref import ActorRef

__all__ = ["Group", "Member", "Registry", "value_of"]

# A wait without an end is made of waits of this length, so that the root forgets those whose asker has died.
WAIT_SLICE_S = 30.0


class Registry:
    """The names of the system: each belongs to one actor, until that ends.

    An actor registers itself, usually in `on_start`, so that its successor does it again. A name that nobody has registered
    leads to the actor that was started with it, `options(name=…)`, in a host of its own.

    Every method raises ActorDeadError where no system runs, and ValueError for a name that cannot be one.
    """

    @classmethod
    def register(cls, name: str, ref: ActorRef[Any], value: Any = None) -> None:
        """Give an actor a name. When this has returned, everybody finds it, in every process.

        The same actor, or its successor, may register again, and changes the value by it.

        Args: value, anything small that whoever looks the name up should know, at most 64 KiB pickled.
        Raises: NameTakenError, when another actor has the name; ActorDeadError, when the actor is not alive; ValueError, for
            a larger value; RegistryFullError, at 100,000 names and memberships.
        """
        _check(name)
        _enter(Order.REGISTER, name, ref, value)

    @classmethod
    def unregister(cls, name: str, ref: ActorRef[Any] | None = None) -> bool:
        """Give a name back, which happens by itself when its actor ends.

        Args: ref, whose name it must be; by default that does not matter.
        Returns: whether it was registered.
        """
        _check(name)
        return bool(_ask(Order.UNREGISTER, name, ref).get())

    @classmethod
    def lookup(cls, name: str) -> ActorRef[Any] | None:
        """The actor that has a name now, None when there is none. Erlang's `whereis`."""
        member = cls.find(name)
        if member is not None:
            return member.ref
        own = ActorRef.to(name)
        return own if own.is_alive() else None

    @classmethod
    def find(cls, name: str) -> Member | None:
        """Who is registered under a name, with the value, packed (`value_of`); None when nobody is.

        While nothing changes, it is the same object, and costs no message.
        """
        _check(name)
        found: Member | None = _remembered(name_key(name), Order.FIND, name)
        return found

    @classmethod
    def value(cls, name: str) -> Any:
        """What was registered beside a name; None when nobody has it."""
        member = cls.find(name)
        return None if member is None else value_of(member)

    @classmethod
    def wait_for(cls, name: str, timeout: float | None = None) -> ActorRef[Any]:
        """Wait until an actor of this name is up: registered, or started with it in a host of its own. Nothing is polled.

        Args: timeout, in seconds; None, to wait for as long as the system runs.
        Raises: Timeout.
        """
        _check(name)
        until = ends_at(timeout)
        while True:
            member: Member | None = _ask(Order.WAIT, name, _slice(until)).get()
            if member is not None:
                return member.ref
            _check_time(name, until, timeout)

    @classmethod
    async def wait_for_async(cls, name: str, timeout: float | None = None) -> ActorRef[Any]:  # noqa: ASYNC109 - Pykka's word
        """From asyncio: as `wait_for`, and never blocks the loop. Args, Raises: as there."""
        _check(name)
        until = ends_at(timeout)
        while True:
            member: Member | None = await _ask(Order.WAIT, name, _slice(until))
            if member is not None:
                return member.ref
            _check_time(name, until, timeout)

    @classmethod
    def names(cls) -> dict[str, ActorRef[Any]]:
        """All registered names."""
        return {name: member.ref for name, member in _ask(Order.NAMES).get().items()}


class Group:
    """Actors under one name, as many as have joined: OTP's `pg`. It is there when it is named, and has no owner.

    Members leave when they end. A group can be sent in messages; in every process it has the same members.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        """Raises: ValueError, for a name that cannot be one."""
        _check(name)
        self.name = name

    def __repr__(self) -> str:
        return f"Group({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and self.name == other.name

    def __hash__(self) -> int:
        return hash((Group, self.name))

    def join(self, ref: ActorRef[Any], value: Any = None) -> None:
        """Add a member, once; when this has returned, everybody finds it. Joining again changes the value.

        Args: value, anything small that belongs to the membership, at most 64 KiB pickled.
        Raises: ActorDeadError, when the actor is not alive; ValueError, for a larger value; RegistryFullError.
        """
        _enter(Order.JOIN, self.name, ref, value)

    def leave(self, ref: ActorRef[Any]) -> bool:
        """Returns: whether it was a member."""
        return bool(_ask(Order.LEAVE, self.name, ref).get())

    def members(self) -> tuple[ActorRef[Any], ...]:
        """Those who have joined and live, in the order of joining."""
        return tuple(member.ref for member in self.memberships())

    def memberships(self) -> tuple[Member, ...]:
        """The same with their values, packed; while nothing changes, it is the same tuple, and costs no message."""
        found: tuple[Member, ...] = _remembered(group_key(self.name), Order.MEMBERS, self.name)
        return found

    @staticmethod
    def all() -> dict[str, int]:
        """The groups that have members, and how many."""
        found: dict[str, int] = _ask(Order.GROUPS).get()
        return found


def value_of(member: Member) -> Any:
    """What was entered beside a ref."""
    return codec.decode(0, member.packed, ()) if member.packed else None


def _check(name: str) -> None:
    """Raises: TypeError, ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"name is {name!r}: text was expected")
    if not name or "\0" in name or len(name.encode(errors="surrogatepass")) > LONGEST_NAME:
        raise ValueError(f"name {name[:40]!r}: 1 to {LONGEST_NAME} bytes without NUL are allowed")


def _slice(until: float | None) -> float:
    """How long the root is to wait before it answers: no longer than is still of use."""
    return WAIT_SLICE_S if until is None else max(0.0, min(WAIT_SLICE_S, until - time.monotonic()))


def _check_time(name: str, until: float | None, timeout: float | None) -> None:
    """Raises: Timeout."""
    if until is not None and time.monotonic() >= until:
        raise Timeout(f"{timeout} seconds: no actor has the name {name!r}")


def _enter(order: Order, name: str, ref: ActorRef[Any], value: Any) -> None:
    if not isinstance(ref, ActorRef):
        raise TypeError(f"{ref!r} cannot have the name {name!r}: the ref of an actor was expected")
    packed = b"" if value is None else codec.dumps(value)
    if len(packed) > LARGEST_VALUE:
        raise ValueError(
            f"the value beside {name!r} has {len(packed)} bytes, where {LARGEST_VALUE} are allowed"
        )
    ref.port()  # the error for a ref of another system says more than "not alive"
    if not ref.is_alive():
        raise ActorDeadError(f"{ref} is not alive, and cannot have the name {name!r}")
    _ask(order, name, ref, packed).get()


def _ask(order: Order, *arguments: Any) -> Future[Any]:
    return current_port().requests.ask(ROOT_ADDRESS, Kind.NAMES, (int(order), *arguments))


def _remembered(key: str, order: Order, *arguments: Any) -> Any:
    """The root's answer about a key: from memory, while nothing has changed."""
    port = current_port()  # first: it says what is wrong where no system runs
    process = current_process()
    assert process is not None
    names: RememberedNames = process.names
    is_known, answer = names.get(key)
    if not is_known:
        number = names.number(key)
        answer = port.requests.ask(ROOT_ADDRESS, Kind.NAMES, (int(order), *arguments)).get()
        names.keep(key, number, answer)
    return answer
