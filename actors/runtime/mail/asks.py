"""The record of what a port has asked: who waits for which answer, and what each ask holds in a window until it comes.

An answer acknowledges its ask: no other message does. So an ask that nobody waits for any more keeps its place in the window
until it is answered or its host dies, and an actor that hangs never owes more answers than a window holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import count
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.definitions import news
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.routes import Route


class Waiter(Protocol):
    """Where the answer goes: a future, or the call that a task awaits."""

    asked: Ask

    def resolve(self, value: Any, error: BaseException | None = None) -> bool:
        """Take the outcome. Returns: whether it had none before."""


class Ask:
    """One question.

    Attributes:
        waiter: where the answer goes; None once nobody wants it.
        serial: of the host that was asked.
        route: to the actor that was asked, None for a question to a host or to the root.
        size: bytes that it holds in the window, -1 if it has no place there.
        number: its correlation, which the answer comes back with; 0 until it is sent.
    """

    __slots__ = ("number", "route", "serial", "size", "waiter")

    def __init__(
        self, waiter: Waiter | None, serial: int, route: Route | None = None, size: int = -1
    ) -> None:
        self.waiter, self.serial, self.route, self.size = waiter, serial, route, size
        self.number = 0


NOT_ASKED = Ask(None, 0)  # stands for the ask of a future that nobody has asked for; shared by all of them


class Asks:
    """The open asks of one port, guarded by its lock.

    Args: learn, called with the address of a sender whose message brought definitions of classes.

    Attributes:
        open: by number.
        next_number: gives a number above those of all asks before it, and below those of all asks after it.
    """

    def __init__(self, learn: Callable[[int], object]) -> None:
        self.open: dict[int, Ask] = {}
        self._learn = learn
        self.next_number = count(1).__next__
        # How many of the open asks are in no window, by serial. A window tells how many asks its host owes, so with these it
        # is known for each death whether the open asks, perhaps tens of thousands, need be looked through at all.
        self._unbounded: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.open)

    def enter(self, ask: Ask) -> int:
        """A question is being sent. Returns: its number."""
        if ask.size < 0:
            self._unbounded[ask.serial] = self._unbounded.get(ask.serial, 0) + 1
        number = ask.number = self.next_number()
        self.open[number] = ask
        return number

    def expect(self, waiter: Waiter, serial: int, route: Route | None = None, size: int = -1) -> int:
        """As `enter`, for a question that has no `Ask` yet; the waiter gets that, so that it can be given up later."""
        ask = waiter.asked = Ask(waiter, serial, route, size)
        return self.enter(ask)

    def has_stopped(self, ask: Ask) -> None:
        """An actor has answered this ask that it has stopped: asks that follow are sent to nobody.

        The host may be there yet. If it ends as well before it has refused them, they fail as "not found", instead of as
        ended before they were answered.
        """
        if ask.route is not None:
            ask.route.stopped_at = self.next_number()

    def settle(self, number: int) -> Ask | None:
        """An answer has come, or is given up: its place in the window is free again.

        Returns: the ask, None if it was settled before.
        """
        ask = self.open.pop(number, None)
        if ask is None:
            return None
        if ask.size >= 0:
            assert ask.route is not None
            window = ask.route.window
            window.release(1, ask.size)
            window.asks -= 1
        else:
            self._forget_unbounded(ask.serial)
        return ask

    def abandon(self, ask: Ask) -> None:
        """Nobody waits for this answer any more. An ask that has a place in a window keeps it until the answer comes."""
        if self.open.get(ask.number) is not ask:
            return
        if ask.size < 0:
            del self.open[ask.number]
            self._forget_unbounded(ask.serial)
        else:
            ask.waiter = None

    def _forget_unbounded(self, serial: int) -> None:
        left = self._unbounded.pop(serial) - 1
        if left:
            self._unbounded[serial] = left

    # Answers; the arguments are those of every handler of a message

    def on_reply(
        self,
        flags: int,
        source: int,
        number: int,
        _target: bytes,
        _sender: bytes,
        body: Raw,
        extras: Any,
        _size: int,
    ) -> None:
        """An answer."""
        ask = self.settle(number)
        if ask is None or (waiter := ask.waiter) is None:
            return
        ask.waiter = None  # which has the ask: a large answer would be kept until the garbage is collected
        try:
            value = codec.decode(flags, body, extras)
        except Exception as error:
            waiter.resolve(None, error)
        else:
            if news:  # a global of this process: the answer just read has brought definitions
                self._learn(source)
            waiter.resolve(value)

    def on_fail(
        self, _flags: int, _source: int, number: int, _target: bytes, _sender: bytes, body: Raw, *_: Any
    ) -> None:
        """The exception that the actor raised."""
        ask = self.settle(number)
        if ask is not None and ask.waiter is not None:
            ask.waiter.resolve(None, codec.decode_failure(body))

    def on_dead(
        self, _flags: int, _source: int, number: int, target: bytes, _sender: bytes, body: Raw, *_: Any
    ) -> None:
        """The host does not know the actor, or it ended first."""
        ask = self.settle(number)
        if ask is not None and ask.waiter is not None:
            text = bytes(body).decode() or "not found"
            name = target.decode() if ask.route is None else ask.route.ref
            ask.waiter.resolve(None, ActorDeadError(f"{name} {text}"))

    # Deaths

    def hosts_without_window(self) -> Collection[int]:
        """The serials of hosts that owe answers which are in no window."""
        return self._unbounded.keys()

    def of_hosts(self, serials: Collection[int]) -> Iterable[int]:
        """The numbers of all asks of these hosts. It looks through all that are open."""
        return [number for number, ask in self.open.items() if ask.serial in serials]

    def lose(self, number: int) -> Ask | None:
        """No answer will come, as the host has died. Its window is left alone, because nothing is sent along that any more.

        Returns: the ask, None when it was settled before.
        """
        ask = self.open.pop(number, None)
        if ask is not None and ask.size < 0:
            self._forget_unbounded(ask.serial)
        return ask

    def close(self) -> list[Waiter]:
        """The port closes, and no answer can come any more. Returns: everybody who waits for one."""
        waiters = [ask.waiter for ask in self.open.values() if ask.waiter is not None]
        self.open.clear()
        self._unbounded.clear()
        return waiters
