"""A thread's mailbox: what it sends with, what it receives with, and what it is waiting for.

Delivery promises, for every pair of port and actor: in order, at most once, and never lost unseen. What was sent and is not
known to be handled when the receiver dies is counted as dead letters (tells) or fails with ActorDeadError (asks).

Answers are handled as soon as they are read, while tells wait in a mailbox: the order does not hold between these two.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Sequence
from functools import partial
from typing import Any

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError, MailboxFullError
from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.mail import codec, handled_counts
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.asks import Ask, Asks
from peerage.actors.runtime.mail.async_face import AsyncFace
from peerage.actors.runtime.mail.calls import Call, settle_in_their_loops
from peerage.actors.runtime.mail.codec import PLAIN, PLAIN_SIZE, SIZED, SMALL
from peerage.actors.runtime.mail.envelope import EXEMPT, FRAMES, UNTIL, Kind
from peerage.actors.runtime.mail.follows import Follows
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.here import Owner
from peerage.actors.runtime.mail.host_table import THREAD_MASK, serial_of
from peerage.actors.runtime.mail.inbox import SLICE_S, Handler, Inbox
from peerage.actors.runtime.mail.kept_definitions import Announcer
from peerage.actors.runtime.mail.lives import Lives
from peerage.actors.runtime.mail.losses import Losses
from peerage.actors.runtime.mail.memory import LARGE, Raw
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.outbox import Outbox
from peerage.actors.runtime.mail.reader import Reader
from peerage.actors.runtime.mail.requests import Requests
from peerage.actors.runtime.mail.routes import Route, Routes
from peerage.actors.runtime.mail.watches import Watches
from peerage.actors.runtime.mail.window import WINDOW_BYTES, Drop, Wait, WhenFull, chosen, shorter

ASK, TELL = int(Kind.ASK), int(Kind.TELL)  # comparing and packing enum members is slow
ASK_UNTIL = int(Kind.ASK_UNTIL)
MAILBOX = 2  # file descriptors: the listening socket, and the one by which ZeroMQ signals arrivals


class Port:
    """The mailbox of one thread. A lock guards it, since other threads may read answers on its behalf or flush its tells.
    It is reentrant, because the handler of a message that is read may send.

    Its parts: `outbox` and `inbox`, the sockets; `routes`, the ways to actors, each with its window; `asks`, `watches` and
    `follows`, what it waits for; `losses`, what is settled when hosts die; `face`, what it does for asyncio; `requests`,
    questions outside the windows; `lives`, by which it hears of others; `reader`, which reads.

    Attributes: purpose, which its ways need their descriptors for; is_read_by_loop, whether a loop of actors reads it all
        the time, and not only its thread when it waits; waiting, whether the thread waits now, so that deaths must wake it.
    """

    purpose = Purpose.WORK
    is_read_by_loop = False

    def __init__(self, network: Network, address: int, owner: Owner) -> None:
        self.network, self.address, self._owner = network, address, owner
        self.table = network.table
        self.lock = threading.RLock()
        self.closed = False
        self.dead_letters = 0
        self.waiting = False
        self._thread = threading.get_ident()
        self.outbox = Outbox(network, address, self.lock)
        if lack := network.reserve.take(MAILBOX, self.purpose):
            raise LimitReachedError("a mailbox of this thread", lack)
        network.mend()
        self.handlers: list[Handler] = [_ignore] * (max(Kind) + 1)
        endpoint, take = network.endpoint(address), partial(network.memory.take, address)
        self.inbox = Inbox(network.context, endpoint, network.key, self.handlers, take, network.strays.refuse)
        self.make_parts()

    def make_parts(self) -> None:
        """Make the parts that are made of outbox, inbox and lock; again in a forked child, where these are new."""
        key, open_way = self.network.key, self.outbox.open
        self.routes = Routes(key, self.address, self.table, open_way, self.count_dead_letters)
        self.kept = Announcer(self.network.told, self.table.is_dead, self.send)
        self.asks, self.watches = Asks(self.kept.announce), Watches()
        self.follows = Follows(self.table, self.send, self.asks.next_number)
        self.lives, self.requests = Lives(self, self.watches, self.follows), Requests(self)
        self.face = AsyncFace(self)
        self.losses = Losses(
            self.table,
            self.routes,
            self.asks,
            self.face.lines,
            self.lock,
            read_counts=lambda serial: handled_counts.read(self.network.directory, serial, self.address),
            on_lost=self.count_dead_letters,
            times_empty=lambda: self.inbox.times_empty,
            before=self.outbox.forget_dead,
        )
        self.losses.on_gone.append(lambda is_gone: self.watches.end_on(is_gone, self.table.reason_of))
        self.losses.on_gone.append(self.follows.sweep)
        self.reader = Reader(
            self.inbox,
            self.lock,
            self.face,
            self.losses,
            flush=self.outbox.flush,
            check_open=self.check_open,
            close=self.close,
        )
        own: dict[Kind, Handler] = {
            Kind.REPLY: self.asks.on_reply,
            Kind.FAIL: self.asks.on_fail,
            Kind.DEAD: self.asks.on_dead,
            Kind.ACK: self.routes.on_ack,
            Kind.DOWN: self.watches.on_down,
            Kind.NEWS: self.follows.on_message,
            Kind.WAKE: self.follows.on_wake,
            Kind.PORT_BYE: self._on_port_bye,
        }
        for kind, handler in own.items():
            self.handlers[kind] = handler

    def is_mine(self) -> bool:
        """Whether the calling thread owns this port."""
        return threading.get_ident() == self._thread

    # Sending

    @property
    def sender(self) -> bytes:
        """The identity of the actor that runs in this thread now, empty outside actors."""
        return b""

    def send(
        self,
        address: int,
        kind: int,
        corr: int = 0,
        *,
        flags: int = 0,
        target: bytes = b"",
        sender: bytes = b"",
        body: Raw = b"",
        extras: Sequence[Raw] = (),
        source: int | None = None,
    ) -> None:
        """Hand one message to ZeroMQ; never blocks. See `Outbox.send`."""
        self.outbox.send(
            address,
            kind,
            corr,
            flags=flags,
            target=target,
            sender=sender,
            body=body,
            extras=extras,
            source=source,
        )

    def send_along(
        self, route: Route, kind: int, corr: int, flags: int, body: Raw, extras: Sequence[Raw], to: bytes = b""
    ) -> None:  # fmt: skip
        """Send along a route; a host's port hands messages to its own actors over without ZeroMQ."""
        self.send(
            route.address,
            kind,
            corr,
            flags=flags,
            target=to or route.target,
            sender=self.sender,
            body=body,
            extras=extras,
        )

    def wake(self, address: int) -> None:
        """Make the thread at this address look at the host table. By a message, as it may sleep in its socket."""
        self.send(address, Kind.WAKE)

    def route(self, ref: ActorPath, purpose: Purpose | None = None) -> Route | None:
        """The way to an actor, None when its host is not alive. Raises: ForeignRefError; LimitReachedError."""
        if self.losses.epoch != self.table.epoch:
            self.losses.sweep()
        route = self.routes.by_key.get(ref.way)
        if route is None:  # checked once: a route is found by system, host and name
            ref.belong_to(self.network.system)
            route = None if self.closed else self.routes.find(ref, purpose or self.purpose)
        return route

    def tell(self, ref: ActorPath, value: Any, when_full: WhenFull | None, exempt: bool) -> None:
        """Send a message that nobody answers. To a dead actor it is a dead letter, not an error.

        Raises: as `ActorRef.tell`.
        """
        with self.lock:
            if self.losses.epoch != self.table.epoch:
                self.losses.sweep()
            route = self.routes.by_key.get(ref.way) or self.route(ref)
            if route is None:
                self.count_dead_letters(ref.key, 1)
                return
            body: Any = value
            extras: Sequence[Raw] = ()
            flags = 0
            kind = type(value)
            plain = kind in PLAIN and not route.local
            if plain:  # it cannot change, so it is pickled when it goes, together with its neighbours
                size = len(value) if kind in SIZED else PLAIN_SIZE
                plain = size < SMALL
            kept: Container[bytes] = ()
            if not plain:
                if route.line is None:  # what waits in line may go to a successor, which keeps no definitions
                    kept = self.network.kept.get(route.serial, ())
                body, extras, flags = codec.encode(value, kept, route.line is None and not route.local)
                size = len(body)
                for frame in extras:
                    size += len(frame)
            window = route.window
            if exempt:
                if route.line is not None:
                    self.face.put_behind(route, TELL, (body, extras, flags, size, plain), None)
                    return
                window.exempt += 1
                flags |= EXEMPT
            else:
                # As `has_room`, without the call. The limit is 0 while a line waits, so nothing overtakes it here.
                if window.messages >= window.limit or (window.messages and window.size + size > WINDOW_BYTES):
                    # By the time there is room a successor may get it, which lacks the definitions; and what is borrowed may
                    # have changed.
                    if kept or extras:
                        body, extras, flags = codec.encode(value)
                        size = len(body) + sum(map(len, extras))
                    if not self.make_room(route, size, when_full):
                        return
                    if (route := self.route(ref)) is None:  # it died while we waited
                        self.count_dead_letters(ref.key, 1)
                        return
                    window = route.window
                window.messages += 1
                window.size += size
            if plain or not (extras or flags & FRAMES or size >= SMALL or route.local):
                self.outbox.tell(route, self.sender, flags, body, size, plain)
            else:
                self.send_along(route, TELL, 0, flags, body, extras)

    def make_room(self, route: Route, size: int, when_full: WhenFull | None) -> bool:
        """Wait for room in a window, or not, as the sender has chosen.

        Returns: whether the message may go; False means it was dropped and counted.
        Raises: MailboxFullError; TypeError, for what is no choice.
        """
        window = route.window
        self.outbox.flush()  # the receiver cannot acknowledge what is still gathered here
        self.reader.pump_briefly()  # the acknowledgement may be here already, unread
        if route.line is not None:  # it goes behind those, as far as there is room
            self.face.advance(None)
        if window.has_room(size):
            return True
        choice = chosen(when_full)
        if isinstance(choice, Drop):
            self.count_dead_letters(route.ref.key, 1)
            return False
        if isinstance(choice, Wait) and self.wait_for_room(route, size, choice.timeout):
            return True
        raise MailboxFullError(route.ref.name, window.messages, window.size)

    def wait_for_room(self, route: Route, size: int, timeout: float | None) -> bool:
        """Returns: whether there is room, or no need for it as the actor's host has died; False after `timeout` seconds."""
        return self.wait(lambda: route.window.has_room(size) or self.table.is_dead(route.serial), timeout)

    def ask(
        self,
        ref: ActorPath,
        value: Any,
        exempt: bool = False,
        kind: int = ASK,
        when_full: WhenFull | None = None,
        until: float | None = None,
        block: bool = True,
    ) -> Future[Any]:
        """Send a message that is answered. The future fails with ActorDeadError if the actor is not there or ends first.

        Args: kind, ASK or STOP; until, monotonic seconds when waiting for room ends at the latest; block, whether the
            caller will wait for the answer at once, and may therefore wait for room as well.
        Raises: MailboxFullError; TypeError, for DROP; what pickling the value raises.
        """
        future: Future[Any] = Future()
        with self.lock:
            future.port = self
            route = self.routes.by_key.get(ref.way) if self.losses.epoch == self.table.epoch else None
            if route is None and (route := self._route_to_ask(ref, kind, future)) is None:
                return future
            kept = self.network.kept.get(route.serial, ()) if route.line is None else ()
            body, extras, flags = codec.encode(value, kept, route.line is None and not route.local)
            size = len(body)
            if extras:
                size += sum(map(len, extras))
            window = route.window
            if exempt or kind != ASK:
                if route.line is not None:
                    self.face.put_behind(route, kind, (body, extras, flags, size, False), future)
                    return future
                flags |= EXEMPT
                ask = Ask(future, route.serial, route)
            else:
                if window.messages >= window.limit or (window.messages and window.size + size > WINDOW_BYTES):
                    if kept or extras:
                        body, extras, flags = codec.encode(value)
                        size = len(body) + sum(map(len, extras))
                    # Where a loop of asyncio runs, the future waits in line instead of this thread.
                    if not block and when_full is None and until is None and self.face.takes(route):
                        self.face.put_behind(route, kind, (body, extras, flags, size, False), future, False)
                        return future
                    self.make_room(route, size, shorter(when_full, until))
                    if (route := self.route(ref)) is None:
                        future.resolve(None, ActorDeadError(f"{ref} not found"))
                        return future
                    window = route.window
                window.messages += 1
                window.asks += 1
                window.size += size
                ask = Ask(future, route.serial, route, size)
            future.asked = ask
            if ask.size < 0:
                number = self.asks.enter(ask)
            else:  # as `Asks.enter`, without the call
                number = ask.number = self.asks.next_number()
                self.asks.open[number] = ask
            target = route.target
            if until is not None and block and kind == ASK:
                kind, target = ASK_UNTIL, UNTIL.pack(until) + target
            if extras or route.local or size >= LARGE:
                self.send_along(route, kind, number, flags, body, extras, target)
            else:
                self.outbox.send_small(route.address, kind, number, flags, target, self.sender, body)
        return future

    def _route_to_ask(self, ref: ActorPath, kind: int, future: Future[Any]) -> Route | None:
        """The way to an actor for the first time, or when hosts have died. Returns: None, when the future has failed."""
        purpose = Purpose.DUTY if kind == Kind.STOP else self.purpose  # a stop makes room for others
        try:
            route = self.route(ref, purpose)
            if route is None:  # a thread that asks again and again must hear that it is back
                self.check_open()
                self.reader.pump_briefly()
                route = self.route(ref, purpose)
        except ActorDeadError as error:
            future.resolve(None, error)
            return None
        if route is None:
            future.resolve(None, ActorDeadError(f"{ref} not found"))
        return route

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        """Call `fn()` after `delay` seconds, in some thread; then look at the follows in this one."""
        self._owner.call_later(self.address, delay, fn)

    def later(self, fn: Callable[[], None]) -> None:
        """Run a small step that must not interrupt a handler: here at once, in a host's port in its loop's next turn."""
        fn()

    # Waiting

    def wait(self, done: Callable[[], bool], timeout: float | None, *, nested: bool = False) -> bool:
        """Handle messages until `done()`. Returns: False after `timeout` seconds.

        Args: nested, whether it depends on another actor of this host, which is then let run at once (in a host's port).
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        self.waiting = True
        losses, reader = self.losses, self.reader
        try:
            while True:
                if losses.epoch != self.table.epoch:
                    losses.sweep()
                if done():
                    return True
                left = SLICE_S if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    reader.pump_briefly()
                    return done()
                if not losses.unsettled:  # otherwise sweep again, without sleeping
                    reader.receive_within(left)
        finally:
            self.waiting = False
            if self.face.loops and (self.asks.open or self.face.lines):
                self.face.look_again()  # we may have taken the only signal of what the asyncio loop waits for

    def wait_for(self, future: Future[Any], timeout: float | None) -> bool:
        """Handle messages until a future is done. Returns: False after `timeout` seconds."""
        return self.wait(lambda: future.done, timeout)

    def bind_again(self) -> None:
        """The directory was made again. From any thread: an owner that waits with the lock binds again when it wakes up."""
        self.inbox.is_unfound = True
        if self.lock.acquire(blocking=False):
            try:
                if not self.closed:
                    self.inbox.bind_again()
            finally:
                self.lock.release()

    def _on_port_bye(self, _flags: int, source: int, *_: Any) -> None:
        """Nobody reads at this address any more. If it is a host's own, all that the host had sent is read by now."""
        self.outbox.forget(source)
        if not source & THREAD_MASK:
            self.losses.said_goodbye(serial_of(source))

    # Losses and the end

    def count_dead_letters(self, key: str, messages: int) -> None:
        """Tells to the actor with this key were lost. A closed port has handed its own count over already."""
        if self.closed:
            self.network.dead_letters.add_late(key, messages)
            return
        self.dead_letters += messages
        self.network.dead_letters.tell(key, messages)

    def check_open(self) -> None:
        """Raises: ActorDeadError, when nothing can come or go here any more."""
        if self.closed:
            raise ActorDeadError(self.network.why_over())

    def close(self) -> None:
        """Close the mailbox. May be called by another thread: the lock makes that safe."""
        with self.lock:
            if self.closed:
                return
            self.closed = True
            self.routes.by_key.clear()  # so that the hot path, which does not ask for `closed`, finds no way any more
            self.losses.forget()
            waiting = [*self.face.close(), *self.asks.close()]
            self.outbox.close()
            self.inbox.close()
            self.follows.close()
            # Last, when everything is closed: a callback of theirs may send, and must meet a closed port.
            for waiter in waiting:
                if not isinstance(waiter, Call):
                    waiter.resolve(None, ActorDeadError("the asking thread or the system has ended"))
            settle_in_their_loops(waiter for waiter in waiting if isinstance(waiter, Call))
        self._owner.retire(self)


def _ignore(*_: Any) -> None:
    """Handles a kind of message that this port does not expect."""
