"""The mailbox of a loop: what any thread's port does, delivery to the actors of the loop, and waiting inside a handler."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from peerage.actors.runtime.host import deadlock
from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.followers import Followers
from peerage.actors.runtime.host.loop import Loop
from peerage.actors.runtime.host.receipts import Receipts
from peerage.actors.runtime.host.system_messages import SystemMessage, handler
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.batch import batch_size
from peerage.actors.runtime.mail.envelope import BATCH, Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.handled_counts import path_of as handled_path
from peerage.actors.runtime.mail.host_table import LAST_WORDS_S, serial_of
from peerage.actors.runtime.mail.inbox import Handler
from peerage.actors.runtime.mail.losses import NEVER
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.routes import Route

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.calls import Call
    from peerage.actors.runtime.mail.process import Process

TELL = int(Kind.TELL)
HELD_RETRY_S = 0.2  # between two tries to hand over what is held for want of descriptors
NESTED_LIMIT = 16  # blocked handlers on one stack that still let other actors of the host run


class HostPort(Port):
    """Owned by a host's loop."""

    is_read_by_loop = True

    def __init__(
        self,
        process: Process,
        address: int,
        loop: Loop[ActorCell],
        cells: Mapping[bytes, ActorCell],
        host: str,
    ) -> None:
        super().__init__(process.network, address, process)
        self.process = process
        self._loop, self._cells = loop, cells
        path = handled_path(process.directory, serial_of(address))
        self.receipts = Receipts(self, loop, path, cells.__contains__, host)
        self.followers = Followers(self._send_news)
        self.outbox.retry_later = self._retry_later
        self._sweeps_later = False
        own: dict[Kind, Handler] = {
            Kind.TELL: self._on_tell,
            Kind.ASK: functools.partial(self._on_user_message, int(Kind.ASK)),
            Kind.STOP: functools.partial(self._on_user_message, int(Kind.STOP)),
            Kind.TELL_IF_THERE: functools.partial(self._on_user_message, int(Kind.TELL_IF_THERE)),
            Kind.FOLLOW: handler(self._on_follow),
            Kind.UNFOLLOW: handler(self._on_unfollow),
            Kind.PROBE: handler(self._on_probe),
        }
        for kind, handle in own.items():
            self.handlers[kind] = handle

    def make_parts(self) -> None:
        super().make_parts()
        self.losses.on_swept = self._on_swept
        self.reader.on_read_for = self._on_read_for
        self.face.reader.others = self

    @property
    def sender(self) -> bytes:
        stack = self._loop.stack
        return stack[-1].identity if stack else b""

    def _on_swept(self) -> None:
        for known in (self.process.kept, self.process.told):
            for serial in [serial for serial in list(known) if self.table.is_dead(serial)]:
                known.pop(serial, None)
        if self.followers:
            self.followers.forget(lambda address: self.table.is_dead(serial_of(address)))
        if self.losses.unsettled:
            self._loop.call_soon(None, self.losses.sweep)
        elif (
            self.losses.epoch == NEVER and not self._sweeps_later
        ):  # somebody's last words may be on their way
            self._sweeps_later = True
            self._loop.call_later(None, LAST_WORDS_S, self._sweep_again)

    def _sweep_again(self) -> None:
        self._sweeps_later = False
        self.losses.sweep()

    def later(self, fn: Callable[[], None]) -> None:
        self._loop.call_soon(None, fn)

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
        """As a thread's port; what is for this host itself skips ZeroMQ."""
        if address != self.address:
            super().send(
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
            return
        size = len(body)
        for frame in extras:
            size += len(frame)
        source = address if source is None else source
        self.handlers[kind](flags, source, corr, target, sender, body, extras, size)

    def _retry_later(self) -> None:
        self._loop.call_threadsafe(None, self._loop.call_later, None, HELD_RETRY_S, self.outbox.retry)

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        """As a thread's port, in the host's own loop."""

        def call() -> None:
            fn()
            self.follows.look()

        self._loop.call_threadsafe(None, self._loop.call_later, None, delay, call)

    def _send_news(self, address: int, number: int, reason: DownReason | None) -> None:
        """Tell a follower that the actor is up, or why it has ended; one in this host hears of it in the next turn."""
        body = codec.dumps(reason)
        if address == self.address:
            self.later(lambda: self.send(address, Kind.NEWS, number, body=body))
        else:
            self.send(address, Kind.NEWS, number, body=body)

    # Waiting in the middle of a handler

    def wait_for_room(self, route: Route, size: int, timeout: float | None) -> bool:
        # An actor that fills its own mailbox would wait for itself.
        if route.local and any(cell.name == route.target for cell in self._loop.stack):
            return False
        return self._wait(
            lambda: route.window.has_room(size) or self.table.is_dead(route.serial),
            timeout,
            nested=route.local,
        )

    def wait(self, done: Callable[[], bool], timeout: float | None, *, nested: bool = False) -> bool:
        return self._wait(done, timeout, nested=nested)

    def wait_for(self, future: Future[Any], timeout: float | None) -> bool:
        if (error := deadlock.at_once(self._loop.stack, future.asked)) is not None:
            self.abandon(future)
            future.resolve(None, error)
            return True
        cell = self._loop.current
        if cell is None:
            return self._wait(lambda: future.done, timeout, nested=True)
        before, cell.waiting = cell.waiting, future
        try:
            nested = future.asked.route is not None and future.asked.route.local
            if (
                future.asked.number == 0 or future.journey is not None
            ):  # perhaps another actor here will set it
                nested = len(self._cells) > 1
            return self._wait(lambda: future.done, timeout, nested=nested, future=future)
        finally:
            cell.waiting = before

    def _wait(
        self,
        done: Callable[[], bool],
        timeout: float | None,
        *,
        nested: bool,
        future: Future[Any] | None = None,
    ) -> bool:
        """Wait for an answer without losing the host.

        At first only answers and system messages are read: the answer is near. After PROBE_AFTER_S, or at
        once when the answer must come from this very host, the other actors go on, nested in this handler;
        the blocked actor itself does not. Between two of their messages the wait can end; one that is being
        handled, which may wait itself, ends first.
        """
        loop = self._loop
        start = now = time.monotonic()
        probe_at = start + deadlock.PROBE_AFTER_S
        deadline = None if timeout is None else start + timeout
        loop.depth += 1
        try:
            while True:
                if self.losses.epoch != self.table.epoch:
                    self.losses.sweep()
                if done():
                    return True
                if deadline is not None and now >= deadline:
                    self.reader.pump_briefly()
                    return done()
                left = probe_at - now if deadline is None else min(probe_at, deadline) - now
                if (nested or now - start >= deadlock.PROBE_AFTER_S) and loop.depth <= NESTED_LIMIT:
                    loop.turn(max(0.0, left), done, deadline)
                elif not self.losses.unsettled:
                    self.reader.receive_within(max(0.001, left))
                now = time.monotonic()
                if now >= probe_at:
                    probe_at = now + deadlock.PROBE_AFTER_S
                    if future is not None and (cell := loop.current) is not None:
                        deadlock.send_probe(self, cell, future)
        finally:
            loop.depth -= 1

    def _on_read_for(self) -> None:
        """Another thread has read: what has come for actors is left to the loop, which is told."""
        if self._loop.ready:
            self._loop.call_threadsafe(None, _look_around)

    def never_answered(self, call: Call) -> Exception | None:
        return deadlock.at_once(self._loop.stack, call.asked)

    def run_others(self, seconds: float) -> None:
        loop = self._loop
        if loop.stack and loop.depth < NESTED_LIMIT:
            loop.depth += 1
            try:
                loop.turn(0.0, until=time.monotonic() + seconds)
            finally:
                loop.depth -= 1

    def abandon(self, future: Future[Any]) -> None:
        """Give up on an answer."""
        self.asks.settle(future.asked.number)

    # Handlers

    def _on_tell(
        self,
        flags: int,
        source: int,
        corr: int,
        target: bytes,
        sender: bytes,
        body: Raw,
        extras: Sequence[Raw],
        size: int,
    ) -> None:
        cell = self._cells.get(target)
        messages = 1
        if flags & BATCH:
            messages, size = corr, batch_size(body)
        if cell is None:
            self.receipts.dead_on_arrival(source, target, flags, size, messages)
            return
        # As `cell.put`: most messages come by here, and a call costs a tenth of handling one.
        loop, mailbox = self._loop, cell.mailbox
        mailbox.items.append((TELL, flags, source, corr, sender, body, extras, size, loop.now))
        mailbox.size += size
        mailbox.depth += messages
        if not cell.queued and not cell.busy:
            cell.queued = True
            loop.ready.append(cell)

    def _on_user_message(
        self,
        kind: int,
        flags: int,
        source: int,
        corr: int,
        target: bytes,
        sender: bytes,
        body: Raw,
        extras: Sequence[Raw],
        size: int,
    ) -> None:
        cell = self._cells.get(target)
        if cell is not None:
            cell.put((kind, flags, source, corr, sender, body, extras, size, self._loop.now))
        elif corr:
            self.send(source, Kind.DEAD, corr, target=target, body=b"not found")

    def _on_follow(self, message: SystemMessage) -> None:
        cell = self._cells.get(message.target)
        follower = message.source, message.correlation
        self.followers.add(message.target, follower, is_up=cell is not None and cell.is_up)

    def _on_unfollow(self, message: SystemMessage) -> None:
        self.followers.remove(message.target, (message.source, message.correlation))

    def _on_port_bye(self, flags: int, source: int, *rest: Any) -> None:
        super()._on_port_bye(flags, source, *rest)
        self.followers.forget(lambda address: address == source)

    def _on_probe(self, message: SystemMessage) -> None:
        deadlock.on_probe(self._loop.stack, self, message.target, message.body)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


def _look_around() -> None:
    """A call that wakes the loop: it has something to do."""
