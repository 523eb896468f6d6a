"""The table of names and groups, which the root keeps for the whole system.

The root, because it is there as long as the system, is the first to hear of every death, and does everything in one order:
a name is never given to two, and never kept by a dead one for longer than it takes the root to hear of the death.
It reads no value of the program's: what is entered beside a ref stays a pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from peerage.actors.runtime.errors import NameTakenError, RegistryFullError
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.names import Member, Order, group_key, name_key
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.request import Request

MOST_ENTRIES = 100_000  # names and memberships together
MOST_WAITING = 10_000  # requests that wait for a name to come up


class Lives(Protocol):
    """Hears of ends, and of actors that come up: `mail/lives.py`."""

    def watch(self, ref: ActorRef[Any], on_down: Callable[[Any, DownReason], None]) -> int: ...
    def unwatch(self, number: int) -> None: ...
    def follow(
        self,
        ref: ActorRef[Any],
        on_up: Callable[[], object],
        on_down: Callable[[DownReason], object],
    ) -> int: ...
    def unfollow(self, number: int) -> None: ...


class Timers(Protocol):
    """The root's loop."""

    def call_later(self, cell: None, delay: float, fn: Callable[..., object], *args: Any) -> Any: ...


class _Entry:
    """A name, or a place in a group, and the watch that ends it."""

    __slots__ = ("member", "watch")

    def __init__(self, member: Member) -> None:
        self.member, self.watch = member, 0


class _Waiting:
    """Those who wait for one name, and the follow by which the root hears of an actor of that name."""

    __slots__ = ("follow", "requests")

    def __init__(self, follow: int) -> None:
        self.requests: dict[Request, None] = {}
        self.follow = follow


class NameTable:
    """Names, each of one actor, and groups of any number of members.

    Args: lives, of the root's port; timers, its loop; changed, counts a change of a key where all processes see it; system,
        the token of the system.
    """

    def __init__(
        self, lives: Lives, timers: Timers, changed: Callable[[str], object], system: str = ""
    ) -> None:
        self._lives, self._timers, self._changed, self._system = lives, timers, changed, system
        self._names: dict[str, _Entry] = {}
        # By the way of the ref: an actor is in a group once. A dict keeps the order of joining.
        self._groups: dict[str, dict[str, _Entry]] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._count = self._waiters = 0
        self._orders: Mapping[int, Callable[..., Any]] = {
            Order.REGISTER: self._register,
            Order.UNREGISTER: self._unregister,
            Order.FIND: self._find,
            Order.NAMES: lambda: {name: entry.member for name, entry in self._names.items()},
            Order.JOIN: self._join,
            Order.LEAVE: self._leave,
            Order.MEMBERS: lambda group: tuple(
                entry.member for entry in self._groups.get(group, {}).values()
            ),
            Order.GROUPS: lambda: {group: len(entries) for group, entries in self._groups.items()},
        }

    def serve(self, request: Request, _target: bytes, body: Raw) -> None:
        """Do what a process asks for, and answer it."""
        order, *arguments = codec.decode(0, body, ())
        if order == Order.WAIT:
            self._wait(request, *arguments)
            return
        try:
            request.answer(self._orders[order](*arguments))
        except (NameTakenError, RegistryFullError) as error:  # ordinary refusals, and no news for the log
            request.refuse(error.with_traceback(None))

    # Names

    def _register(self, name: str, ref: ActorRef[Any], packed: bytes) -> None:
        known = self._names.get(name)
        # The same actor, or its successor, whose predecessor's end may not have been heard of yet.
        if known is not None and known.member.ref != ref:
            raise NameTakenError(name, str(known.member.ref))
        if known is None:
            self._make_room()
        entry = _Entry(Member(ref, packed))
        self._changed(name_key(name))
        if known is not None:
            self._lives.unwatch(known.watch)
            self._count -= 1
        self._names[name] = entry
        self._count += 1
        self._watch(entry, partial(self._name_ended, name, entry))
        self._is_up(name, entry.member)

    def _unregister(self, name: str, ref: ActorRef[Any] | None) -> bool:
        entry = self._names.get(name)
        if entry is None or (ref is not None and entry.member.ref != ref):
            return False
        self._lives.unwatch(entry.watch)
        self._name_ended(name, entry)
        return True

    def _name_ended(self, name: str, entry: _Entry) -> None:
        if self._names.get(name) is entry:
            self._changed(name_key(name))
            del self._names[name]
            self._count -= 1

    def _find(self, name: str) -> Member | None:
        entry = self._names.get(name)
        return None if entry is None else entry.member

    # Waiting for a name

    def _wait(self, request: Request, name: str, seconds: float) -> None:
        if (member := self._find(name)) is not None:
            request.answer(member)
            return
        if self._waiters >= MOST_WAITING:
            request.refuse(RegistryFullError(f"{MOST_WAITING} requests wait for names"))
            return
        waiting = self._waiting.get(name)
        if waiting is None:
            waiting = self._begin_to_wait(name)
        waiting.requests[request] = None
        self._waiters += 1
        # Each wait is for so long and no longer: one whose asker has died ends by itself.
        self._timers.call_later(None, seconds, self._waited, name, request)

    def _begin_to_wait(self, name: str) -> _Waiting:
        """Raises: LimitReachedError, when there is no way to the host of that name."""
        # An actor in a host of its own has its name without being registered.
        own = ActorRef(name, name, system=self._system)
        waiting = _Waiting(self._lives.follow(own, lambda: self._is_up(name, Member(own)), _nothing))
        self._waiting[name] = waiting
        return waiting

    def _is_up(self, name: str, member: Member) -> None:
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            self._stop_waiting(waiting)
            for request in waiting.requests:
                request.answer(member)

    def _waited(self, name: str, request: Request) -> None:
        waiting = self._waiting.get(name)
        if waiting is None or request not in waiting.requests:
            return
        del waiting.requests[request]
        self._waiters -= 1
        if not waiting.requests:
            del self._waiting[name]
            self._stop_waiting(waiting)
        request.answer(None)

    def _stop_waiting(self, waiting: _Waiting) -> None:
        self._waiters -= len(waiting.requests)
        self._lives.unfollow(waiting.follow)

    # Groups

    def _join(self, group: str, ref: ActorRef[Any], packed: bytes) -> None:
        entries = self._groups.get(group, {})
        known = entries.get(ref.way)
        if known is None:
            self._make_room()
        entry = _Entry(Member(ref, packed))
        self._changed(group_key(group))
        if known is not None:  # a successor, or another value: it keeps its place
            self._lives.unwatch(known.watch)
            self._count -= 1
        entries[ref.way] = entry
        self._groups[group] = entries
        self._count += 1
        self._watch(entry, partial(self._member_ended, group, entry))

    def _leave(self, group: str, ref: ActorRef[Any]) -> bool:
        entry = self._groups.get(group, {}).get(ref.way)
        if entry is None:
            return False
        self._lives.unwatch(entry.watch)
        self._member_ended(group, entry)
        return True

    def _member_ended(self, group: str, entry: _Entry) -> None:
        entries = self._groups.get(group, {})
        way = entry.member.ref.way
        if entries.get(way) is entry:
            self._changed(group_key(group))
            del entries[way]
            self._count -= 1
            if not entries:
                del self._groups[group]

    def _watch(self, entry: _Entry, ended: Callable[[], None]) -> None:
        """Have `ended` called when the actor ends. Raises: LimitReachedError; the entry is taken back then."""
        try:
            entry.watch = self._lives.watch(entry.member.ref, lambda _ref, _reason: ended())
        except BaseException:
            ended()  # nobody would hear of its end
            raise

    def _make_room(self) -> None:
        if self._count >= MOST_ENTRIES:
            raise RegistryFullError(f"{MOST_ENTRIES} names and memberships are entered")


def _nothing(_reason: DownReason) -> None:
    """The end of somebody who was waited for is no news: whoever waited has been answered."""
