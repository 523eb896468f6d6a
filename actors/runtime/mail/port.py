"""A thread's mailbox: one bound PULL socket, one PUSH per destination, and what the thread is waiting for.

Delivery promises, for every pair of port and actor: in order, at most once, and never lost unseen. What was
sent and not known to be handled when the receiver dies is counted as dead letters (tells) or fails with
ActorDeadError (asks).
"""

from __future__ import annotations

import asyncio
import select
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import zmq

from peerage.actors.runtime.errors import ActorDeadError, ForeignRefError, LimitReachedError, MailboxFullError
from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.log import is_debugging, logger
from peerage.actors.runtime.mail import definitions
from peerage.actors.runtime.mail import handled_counts as ledger
from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.async_face import Abandoned, AsyncFace, Call, Line, settle_in_their_loops
from peerage.actors.runtime.mail.definitions import news
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.follows import Follow, Follows
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, THREAD_BITS, THREAD_MASK, serial_of
from peerage.actors.runtime.mail.inbox import SLICE_S, Handler, Inbox
from peerage.actors.runtime.mail.message import (
    BATCH_MESSAGES,
    EXEMPT,
    FRAMES,
    LARGE,
    PLAIN,
    PLAIN_SIZE,
    SIZED,
    SMALL,
    Batch,
    Encoded,
    Kind,
    Raw,
)
from peerage.actors.runtime.mail.outbox import Outbox
from peerage.actors.runtime.mail.routes import Route, Routes
from peerage.actors.runtime.mail.window import (
    DEFAULT_WAIT,
    WINDOW_BYTES,
    WINDOW_MESSAGES,
    Drop,
    Fail,
    Wait,
    WhenFull,
    shorter,
)

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.process import Process
    from peerage.actors.runtime.mail.ref import ActorRef

ACK = struct.Struct("<IQII")  # messages, bytes, exempt messages, dead letters among them all
NUMBER = struct.Struct("<Q")
BEFORE_HOOKS = b"1"  # body of such a watch
ASK, TELL = int(Kind.ASK), int(Kind.TELL)  # comparing and packing enum members is slow
LATE = {Kind.KILL, Kind.GIVE_UP, Kind.START}  # who kills makes room; who starts has been let by the root
MAILBOX = 2  # descriptors: of the socket, and of what it is signalled with
NEVER = -1  # an epoch that no table has: look again

REMEMBERED_GOODBYES = 1000
PUMP_S = 0.003  # for a look at what has arrived by somebody who has promised to be elsewhere soon
BURY_S = 0.002  # the same for answers that will not come
LOOK_AGAIN_S = 0.01  # at those whose last words may be on their way
FOREIGN_POLL_S = 0.02  # a thread that waits for another's mailbox looks whether that one has read it itself
DownFunction = Callable[["ActorRef", DownReason], object]


class Port:
    """The mailbox of one thread. A lock guards it, because another thread may read answers on its behalf.

    Attribute: purpose, of the ways that are opened for it.
    """

    purpose = Purpose.WORK

    is_read_by_loop = False  # else only while its thread waits for something

    def __init__(self, process: Process, address: int) -> None:
        self.process, self.address = process, address
        self.table = process.table
        self.lock = threading.RLock()
        self.closed = False
        self.dead_letters = 0
        self.waiting = False
        self.has_skipped = False  # one message was read alone: others may be there without a signal of theirs
        self.pending: dict[int, Future[Any] | Call | Abandoned] = {}
        self.doomed: deque[int | Line] = deque()  # numbers of pending, and lines, that nobody will answer
        self.must_look_again = False  # there was more than could be handled without holding somebody up
        self.watches: dict[int, tuple[ActorRef, int, DownFunction]] = {}
        self.outbox = Outbox(process, address, self.lock)
        self.routes = Routes(address, self.table, self.outbox.open)
        self._numbers = count(1)
        self.follows = Follows(self.table, self.send, self._numbers.__next__)
        self._unbounded: dict[int, int] = {}  # how many of the pending are in no window, by serial
        self.face = AsyncFace(self)
        self._epoch = self._swept = self.table.epoch
        self._look_at = 0.0  # no sweep before, while last words are on their way
        self._departed: set[int] = set()  # serials of hosts whose last message has been read
        self._thread = threading.get_ident()
        self.handlers: list[Handler] = [self._ignore] * (max(Kind) + 1)
        own: dict[Kind, Handler] = {
            Kind.REPLY: self._on_reply,
            Kind.FAIL: self._on_fail,
            Kind.DEAD: self._on_dead,
            Kind.ACK: self._on_ack,
            Kind.DOWN: self._on_down,
            Kind.PORT_BYE: self._on_port_bye,
            Kind.NEWS: self._on_news,
            Kind.WAKE: self._on_wake,
        }
        for kind, handler in own.items():
            self.handlers[kind] = handler
        self.is_unfound = False
        if lack := process.reserve.take(MAILBOX, self.purpose):
            raise LimitReachedError("a mailbox of this thread", lack)
        process.mend()
        self.inbox = Inbox(process.context, process.endpoint(address), self.handlers)

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

    def flush(self) -> None:
        """Hand over the tells that were gathered."""
        if self.outbox.gathered:
            self.outbox.flush()

    def wake(self, address: int) -> None:
        """Make the thread at this address look at the host table."""
        self.send(address, Kind.WAKE)

    def route(self, ref: ActorRef, purpose: Purpose | None = None) -> Route | None:
        """The way to an actor, None when its host is not alive. Raises: ForeignRefError; LimitReachedError."""
        if self._epoch != self.table.epoch:
            self.sweep()
        return self.routes.by_key.get(ref.way) or self._find(ref, purpose)

    def _find(self, ref: ActorRef, purpose: Purpose | None = None) -> Route | None:
        """As `route`, the first time: whether it is of this system need not be looked at again."""
        ref.belong_to(self.process.system)
        return None if self.closed else self.routes.find(ref, purpose or self.purpose)

    def tell(self, ref: ActorRef, value: Any, when_full: WhenFull | None, exempt: bool) -> None:
        """Send a message that nobody answers. To a dead actor it is a dead letter, not an error.

        Raises: as `ActorRef.tell`.
        """
        with self.lock:
            if self._epoch != self.table.epoch:
                self.sweep()
            route = self.routes.by_key.get(ref.way) or self._find(ref)
            if route is None:
                self.count_dead_letters(ref.key, 1)
                return
            body: Any = value
            extras: Sequence[Raw] = ()
            flags = 0
            plain = type(value) in PLAIN and not route.local
            if plain:  # cannot change: pickled when it goes, with its company
                size = len(value) if type(value) in SIZED else PLAIN_SIZE
                plain = size < SMALL
            kept: Container[bytes] = ()
            if not plain:
                if route.line is None:  # who waits in line may have to go to a successor
                    kept = self.process.kept.get(route.serial, ())
                body, extras, flags = wire.encode(value, kept)
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
                # As `has_room`, without the call.
                if window.messages >= window.limit or (window.messages and window.size + size > WINDOW_BYTES):
                    if kept:
                        body, extras, flags = wire.encode(value)
                        size = len(body) + sum(map(len, extras))
                    if not self._make_room(route, size, when_full):
                        return
                    if (route := self.route(ref)) is None:  # it died while we waited
                        self.count_dead_letters(ref.key, 1)
                        return
                    window = route.window
                window.messages += 1
                window.size += size
            if extras or flags & FRAMES or size >= SMALL or route.local:
                self.deliver(route, TELL, 0, flags, body, extras)
            else:
                self.outbox.tell(route, self.sender, flags, body, size, plain)

    def tell_if_there(self, ref: ActorRef, value: Any) -> None:
        """Send a message that is outside the window and the counts. Nothing happens when nobody is there."""
        with self.lock:
            route = self.route(ref)
            if route is None:
                return
            kept = self.process.kept.get(route.serial, ()) if route.line is None else ()
            body, extras, flags = wire.encode(value, kept)
            if route.line is not None:
                size = len(body) + sum(map(len, extras))
                self.face.put_behind(route, Kind.TELL_IF_THERE, (body, extras, flags, size, False), None)
            else:
                self.deliver(route, Kind.TELL_IF_THERE, 0, flags, body, extras)

    def tell_many(
        self, ref: ActorRef, values: Iterable[Any], when_full: WhenFull | None, exempt: bool
    ) -> None:
        """Send messages as `tell` does, in this order, many of them in one frame."""
        sent = 0
        iterator = wire.in_turn(values)
        more = True
        while more:
            chunk: list[Any] = []
            try:
                chunk.extend(islice(iterator, BATCH_MESSAGES))
            finally:  # what came before the iterable failed goes, as with `tell`
                for parcel in wire.parcels(chunk):
                    try:
                        if isinstance(parcel, Batch):
                            self._tell_batch(ref, parcel, when_full, exempt)
                        else:
                            self.tell(ref, parcel.value, when_full, exempt)
                    except MailboxFullError as error:
                        error.accepted += sent
                        raise
                    sent += len(parcel)
            more = len(chunk) == BATCH_MESSAGES

    def _tell_batch(self, ref: ActorRef, batch: Batch, when_full: WhenFull | None, exempt: bool) -> None:
        """Send a batch, in as many pieces as the window wants.

        Raises: MailboxFullError, which knows how many had gone (or had been dropped).
        """
        done, count = 0, len(batch)
        while done < count:
            with self.lock:
                route = self.route(ref)
                if route is None:
                    self.count_dead_letters(ref.key, count - done)
                    return
                window, part = route.window, batch
                if not exempt and (done or not window.has_room_for(count, batch.size)):
                    part = batch.part(done, done + max(1, WINDOW_MESSAGES - window.messages))
                    if not window.has_room(part.size):
                        part = batch.part(done, done + 1)
                messages = len(part)
                if exempt and route.line is not None:
                    for value, size in zip(part.values, part.sizes, strict=True):
                        self.face.put_behind(route, TELL, (value, (), 0, size, part.joined), None)
                    done += messages
                    continue
                if exempt:
                    window.exempt += messages
                elif window.has_room(part.size):
                    window.messages += messages
                    window.size += part.size
                else:
                    try:
                        if not self._make_room(route, part.size, when_full):
                            done += 1
                    except MailboxFullError as error:
                        error.accepted = done
                        raise
                    continue  # it was dropped, or the window is another now, or the actor has died
                flags, body = part.pack()
                flags |= EXEMPT if exempt else 0
                self.deliver(route, TELL, messages, flags, body, ())
            done += messages

    def deliver(
        self, route: Route, kind: int, corr: int, flags: int, body: Raw, extras: Sequence[Raw]
    ) -> None:
        """Send along a route; a host port hands local messages over without ZeroMQ."""
        self.send(
            route.address,
            kind,
            corr,
            flags=flags,
            target=route.target,
            sender=self.sender,
            body=body,
            extras=extras,
        )

    def _make_room(self, route: Route, size: int, when_full: WhenFull | None) -> bool:
        """Returns: whether the message may go; False means it was dropped and counted."""
        window = route.window
        self.flush()
        self.pump_briefly()
        if route.line is not None:  # it goes behind those, as far as there is room
            self.face.advance(None)
        if window.has_room(size):
            return True
        choice = when_full or DEFAULT_WAIT
        if isinstance(choice, Drop):
            self.count_dead_letters(route.ref.key, 1)
            return False
        if isinstance(choice, Wait) and self.wait_for_room(route, size, choice.timeout):
            return True
        assert isinstance(choice, Wait | Fail), choice
        raise MailboxFullError(route.ref.name, window.messages, window.size)

    def wait_for_room(self, route: Route, size: int, timeout: float | None) -> bool:
        return self.wait(lambda: route.window.has_room(size) or self.table.is_dead(route.serial), timeout)

    def ask(
        self,
        ref: ActorRef,
        value: Any,
        exempt: bool = False,
        kind: int = ASK,
        when_full: WhenFull | None = None,
        until: float | None = None,
        block: bool = True,
    ) -> Future[Any]:
        """Send a message that is answered. A dead actor's future fails with ActorDeadError.

        Args: until, monotonic seconds when waiting for room ends at the latest; block, whether the caller will wait for
            the answer at once.
        """
        future: Future[Any] = Future()
        with self.lock:
            future.port = self
            purpose = Purpose.DUTY if kind == Kind.STOP else self.purpose  # who stops makes room
            try:
                route = self.route(ref, purpose)
                if route is None:  # who asks again and again must get to know that it is back
                    self.check_open()
                    self.pump_briefly()
                    route = self.route(ref, purpose)
            except ActorDeadError as error:
                future.resolve(None, error)
                return future
            if route is None:
                future.resolve(None, ActorDeadError(f"{ref} not found"))
                return future
            kept = self.process.kept.get(route.serial, ()) if route.line is None else ()
            body, extras, flags = wire.encode(value, kept)
            window = route.window
            if exempt or kind != ASK:
                if route.line is not None:
                    size = len(body) + sum(map(len, extras))
                    self.face.put_behind(route, kind, (body, extras, flags, size, False), future)
                    return future
                flags |= EXEMPT
            else:
                size = len(body)
                for frame in extras:
                    size += len(frame)
                if not window.has_room(size):
                    if kept:
                        body, extras, flags = wire.encode(value)
                        size = len(body) + sum(map(len, extras))
                    if not block and when_full is None and until is None and self.face.takes(route):
                        self.face.put_behind(route, kind, (body, extras, flags, size, False), future, False)
                        return future
                    self._make_room(route, size, shorter(when_full, until))
                    if (route := self.route(ref)) is None:
                        future.resolve(None, ActorDeadError(f"{ref} not found"))
                        return future
                    window = route.window
                window.messages += 1
                window.asks += 1
                window.size += size
                future.size = size
            self.expect(future, route.serial, route)
            if extras or route.local or len(body) >= LARGE:
                self.deliver(route, kind, future.corr, flags, body, extras)
            else:
                self.outbox.send_small(
                    route.address, kind, future.corr, flags, route.target, self.sender, body
                )
        return future

    def ask_again(self, ref: ActorRef, message: Encoded, sender: bytes) -> Future[Any]:
        """Ask a successor, for the actor `sender`: outside the window, and before all that waits in line."""
        future: Future[Any] = Future()
        with self.lock:
            future.port = self
            try:
                route = self.route(ref)
            except ActorDeadError as error:
                future.resolve(None, error)
                return future
            if route is None:
                future.resolve(None, ActorDeadError(f"{ref} not found"))
                return future
            self.expect(future, route.serial, route)
            self.send(
                route.address,
                ASK,
                future.corr,
                flags=message.flags | EXEMPT,
                target=route.target,
                sender=sender,
                body=message.body,
                extras=message.extras,
            )
        return future

    def expect(self, future: Future[Any] | Call, serial: int, route: Route | None = None) -> None:
        """An answer to this, which has been sent to such a host or is being so."""
        future.port, future.serial, future.route = self, serial, route
        if future.size < 0:
            self._unbounded[serial] = self._unbounded.get(serial, 0) + 1
        future.corr = next(self._numbers)
        self.pending[future.corr] = future

    def request(self, address: int, kind: int, value: Any = None, *, target: bytes = b"") -> Future[Any]:
        """Ask a host or the root itself, outside all windows."""
        return self.request_raw(address, kind, wire.dumps(value), target=target)

    def request_raw(self, address: int, kind: int, body: bytes, *, target: bytes = b"") -> Future[Any]:
        """As `request`, the value already pickled."""
        future: Future[Any] = Future()
        with self.lock:
            self.check_open()
            serial = serial_of(address)
            if address != ROOT_ADDRESS and self.table.is_dead(serial):
                future.resolve(None, ActorDeadError("the host has ended"))
                return future
            if not self._can_reach(address, kind, future):
                return future
            self.expect(future, serial)
            self.send(address, kind, future.corr, target=target, body=body)
        return future

    def _can_reach(self, address: int, kind: int, future: Future[Any]) -> bool:
        """Whether there is a way; if not, the future fails with the reason."""
        if address != self.address:
            try:
                self.outbox.open(address, Purpose.DUTY if kind in LATE else self.purpose)
            except LimitReachedError as error:
                future.resolve(None, error)
                return False
        return True

    def question(self, future: Future[Any], address: int, kind: int, number: int) -> None:
        """As `request`, about the thing with this number, for a future that is there already."""
        with self.lock:
            future.port = self
            serial = serial_of(address)
            if self.table.is_dead(serial):
                future.resolve(None, ActorDeadError(f"its process has ended ({self.table.reason(serial)})"))
                return
            if not self._can_reach(address, kind, future):
                return
            self.expect(future, serial)
            self.send(address, kind, future.corr, body=NUMBER.pack(number))

    def has_stopped(self, asked: Future[Any]) -> None:
        """An actor has answered that it has stopped; it is not found from now on, though its host may be there yet."""
        if asked.route is not None:
            asked.route.stopped_at = next(self._numbers)

    def watch(self, ref: ActorRef, fn: DownFunction, *, before_hooks: bool = False) -> int:
        """Have `fn(ref, reason)` called once when the actor ends, at once if it is not there. Returns: a number for
        `unwatch`.

        Args: before_hooks, whether to be told before its `on_stop` or `on_failure`, which may take their time.

        Raises: ActorDeadError, when this port is closed.
        """
        with self.lock:
            self.check_open()
            number = next(self._numbers)
            ended = None
            try:
                route = self.route(ref)
            except ForeignRefError as error:
                route, ended = None, DownReason("noproc", str(error))
            if route is None:
                self.watches[number] = (ref, 0, fn)
                # It may have ended between its start and this watch: then the true reason is still known.
                ended = ended or self.table.end_of(ref.serial, ref.name)
                ended = ended or DownReason("noproc", f"{ref} not found")
                self.later(lambda: self._down(number, ended))
                return number
            self.watches[number] = (ref, route.serial, fn)
            body = BEFORE_HOOKS if before_hooks else b""
            self.send(route.address, Kind.WATCH, number, target=route.target, body=body)
            return number

    def unwatch(self, number: int) -> None:
        with self.lock:
            found = self.watches.pop(number, None)
            if found is not None and not self.table.is_dead(found[1]):
                ref, serial, _fn = found
                self.send(serial << THREAD_BITS, Kind.UNWATCH, number, target=ref.name.encode())

    @property
    def following(self) -> int:
        """How many names are followed."""
        return len(self.follows)

    def follow(
        self,
        ref: ActorRef,
        on_up: Callable[[], object],
        on_down: Callable[[DownReason], object],
        *,
        on_close: Callable[[], object] | None = None,
        is_wanted: Callable[[], bool] | None = None,
    ) -> int:
        """Have `on_up()` called whenever an actor of this name is up, `on_down(reason)` when it ends. Returns: a number for
        `unfollow`.

        Args: on_close, called when this port closes; is_wanted, asked now and again whether to go on.

        Raises: ForeignRefError; LimitReachedError; ActorDeadError, when this port is closed.
        """
        with self.lock:
            self.check_open()
            ref.belong_to(self.process.system)
            return self.follows.add(
                Follow(
                    ref.host,
                    ref.name,
                    hint=ref.serial,
                    on_up=on_up,
                    on_down=on_down,
                    on_close=on_close,
                    is_wanted=is_wanted,
                )
            )

    def unfollow(self, number: int) -> None:
        with self.lock:
            self.follows.remove(number)

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        """Call `fn()` after so many seconds, in some thread; then look who has lost interest."""
        main = self.process.main
        if main is not None:

            def call() -> None:
                fn()
                main.port.wake(self.address)

            main.loop.call_threadsafe(None, main.loop.call_later, None, delay, call)

    def later(self, fn: Callable[[], None]) -> None:
        """Run a small step after the current call; a host's port does it in its loop."""
        fn()

    # Receiving

    def pump(self, limit: int = 1000) -> int:
        """Handle what has arrived, without waiting. Returns: how many messages; fewer than `limit` means no
        more.
        """
        with self.lock:
            self.has_skipped = False
            if self.is_unfound:
                self._bind_again()
            handled = self.inbox.drain(limit)
            if self.face.lines:
                self.face.advance()
            return handled

    def pump_briefly(self) -> bool:
        """As `pump`, for a few milliseconds at most. Returns: whether more may be there."""
        more = self.pump_within(PUMP_S)
        if more and self.face.loops:
            self.face.look_again()
        return more

    def pump_within(self, seconds: float) -> bool:
        """The same, for a caller who comes back for the rest."""
        with self.lock:
            if self.is_unfound:
                self._bind_again()
            self.has_skipped = self.inbox.drain_for(seconds)
            more = self.has_skipped
            if self.face.lines:
                more |= self.face.advance(seconds)
        return more

    def wait(self, done: Callable[[], bool], timeout: float | None, *, nested: bool = False) -> bool:
        """Handle messages until `done()`. Returns: False after `timeout` seconds.

        Args: nested, whether it depends on another actor of this host, which is let run at once.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        self.waiting = True
        try:
            while True:
                if self._epoch != self.table.epoch:
                    self.sweep()
                if done():
                    return True
                left = SLICE_S if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    self.pump_briefly()
                    return done()
                if not self.doomed:
                    self.receive_within(left)
        finally:
            self.waiting = False
            if self.face.loops and (self.pending or self.face.lines):
                self.face.look_again()  # we may have taken the only signal of what the asyncio loop waits for

    def wait_for(self, future: Future[Any], timeout: float | None) -> bool:
        return self.wait(lambda: future.done, timeout)

    def receive_within(self, seconds: float) -> None:
        """Handle one message if one comes in that time, or within SLICE_S."""
        self.flush()
        self.has_skipped = True
        try:
            with self.lock:
                self.check_open()
                if self.face.lines and self.face.advance():
                    seconds = 0.0
                if self.is_unfound:
                    self._bind_again()
                if seconds >= SLICE_S:
                    self.inbox.receive()
                elif self.inbox.wait(seconds):
                    self.inbox.receive(zmq.NOBLOCK)
        except zmq.Again:
            pass
        except zmq.ContextTerminated:
            self.close()

    def bind_again(self) -> None:
        """From any thread, when the directory was made again. Who waits here and has the lock does it himself, soon."""
        self.is_unfound = True
        if self.lock.acquire(blocking=False):
            try:
                if not self.closed:
                    self._bind_again()
            finally:
                self.lock.release()

    def _bind_again(self) -> None:
        self.is_unfound = False
        try:
            self.inbox.bind_again()
        except zmq.ZMQError:  # removed once more: it is noticed again
            self.is_unfound = True

    def pump_for(self, future: Future[Any], seconds: float) -> bool:
        """Read on behalf of the owner. Returns: False if the owner is reading itself or its loop will.

        It sleeps without the lock: the owner may want to send meanwhile.
        """
        if not self.lock.acquire(blocking=False):
            return False
        try:
            if self.closed:
                raise ActorDeadError("the actor system has shut down")
            if self._epoch != self.table.epoch:
                self.sweep()
            if not future.done:
                self.flush()
                if self.pump_briefly() or self.doomed:
                    return True
            arrivals = select.poll()
            arrivals.register(self.inbox.fileno(), select.POLLIN)
        except zmq.ContextTerminated:
            self.close()
            return True
        finally:
            self.lock.release()
        if not future.done:
            arrivals.poll(min(seconds, FOREIGN_POLL_S) * 1000)
        return True

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have an asyncio loop read this port: its waiters never block it. Raises: ActorDeadError, when it is closed."""
        self.face.attach(loop)

    def look(self) -> float | None:
        """Settle what deaths have left. Returns: in how many seconds to look again, if that is necessary."""
        if self._epoch != self.table.epoch:
            self.sweep()
            if not self.doomed and self._epoch != self.table.epoch:
                return LOOK_AGAIN_S
        return None

    def never_answered(self, call: Call) -> Exception | None:
        """Why an ask of an actor of this very host can have no answer, if so."""
        del call
        return None

    def run_others(self, seconds: float) -> None:
        """Let the other actors of this host run, for so long; a thread has none."""

    # Handlers: flags, source, correlation, target, sender, body, extras, size

    def _ignore(self, *_: Any) -> None:
        pass

    def _settle(self, corr: int) -> Future[Any] | Call | Abandoned | None:
        future = self.pending.pop(corr, None)
        if future is None:
            return None
        if future.size >= 0:
            assert future.route is not None
            future.route.window.release(1, future.size)
            future.route.window.asks -= 1
        else:
            self._forget_unbounded(future.serial)
        return None if type(future) is Abandoned else future

    def forget(self, corr: int) -> None:
        """Nobody waits for this answer, and it has no place in a window."""
        self._forget_unbounded(self.pending.pop(corr).serial)

    def _forget_unbounded(self, serial: int) -> None:
        left = self._unbounded.pop(serial) - 1
        if left:
            self._unbounded[serial] = left

    def tell_what_is_kept(self, source: int) -> None:
        """Who sends definitions that we keep may leave them out from now on."""
        serial = serial_of(source)
        told = self.process.told.setdefault(serial, set())
        fresh = news - told
        news.clear()
        if fresh and not self.table.is_dead(serial):
            told |= fresh
            self.send(serial << THREAD_BITS, Kind.KEPT, body=definitions.pack_identities(fresh))

    def _on_reply(
        self, flags: int, source: int, corr: int, _t: bytes, _n: bytes, body: Raw, extras: Any, _z: int
    ) -> None:
        future = self._settle(corr)
        if future is None:
            return
        try:
            value = wire.decode(flags, body, extras)
        except Exception as error:
            future.resolve(None, error)
        else:
            if news:
                self.tell_what_is_kept(source)
            future.resolve(value)

    def _on_fail(
        self, _f: int, _s: int, corr: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        if (future := self._settle(corr)) is not None:
            future.resolve(None, wire.decode_failure(body))

    def _on_dead(
        self, _f: int, _s: int, corr: int, target: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        if (future := self._settle(corr)) is not None:
            text = bytes(body).decode() or "not found"
            name = target.decode() if future.route is None else future.route.ref
            future.resolve(None, ActorDeadError(f"{name} {text}"))

    def _on_ack(
        self, _f: int, source: int, _c: int, target: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        route = self.routes.of_receiver(source, target)
        if route is None:
            return
        messages, size, exempt, dead = ACK.unpack(body)
        route.window.release(messages, size)
        route.window.exempt -= exempt
        route.settled += messages + exempt
        route.dead += dead
        if dead:
            self.count_dead_letters(route.ref.key, dead)

    def _on_down(
        self, _f: int, _s: int, corr: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        self._down(corr, wire.decode(0, body, ()))

    def _down(self, number: int, reason: DownReason) -> None:
        found = self.watches.pop(number, None)
        if found is not None:
            ref, _serial, fn = found
            fn(ref, reason)

    def _on_news(
        self, _f: int, source: int, corr: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        self.follows.on_news(serial_of(source), corr, wire.decode(0, body, ()))

    def _on_wake(self, *_: Any) -> None:
        self.follows.look()

    def _on_port_bye(self, _f: int, source: int, *_: Any) -> None:
        self.outbox.forget(source)
        if not source & THREAD_MASK:
            self._departed.add(serial_of(source))
            self._epoch, self._look_at = NEVER, 0.0

    # Deaths

    def sweep(self) -> None:
        """Settle everything that waits for hosts that have died since the last look.

        A host that ended by itself has its last words: what it had sent before is waited for, until its
        PORT_BYE, which comes after all of them, or for LAST_WORDS_S.
        """
        with self.lock:
            if self.doomed:
                self._bury()
                if self.doomed:
                    return
            epoch = self.table.epoch
            if self._swept == epoch and self._epoch == NEVER and time.monotonic() < self._look_at:
                return
            self._epoch = self._swept = epoch
            self.outbox.forget_dead()
            serials: set[int] = set()  # of the dead from whom an answer is due
            ledgers: dict[int, dict[int, tuple[int, int]]] = {}
            for route in self.routes.take_dead(self._is_gone):
                if route.window.tells and (lost := self._lost_on(route, ledgers)):
                    self.count_dead_letters(route.ref.key, lost)
                if route.window.asks:
                    serials.add(route.serial)
            if self.face.lines:
                self.face.reroute()
            serials.update(serial for serial in self._unbounded if self._is_gone(serial))
            if serials:  # else there is nothing to be found among the thousands that others have to answer
                self.doomed.extend(corr for corr, future in self.pending.items() if future.serial in serials)
            for number in [n for n, (_ref, serial, _fn) in self.watches.items() if self._is_gone(serial)]:
                ref, serial, _fn = self.watches[number]
                self._down(number, self.table.reason_of(serial, ref.name))
            self.follows.sweep(self._is_gone)
            if self.doomed:
                self._bury()
            if len(self._departed) > REMEMBERED_GOODBYES:
                self._departed = {serial for serial in self._departed if not self.table.is_silent(serial)}

    def _bury(self) -> None:
        """Give up answers that will not come, for a short time: there may be tens of thousands."""
        end = time.monotonic() + BURY_S
        whose: Route | int | None = None
        text: str | None = None
        while self.doomed:
            entry = self.doomed.popleft()
            if isinstance(entry, Line):
                if self.face.bury_one(entry):
                    self.doomed.appendleft(entry)
            elif (waiting := self.pending.pop(entry, None)) is not None:
                if waiting.size < 0:
                    self._forget_unbounded(waiting.serial)
                if whose != (waiting.route or waiting.serial):
                    whose = waiting.route or waiting.serial
                    name = waiting.route.ref if waiting.route is not None else "host"
                    text = f"{name} ended before it answered ({self.table.reason(waiting.serial)})"
                route = waiting.route
                has_stopped = route is not None and 0 < route.stopped_at < entry
                waiting.resolve(None, ActorDeadError(f"{name} not found" if has_stopped else text))
            if time.monotonic() >= end:
                break
        if self.doomed:
            self._epoch = NEVER
            self.must_look_again = True

    def _lost_on(self, route: Route, ledgers: dict[int, dict[int, tuple[int, int]]]) -> int:
        """How many tells a dead host has not handled: without those that it had no time to acknowledge."""
        entries = ledgers.get(route.serial)
        if entries is None:
            entries = ledgers[route.serial] = ledger.read(self.process.directory, route.serial, self.address)
        settled, dead = entries.get(ledger.name_hash(route.target), (0, 0))
        handled = max(0, settled - route.settled) - max(0, dead - route.dead)
        return max(0, route.window.tells - handled)

    def _is_gone(self, serial: int) -> bool:
        """Whether a host is dead and will say no more. One that still may is looked at again soon."""
        if not serial or not self.table.is_dead(serial):
            return False
        if serial in self._departed or self.table.is_silent(serial):
            return True
        self._epoch, self._look_at = NEVER, time.monotonic() + LOOK_AGAIN_S
        return False

    def count_dead_letters(self, key: str, messages: int) -> None:
        if self.closed:
            self.process.count_late(key, messages)
            return
        self.dead_letters += messages
        hook = self.process.dead_letter_hook
        if hook is not None:
            hook(key, messages)
        if is_debugging():
            logger().debug("dead letter", target=key, messages=messages)

    # The end

    def check_open(self) -> None:
        """Raises: ActorDeadError, when nothing can come or go here any more."""
        if self.closed:
            raise ActorDeadError(self.process.why_over())

    def close(self) -> None:
        """Close the mailbox. May be called by another thread: the lock makes that safe."""
        with self.lock:
            if self.closed:
                return
            self.closed = True
            self.routes.by_key.clear()  # who tells on looks for a way, and meets a closed port
            self.face.lines.extend(entry for entry in self.doomed if isinstance(entry, Line))
            self.doomed.clear()
            waiting = [*self.face.close(), *self.pending.values()]
            self.outbox.close()
            self.inbox.close()
            self.pending.clear()
            self.follows.close()
            for future in waiting:
                if not isinstance(future, Call):
                    future.resolve(None, ActorDeadError("the asking thread or the system has ended"))
            settle_in_their_loops(future for future in waiting if isinstance(future, Call))
        self.process.retire(self)
