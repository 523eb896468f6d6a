"""One end of the link between two systems: what makes an actor there be as if it were here.

Both ends are alike. Each has stand-ins, whose messages it sends over, and each hands what comes over to the actors that are
meant, outside any window: the window of its sender holds it until this end says that it is handled (`stand_in_cell.py`).

A link belongs to a host, and everything here runs in its thread; how the notes travel is not its business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from peerage.actors.runtime.cluster.notes import ANSWER, DOWN, FOLLOW, SETTLED, TO, UP, WATCH, Note
from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.host.host_port import HostPort
from peerage.actors.runtime.host.mailbox import Item
from peerage.actors.runtime.host.stand_in_cell import StandInCell
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.asks import Ask
from peerage.actors.runtime.mail.envelope import BATCH, BUNDLE, EXEMPT, FRAMES, JOINED, Kind
from peerage.actors.runtime.mail.inbox import Handler
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.routes import Route

TELL, ASK, STOP, TELL_IF_THERE = int(Kind.TELL), int(Kind.ASK), int(Kind.STOP), int(Kind.TELL_IF_THERE)
# How the body is to be read. The other flags are about how it has travelled, and are set anew.
READING = FRAMES | BATCH | JOINED | BUNDLE


class _FarAsk:
    """Waits here for the answer to an ask from the other end. Args: number, its correlation there."""

    asked: Ask

    def __init__(self, number: int, answer: Callable[..., None]) -> None:
        self.number, self._answer = number, answer

    def resolve(self, _value: Any, error: BaseException | None = None) -> bool:
        """There will be no answer: those that come are passed on as they are (`Link._on_answer`)."""
        if isinstance(error, ActorDeadError):
            self._answer(self.number, Kind.DEAD, 0, b"stopped before it answered", ())
        elif error is not None:
            self._answer(self.number, Kind.FAIL, 0, codec.encode_failure(error), ())
        return True


class _UnderWay:
    """Tells that came over for one actor here, in one life of its host. Attributes: sent, how many were handed to it;
    reported, how many of them the other end knows to be handled.
    """

    def __init__(self, key: bytes, route: Route) -> None:
        self.key, self.route = key, route
        self.sent = self.reported = 0
        self._before = route.settled

    def news(self, *, is_over: bool) -> int:
        """How many more are handled. Args: is_over, whether the host has ended: what it has not handled is lost, and
        counted here.
        """
        settled = self.sent if is_over else min(self.sent, self.route.settled - self._before)
        more, self.reported = settled - self.reported, settled
        return more


class Link:
    """Args:
        port: of the host.
        resolve: gives the actor here that a key means.
        sender: gives the identity here of a sender there.
        on_post: called when there is something to send, which was not so before.

    Attributes: outbox, the notes to be sent, the oldest first. Another thread may take them.
    """

    def __init__(
        self,
        port: HostPort,
        resolve: Callable[[bytes], ActorPath],
        sender: Callable[[bytes], bytes],
        on_post: Callable[[], object],
    ) -> None:
        self._port, self._resolve, self._sender, self._on_post = port, resolve, sender, on_post
        self.outbox: deque[Note] = deque()
        self._stand_ins: dict[bytes, StandInCell] = {}
        self._asks: dict[int, tuple[StandInCell, int, int]] = {}
        self._next_number = count(1).__next__
        self._under_way: dict[bytes, _UnderWay] = {}
        self._keys: dict[tuple[int, bytes], bytes] = {}  # by the address and the name of the actor here
        self._watches: dict[bytes, int] = {}
        self._follows: dict[bytes, int] = {}
        self._is_closed = False
        self.on_up: Callable[[bytes], object] = lambda _key: None
        for kind in (Kind.REPLY, Kind.FAIL, Kind.DEAD):
            port.handlers[kind] = self._on_answer(kind, port.handlers[kind])
        port.handlers[Kind.ACK] = self._on_ack(port.handlers[Kind.ACK])
        swept = port.losses.on_swept

        def on_swept() -> None:
            if swept is not None:
                swept()
            self._look_at_all()

        port.losses.on_swept = on_swept

    def post(self, *note: Any) -> None:
        """Send a note."""
        if not self._is_closed:
            self.outbox.append(note)
            self._on_post()

    # Stand-ins: what is sent from here

    def stands_in(self, key: bytes, cell: StandInCell) -> None:
        """As `stand_in.Link.stands_in`."""
        self._stand_ins[key] = cell

    def forward(self, key: bytes, cell: StandInCell, item: Item) -> None:
        """As `stand_in.Link.forward`."""
        kind, flags, source, corr, sender, body, extras, _size, _arrived = item
        if kind == ASK:
            number = self._next_number()
            self._asks[number] = cell, source, corr
            corr = number
        self.post(TO, key, kind, flags & READING, corr, sender, body, extras)

    def forget(self, key: bytes) -> None:
        """As `stand_in.Link.forget`."""
        cell = self._stand_ins.pop(key, None)
        for number in [number for number, ask in self._asks.items() if ask[0] is cell]:
            del self._asks[number]

    # What has come over

    def receive(self, notes: Sequence[Note]) -> None:
        """Handle a batch."""
        for note in notes:
            what = note[0]
            if what == TO:
                self._hand_over(*note[1:])
            elif what == SETTLED:
                if (cell := self._stand_ins.get(note[1])) is not None:
                    cell.settled(note[2])
            elif what == ANSWER:
                self._answer_here(*note[1:])
            elif what == WATCH:
                self._watch(note[1])
            elif what == FOLLOW:
                self._follow(note[1])
            elif what == DOWN:
                if (cell := self._stand_ins.get(note[1])) is not None:
                    cell.end(note[2])
            else:
                assert what == UP, note
                self.on_up(note[1])

    def _hand_over(
        self, key: bytes, kind: int, flags: int, corr: int, sender: bytes, body: Raw, extras: Sequence[Raw]
    ) -> None:
        port, actor = self._port, self._resolve(key)
        messages = corr if flags & BATCH else 1
        with port.lock:
            try:
                route = port.route(actor)
            except ActorDeadError:  # no such actor, or no descriptor for a way to it
                route = None
            if route is None:
                self._nobody_there(key, actor, kind, corr, messages)
                return
            if kind == TELL:
                self._under_way_to(key, route).sent += messages
                route.window.exempt += messages
            elif kind in (ASK, STOP):
                waiter = _FarAsk(corr, self._answer if kind == ASK else _nothing)
                corr = port.asks.expect(waiter, route.serial, route)
            port.send(
                route.address,
                kind,
                corr,
                flags=flags | EXEMPT,
                target=route.target,
                sender=self._sender(sender),
                body=body,
                extras=extras,
            )

    def _nobody_there(self, key: bytes, actor: ActorPath, kind: int, corr: int, messages: int) -> None:
        if kind == TELL:
            self._port.count_dead_letters(actor.key, messages)
            self.post(SETTLED, key, messages)
        elif kind == ASK:
            self._answer(corr, Kind.DEAD, 0, b"not found", ())

    def _under_way_to(self, key: bytes, route: Route) -> _UnderWay:
        under_way = self._under_way.get(key)
        if under_way is None or under_way.route is not route:
            if under_way is not None:  # to its life before
                self._report(under_way, is_over=True)
            under_way = self._under_way[key] = _UnderWay(key, route)
            self._keys[route.address, route.target] = key
        return under_way

    # What becomes of it

    def _answer(self, number: int, kind: int, flags: int, body: Raw, extras: Sequence[Raw]) -> None:
        self.post(ANSWER, number, int(kind), flags, body, extras)

    def _answer_here(self, number: int, kind: int, flags: int, body: Raw, extras: Sequence[Raw]) -> None:
        cell, source, corr = self._asks.pop(number, (None, 0, 0))
        if cell is None or (source, corr) not in cell.answers.open:
            return
        cell.answers.open.discard((source, corr))
        self._port.send(source, kind, corr, flags=flags, target=cell.name, body=body, extras=extras)
        cell.settled()

    def _on_answer(self, kind: int, handle: Handler) -> Handler:
        """Pass answers to the other end's asks on, as they are; all others go to those who wait here."""
        asks = self._port.asks

        def on_answer(
            flags: int,
            source: int,
            number: int,
            target: bytes,
            sender: bytes,
            body: Raw,
            extras: Sequence[Raw],
            size: int,
        ) -> None:
            ask = asks.open.get(number)
            if ask is None or not isinstance(ask.waiter, _FarAsk):
                handle(flags, source, number, target, sender, body, extras, size)
                return
            waiter = ask.waiter
            asks.settle(number)
            waiter._answer(waiter.number, kind, flags & READING, body, extras)  # noqa: SLF001 - of this module

        return on_answer

    def _on_ack(self, handle: Handler) -> Handler:
        def on_ack(flags: int, source: int, corr: int, target: bytes, *rest: Any) -> None:
            handle(flags, source, corr, target, *rest)
            if (key := self._keys.get((source, target))) is not None:
                self._report(self._under_way[key], is_over=False)

        return on_ack

    def _report(self, under_way: _UnderWay, *, is_over: bool) -> None:
        if more := under_way.news(is_over=is_over):
            self.post(SETTLED, under_way.key, more)
        if is_over:
            route = under_way.route
            self._under_way.pop(under_way.key, None)
            self._keys.pop((route.address, route.target), None)

    def _look_at_all(self) -> None:
        """Hosts have died: what was under way to them is lost, and no acknowledgement will say so."""
        routes = self._port.routes.by_key
        for under_way in list(self._under_way.values()):
            route = under_way.route
            if routes.get(route.ref.way) is not route:
                self._report(under_way, is_over=True)

    # Lives

    def _watch(self, key: bytes) -> None:
        """Tell of the end of an actor here, at once if it is not there."""
        if key not in self._watches:
            self._watches[key] = self._port.lives.watch(
                self._resolve(key), lambda _, reason: self._down(key, reason)
            )

    def _down(self, key: bytes, reason: Any) -> None:
        self._watches.pop(key, None)
        self.post(DOWN, key, reason)

    def _follow(self, key: bytes) -> None:
        if key not in self._follows:
            self._follows[key] = self._port.lives.follow(
                self._resolve(key), lambda: self.post(UP, key), lambda _reason: None
            )

    def close(self) -> None:
        """Nothing comes or goes any more. Whatever was asked here for the other end is nobody's."""
        self._is_closed = True
        self.outbox.clear()
        for number in self._watches.values():
            self._port.lives.unwatch(number)
        for number in self._follows.values():
            self._port.lives.unfollow(number)


def _nothing(*_: Any) -> None:
    """The answer to a request to stop: the watch tells of the end."""
