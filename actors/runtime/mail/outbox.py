"""The sending half of a thread's mailbox: messages leave here, along the ways of the process.

Tells that follow each other closely travel together: handing a message to ZeroMQ and taking it out again costs more
than everything else about a small one. The first goes at once, so that a single tell is not delayed. Those that follow
within `CLOSE_S` are gathered until one of these happens: there are `BATCH_MESSAGES` of them; something else is sent to the
same place; the thread, or its loop, is about to wait; the `Flusher` ticks. Order is kept for each destination.

When there is no file descriptor for a way, what a user sends is refused (by `open`, before anything is counted as sent).
What the runtime owes, answers and news of ends, may use more of the reserve. Where even that is short, it is held until
there is room again.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import zmq

from peerage.actors.runtime.errors import LimitReachedError
from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail.batch import BATCH_BYTES, BATCH_MESSAGES, Batch
from peerage.actors.runtime.mail.envelope import BODY_APART, EXEMPT, HEADER, LARGE_FRAMES, SHARED, Kind
from peerage.actors.runtime.mail.host_table import serial_of
from peerage.actors.runtime.mail.memory import LARGE, Raw, as_frame
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.routes import Route
from peerage.actors.runtime.mail.ways import PATIENCE_S, Way, goodbye

Message = tuple[list[Any], bool]  # its frames, and whether ZeroMQ is to copy them
HELD_MESSAGES = 10_000  # for one address; further ones are lost, and counted as dead letters
CLOSE_S = 0.0001  # seconds between two tells for which gathering pays

# The method below pyzmq's Python layer, which costs a tenth of sending (tests/bench/runtime_messages.py).
send_bytes = zmq.backend.Socket.send
SNDMORE = int(zmq.SNDMORE)


class Gathered(Batch):
    """Tells of one sender to one actor, to be handed over together.

    Their `sizes` are not kept, only the sum: nobody takes a part of this batch.

    Attributes: route, to the actor; sender, the identity of the actor that tells; flags, which all of them have.
    """

    __slots__ = ("flags", "route", "sender")

    def __init__(self, route: Route, sender: bytes, flags: int, joined: bool, value: Any, size: int) -> None:
        super().__init__(joined, [value], [size])
        self.route, self.sender, self.flags = route, sender, flags


def _alone(route: Route, flags: int, value: Any, size: int) -> bytes:
    """Pickle a plain value that goes alone.

    The window has counted the value's own size; it must count the pickle's, which the receiver sees and acknowledges.
    """
    body = pickle.dumps(value, 5)
    if not flags & EXEMPT:
        route.window.size += len(body) - size
    return body


class Outbox:
    """Sends without ever blocking: ZeroMQ's high-water marks are off, since windows bound what is under way.

    The port's lock guards it, because the flusher's thread hands over what the port's own thread has gathered and left. A
    thread that waits for messages holds that lock, but has gathered nothing then.

    Args: address, of the port: the source of its messages; lock, the port's.

    Attributes:
        gathered: tells that wait for others to go with, by destination.
        retry_later: has `retry` called after a while. Only a loop can do that; None in other threads.
    """

    def __init__(self, network: Network, address: int, lock: threading.RLock) -> None:
        self._network, self._address, self._lock = network, address, lock
        self._key = network.key  # a copy: every message begins with it
        # To every address that anything was sent to. The process has them as well; without this copy each message would
        # take the lock that all threads share. Each of these addresses gets a goodbye.
        self._ways: dict[int, Way] = {}
        # Addresses with a way back to us, though we have sent nothing there: hosts that this thread has started.
        self._answered_by: set[int] = set()
        self._held: dict[int, list[Message]] = {}
        self.retry_later: Callable[[], None] | None = None
        self._closed = False
        self.gathered: dict[int, Gathered] = {}
        self._told_at = 0.0

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
        """Hand one message to ZeroMQ. One for a dead process or thread is dropped: `Losses` settles what it was.

        Args:
            address: of the receiving mailbox.
            kind: a `Kind`.
            corr: the correlation, which is up to the kind.
            flags: of the envelope; those that tell how the frames are to be read are added here.
            target: the name of the actor that it is for.
            sender: the identity of the actor that sends it.
            body: of the message; it becomes a frame of its own from LARGE on.
            extras: the frames behind it.
            source: the address that an answer is sent to, if it is not this port.
        Raises: LimitReachedError, in a thread without a loop, when there is no descriptor for a way.
        """
        source = self._address if source is None else source
        with self._lock:
            if address in self.gathered:  # it must not overtake these
                self._hand_over(address)
            if not extras and len(body) < LARGE:
                header = HEADER.pack(self._key, kind, flags, 0, source, corr, len(target), len(sender))
                self._send_frame(address, header + target + sender + body)
                return
            if len(body) >= LARGE:
                extras, body, flags = [body, *extras], b"", flags | BODY_APART
            (body, extras, slots), is_shared = self._network.memory.place(address, body, extras)
            if is_shared:
                flags |= SHARED
            if any(len(frame) >= LARGE for frame in extras):
                flags |= LARGE_FRAMES
            header = HEADER.pack(self._key, kind, flags, len(extras), source, corr, len(target), len(sender))
            frames = [header + target + sender + body, *map(as_frame, extras)]
            is_sent = False
            try:
                is_sent = self._send_frames(address, (frames, not flags & LARGE_FRAMES))
            finally:
                if not is_sent:
                    self._network.memory.cancel(slots)

    def send_small(
        self, address: int, kind: int, corr: int, flags: int, target: bytes, sender: bytes, body: Raw
    ) -> None:
        """As `send`, for a small body without frames of its own, from this port.

        For asks and answers, for which the keyword arguments of `send` cost too much.
        """
        with self._lock:
            if address in self.gathered:
                self._hand_over(address)
            header = HEADER.pack(self._key, kind, flags, 0, self._address, corr, len(target), len(sender))
            self._send_frame(address, header + target + sender + body)

    def tell(self, route: Route, sender: bytes, flags: int, value: Any, size: int, plain: bool) -> None:
        """Send one small tell of `size` bytes, together with others that follow closely. The caller holds the lock.

        Args: value, a plain value, which cannot change and is pickled only when it goes, or a pickle; plain, which of these.
        """
        address = route.address
        gathered = self.gathered.get(address)
        if gathered is not None:
            if (
                gathered.route is route
                and gathered.flags == flags
                and gathered.sender == sender
                and gathered.joined is plain
            ):
                # As `Batch.add`, without the call, and without a look at the clock: see `_hand_over`.
                values = gathered.values
                values.append(value)
                gathered.size += size
                if len(values) >= BATCH_MESSAGES or gathered.size >= BATCH_BYTES:
                    self._hand_over(address)
                return
            self._hand_over(address)
        now = monotonic()
        close, self._told_at = now - self._told_at < CLOSE_S, now
        if close:
            self.gathered[address] = Gathered(route, sender, flags, plain, value, size)
            self._network.flusher.watch(self)
        else:
            body = _alone(route, flags, value, size) if plain else value
            self._send_frame(address, route.tell_prefix(sender, flags) + body)

    def flush(self) -> None:
        """Hand over all that is gathered. From any thread."""
        # The usual case of a thread that is about to wait: the lock is not worth taking.
        if not self.gathered:
            return
        with self._lock:
            for address in list(self.gathered):
                self._hand_over(address)

    def _hand_over(self, address: int) -> None:
        """Send what is gathered for an address, as one message. The caller holds the lock."""
        if (gathered := self.gathered.pop(address, None)) is None:
            return  # a signal's handler, which may come in the middle of anything, has sent something there
        # Tells that join others do not look at the clock. The last of them may just have come: the next one is close, too.
        self._told_at = monotonic()
        route, sender, values = gathered.route, gathered.sender, gathered.values
        if len(values) == 1:
            body = values[0]
            if gathered.joined:
                body = _alone(route, gathered.flags, body, gathered.size)
            self._send_frame(address, route.tell_prefix(sender, gathered.flags) + body)
            return
        flags, body = gathered.pack()
        flags |= gathered.flags
        header = HEADER.pack(
            self._key, Kind.TELL, flags, 0, self._address, len(values), len(route.target), len(sender)
        )
        self._send_frame(address, header + route.target + sender + body)

    def _send_frame(self, address: int, frame: bytes) -> None:
        """Hand over a message that is one small frame, header and all."""
        way = self._ways.get(address) or self._find(address, ([frame], True))
        if way is None:
            return
        if not way.lock.acquire(False):
            way = self._enter(address, way)
        try:
            if way.push is not None:
                send_bytes(way.push, frame)
                return
        except zmq.ContextTerminated:  # the system is ending, and the receiver with it
            return
        finally:
            way.lock.release()
        # Another thread has closed it, or a signal's handler comes in the middle of a message. Look for a new way,
        # or find that nobody reads there.
        self._ways.pop(address, None)
        self._send_frame(address, frame)

    def _enter(self, address: int, way: Way) -> Way:
        """Take the lock of a way. If its holder does not let go of it, that of another one, which takes its place."""
        # Tried without a timeout first, because a timeout costs more than the lock itself.
        while not (way.lock.acquire(False) or way.lock.acquire(True, PATIENCE_S)):
            way = self._ways[address] = self._network.ways.another(address)
        return way

    def _send_frames(self, address: int, message: Message) -> bool:
        """Hand over a message of one or more frames. Returns: False, when nobody reads there."""
        way = self._ways.get(address) or self._find(address, message)
        if way is not None and not self._pass(address, way, message):
            self._ways.pop(address, None)
            return self._send_frames(address, message)
        return way is not None or address in self._held

    def _pass(self, address: int, way: Way, message: Message) -> bool:
        """Returns: False, if the way is closed, or in the middle of another message."""
        frames, copy = message
        way = self._enter(address, way)
        try:
            if (push := way.take()) is None:
                return False
            try:
                if copy:  # small ones: as with one frame, pyzmq's Python layer costs more than they do
                    for frame in frames[:-1]:
                        send_bytes(push, frame, SNDMORE)
                    send_bytes(push, frames[-1])
                else:
                    push.send_multipart(frames, copy=False)
            except zmq.ContextTerminated:  # the system is ending, and the receiver with it
                pass
            except zmq.ZMQError:
                if way.taken is not None:  # otherwise a signal's handler has closed it
                    raise
            # What the handler has sent has gone beside. We do not go there: our own messages stay in order.
            if way.give_back():
                self._ways[address] = way
            return True
        finally:
            way.lock.release()

    # Ways

    def open(self, address: int, purpose: Purpose) -> None:
        """Make sure that there is a way to an address, before a user's message is counted as sent.

        The way is not used yet: an address that nothing is sent to gets no goodbye.

        Raises: LimitReachedError, when there is no descriptor for one.
        """
        if address not in self._ways:
            self._network.ways.open(address, purpose, is_answered=address in self._answered_by)

    def destinations(self) -> list[int]:
        """The addresses that something was sent to. From any thread."""
        return list(self._ways)

    def is_answered_by(self, address: int) -> None:
        """Somebody there has a way back to us, so that no descriptor is needed for one when we first send there."""
        self._answered_by.add(address)

    def _find(self, address: int, message: Message | None) -> Way | None:
        """Look up the way for a first message, or for the first one after another thread has closed the way.

        Its purpose is DUTY, which may use most of the reserve: what a user sends has been through `open` already.

        Returns: None, when nobody reads there, or when the message is held.
        Raises: LimitReachedError, when there is no descriptor and nobody to try again later.
        """
        if self._closed:
            return None
        try:
            way = self._network.ways.open(address, Purpose.DUTY)
        except LimitReachedError as error:
            self._hold(address, message, error)
            return None
        held = self._held.pop(address, [])  # if nobody reads there, these are lost with their receiver
        if way is not None:
            self._ways[address] = way
            for each in held:
                self._pass(address, way, each)
        return way

    def _hold(self, address: int, message: Message | None, error: LimitReachedError) -> None:
        """Keep a message until there is a descriptor for its way; None to keep those that are held already.

        Raises: the error, when nobody can try again later.
        """
        if self.retry_later is None:
            raise error
        if address not in self._held:
            logger().error("messages are held", receiver=error.what, cause=error.limit)
            if not self._held:
                self.retry_later()
        held = self._held.setdefault(address, [])
        if message is None:
            return
        if len(held) < HELD_MESSAGES:
            held.append(message)
        else:
            self._network.dead_letters.add(1)

    def retry(self) -> None:
        """Hand over the messages that are held, as far as there are descriptors for them now."""
        with self._lock:
            held, self._held = self._held, {}
            for address, messages in held.items():
                self._held[address] = messages  # `_find` sends them or leaves them
                self._find(address, None)
                if address not in self._held:
                    logger().info("messages are held no longer", receiver=serial_of(address))
            if self._held and self.retry_later is not None:
                self.retry_later()

    def forget(self, address: int) -> None:
        """Close the way to an address where nobody reads any more, and drop what is kept for it."""
        with self._lock:
            self.gathered.pop(address, None)  # as lost as what is under way: the window has counted it
            self._held.pop(address, None)
            self._ways.pop(address, None)
            self._answered_by.discard(address)
            self._network.ways.forget(address)
            self._network.memory.forget(address)

    def forget_dead(self) -> None:
        """Close the ways to all hosts that have died, and drop what is held for them."""
        with self._lock:
            is_dead = self._network.table.is_dead
            known = {*self._ways, *self._held, *self._answered_by}
            for address in [a for a in known if is_dead(serial_of(a))]:
                self.forget(address)

    def close(self) -> None:
        """Say goodbye to everybody, behind all that was sent. That is still delivered: the ways belong to the process.

        Whoever reads the goodbye closes its way back, and knows that it has read all that came from here. Those that have
        gone need none, and at the end of the system nobody is left to hear one.
        """
        with self._lock:
            if not self._network.closed:
                self.flush()
            self.gathered.clear()
            self._network.flusher.forget(self)
            self._closed = True
            for messages in self._held.values():
                self._network.dead_letters.add(len(messages))
            for address, way in self._ways.items():
                if self._network.is_gone(address):
                    continue
                self._network.last_sent_to.add(address)
                if not self._network.closed:
                    with contextlib.suppress(zmq.ZMQError, LimitReachedError):
                        self._pass(address, way, ([goodbye(self._key, self._address)], True))
            self._ways.clear()
