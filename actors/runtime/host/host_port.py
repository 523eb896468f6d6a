"""The mailbox of a host: what a thread's port does, and delivery to the actors inside."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from peerage.actors.runtime.host import deadlock
from peerage.actors.runtime.host.stopping import Stop
from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.definitions import unpack_identities
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import LAST_WORDS_S, HostFacts, serial_of
from peerage.actors.runtime.mail.inbox import Handler
from peerage.actors.runtime.mail.message import Kind, Raw
from peerage.actors.runtime.mail.port import BEFORE_HOOKS, NEVER, NUMBER, Port
from peerage.actors.runtime.mail.request import Request, answering
from peerage.actors.runtime.mail.routes import Route

if TYPE_CHECKING:
    from peerage.actors.runtime.host.host import Host
    from peerage.actors.runtime.mail.async_face import Call

TELL, IF_THERE = int(Kind.TELL), int(Kind.TELL_IF_THERE)
HELD_RETRY_S = 0.2  # between two tries to hand over what is held for want of descriptors
NESTED_LIMIT = 16  # blocked handlers on one stack that still let other actors of the host run


class HostPort(Port):
    """Owned by a host's loop."""

    is_read_by_loop = True

    def __init__(self, host: Host, address: int) -> None:
        super().__init__(host.process, address)
        self.host, self.loop = host, host.loop
        self._sweeps_later = False
        self.outbox.retry_later = self._retry_later
        own: dict[Kind, Handler] = {
            Kind.TELL: self._on_tell,
            Kind.ASK: functools.partial(self._on_user_message, int(Kind.ASK)),
            Kind.STOP: functools.partial(self._on_user_message, int(Kind.STOP)),
            Kind.TELL_IF_THERE: self._on_tell_if_there,
            Kind.FOLLOW: self._on_follow,
            Kind.UNFOLLOW: self._on_unfollow,
            Kind.WATCH: self._on_watch,
            Kind.UNWATCH: self._on_unwatch,
            Kind.QUERY: answering(self, self._on_query),
            Kind.PROBE: self._on_probe,
            Kind.START: answering(self, self._on_start),
            Kind.HOST_STOP: self._on_host_stop,
            Kind.SYSTEM_ENDS: self._on_system_ends,
            Kind.HOST_UP: self._on_host_up,
            Kind.HOST_DOWN: self._on_host_down,
            Kind.KEPT: self._on_kept,
            Kind.READ: self._on_read,
            Kind.SET: functools.partial(self._on_set, int(Kind.REPLY)),
            Kind.SET_FAILED: functools.partial(self._on_set, int(Kind.FAIL)),
        }
        for kind, handler in own.items():
            self.handlers[kind] = handler

    @property
    def sender(self) -> bytes:
        stack = self.loop.stack
        return stack[-1].identity if stack else b""

    def sweep(self) -> None:
        super().sweep()
        for known in (self.process.kept, self.process.told):
            for serial in [serial for serial in list(known) if self.table.is_dead(serial)]:
                known.pop(serial, None)
        if self.host.followers:
            self.host.followers.forget(lambda address: self.table.is_dead(serial_of(address)))
        if self.doomed:
            self.loop.call_soon(None, self.sweep)
        elif self._epoch == NEVER and not self._sweeps_later:  # somebody's last words may be on their way
            self._sweeps_later = True
            self.loop.call_later(None, LAST_WORDS_S, self._sweep_again)

    def _sweep_again(self) -> None:
        self._sweeps_later = False
        self.sweep()

    # What the loop reads

    def fileno(self) -> int:
        """The descriptor that signals messages: see `Inbox.fileno`."""
        return self.inbox.fileno()

    def signal(self) -> None:
        """That descriptor is readable."""
        self.inbox.signal()

    def has_arrivals(self) -> bool:
        """Whether messages are there that nobody has read."""
        return self.inbox.has_arrivals()

    def later(self, fn: Callable[[], None]) -> None:
        self.loop.call_soon(None, fn)

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
        self.loop.call_threadsafe(None, self.loop.call_later, None, HELD_RETRY_S, self.outbox.retry)

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        """As a thread's port, in the host's own loop."""

        def call() -> None:
            fn()
            self.follows.look()

        self.loop.call_threadsafe(None, self.loop.call_later, None, delay, call)

    def send_news(self, address: int, number: int, reason: DownReason | None) -> None:
        """Tell a follower that the actor is up, or why it has ended; one in this host hears of it in the next turn."""
        body = wire.dumps(reason)
        if address == self.address:
            self.later(lambda: self.send(address, Kind.NEWS, number, body=body))
        else:
            self.send(address, Kind.NEWS, number, body=body)

    # Waiting in the middle of a handler

    def wait_for_room(self, route: Route, size: int, timeout: float | None) -> bool:
        # An actor that fills its own mailbox would wait for itself.
        if route.local and any(cell.name == route.target for cell in self.loop.stack):
            return False
        return self._wait(
            lambda: route.window.has_room(size) or self.table.is_dead(route.serial),
            timeout,
            nested=route.local,
        )

    def wait(self, done: Callable[[], bool], timeout: float | None, *, nested: bool = False) -> bool:
        return self._wait(done, timeout, nested=nested)

    def wait_for(self, future: Future[Any], timeout: float | None) -> bool:
        if (error := deadlock.at_once(self.host, future)) is not None:
            self.abandon(future)
            future.resolve(None, error)
            return True
        cell = self.host.cell
        if cell is None:
            return self._wait(lambda: future.done, timeout, nested=True)
        before, cell.waiting = cell.waiting, future
        try:
            nested = future.route is not None and future.route.local
            if future.corr == 0 or future.journey is not None:  # perhaps another actor here will set it
                nested = len(self.host.cells) > 1
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
        host, loop = self.host, self.loop
        start = now = time.monotonic()
        probe_at = start + deadlock.PROBE_AFTER_S
        deadline = None if timeout is None else start + timeout
        loop.depth += 1
        try:
            while True:
                if self._epoch != self.table.epoch:
                    self.sweep()
                if done():
                    return True
                if deadline is not None and now >= deadline:
                    self.pump_briefly()
                    return done()
                left = probe_at - now if deadline is None else min(probe_at, deadline) - now
                if (nested or now - start >= deadlock.PROBE_AFTER_S) and loop.depth <= NESTED_LIMIT:
                    loop.turn(max(0.0, left), done, deadline)
                elif not self.doomed:
                    self.receive_within(max(0.001, left))
                now = time.monotonic()
                if now >= probe_at:
                    probe_at = now + deadlock.PROBE_AFTER_S
                    if future is not None and host.cell is not None:
                        deadlock.send_probe(host, host.cell, future)
        finally:
            loop.depth -= 1

    def pump_for(self, future: Future[Any], seconds: float) -> bool:
        """As a thread's port; what has come for actors meanwhile is left to the loop, which is told."""
        has_read = super().pump_for(future, seconds)
        if has_read and self.loop.ready:
            self.loop.call_threadsafe(None, _look_around)
        return has_read

    def never_answered(self, call: Call) -> Exception | None:
        return deadlock.at_once(self.host, call)

    def run_others(self, seconds: float) -> None:
        loop = self.loop
        if loop.stack and loop.depth < NESTED_LIMIT:
            loop.depth += 1
            try:
                loop.turn(0.0, until=time.monotonic() + seconds)
            finally:
                loop.depth -= 1

    def abandon(self, future: Future[Any]) -> None:
        """Give up on an answer."""
        self._settle(future.corr)

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
        host = self.host
        cell = host.cells.get(target)
        messages = 1
        if flags & wire.BATCH:
            messages, size = corr, wire.batch_size(body)
        if cell is None:
            host.dead_on_arrival(source, target, flags, size, messages)
            return
        # As `cell.put`: most messages come by here, and a call costs a tenth of handling one.
        cell.mailbox.append((TELL, flags, source, corr, sender, body, extras, size, self.loop.now))
        cell.mailbox_size += size
        cell.depth += messages
        if not cell.queued and not cell.busy:
            cell.queued = True
            self.loop.ready.append(cell)

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
        host = self.host
        cell = host.cells.get(target)
        if cell is not None:
            cell.put((kind, flags, source, corr, sender, body, extras, size, self.loop.now))
        elif corr:
            self.send(source, Kind.DEAD, corr, target=target, body=b"not found")

    def _on_tell_if_there(
        self,
        flags: int,
        source: int,
        _corr: int,
        target: bytes,
        sender: bytes,
        body: Raw,
        extras: Sequence[Raw],
        size: int,
    ) -> None:
        cell = self.host.cells.get(target)
        if cell is not None:
            cell.put((IF_THERE, flags, source, 0, sender, body, extras, size, self.loop.now))

    def _on_follow(self, _f: int, source: int, corr: int, target: bytes, *_: Any) -> None:
        cell = self.host.cells.get(target)
        self.host.followers.add(target, (source, corr), is_up=cell is not None and cell.is_up)

    def _on_unfollow(self, _f: int, source: int, corr: int, target: bytes, *_: Any) -> None:
        self.host.followers.remove(target, (source, corr))

    def _on_port_bye(self, flags: int, source: int, *rest: Any) -> None:
        super()._on_port_bye(flags, source, *rest)
        self.host.followers.forget(lambda address: address == source)

    def _on_watch(
        self, _f: int, source: int, corr: int, target: bytes, _n: bytes, body: Raw, *_: Any
    ) -> None:
        cell = self.host.cells.get(target)
        if cell is not None:
            if body == BEFORE_HOOKS:
                cell.watch_early((source, corr))
            else:
                cell.watchers.add((source, corr))
        else:
            # A watch may cross its actor's end on the way: then the true reason is still known.
            reason = self.host.last_reasons.get(target) or DownReason(
                "noproc", f"{target.decode()} not found"
            )
            self.send(source, Kind.DOWN, corr, body=wire.dumps(reason))

    def _on_unwatch(self, _f: int, source: int, corr: int, target: bytes, *_: Any) -> None:
        if (cell := self.host.cells.get(target)) is not None:
            cell.watchers.discard((source, corr))
            cell.early_watchers.discard((source, corr))

    def _on_query(self, asker: Request, target: bytes, body: Raw) -> None:
        question = wire.decode(0, body, ())
        answer: Any = target in self.host.cells
        if question == "pid":
            answer = self.host.pid
        elif question == "actors":
            answer = self.host.statistics()
        elif question == "dead_letters":
            answer = self.process.dead_letters
        asker.answer(answer)

    def _on_probe(self, _f: int, _s: int, _c: int, target: bytes, _n: bytes, body: Raw, *_: Any) -> None:
        deadlock.on_probe(self.host, target, body)

    def _on_read(self, _f: int, source: int, corr: int, _t: bytes, _n: bytes, body: Raw, *_: Any) -> None:
        self.process.promises.on_read(self.host, source, corr, NUMBER.unpack(body)[0])

    def _on_set(
        self, kind: int, _f: int, _s: int, corr: int, _t: bytes, _n: bytes, body: Raw, *_: Any
    ) -> None:
        self.process.promises.on_set(self, kind, corr, body)

    def _on_start(self, asker: Request, _target: bytes, body: Raw) -> None:
        self.loop.call_soon(None, self.host.start_from, asker, body)

    def _on_kept(
        self, _f: int, source: int, _c: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        kept = self.process.kept.setdefault(serial_of(source), set())
        if isinstance(kept, set):
            kept |= unpack_identities(body)

    def _on_host_stop(
        self, _f: int, _s: int, _c: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        self.host.shutdown(*(wire.decode(0, body, ()) or Stop()))

    def _on_system_ends(self, *_: Any) -> None:
        self.host.system_ends = True

    def _on_host_up(
        self, _f: int, _s: int, _c: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        facts, booting = wire.decode(0, body, ())
        self.table.up(HostFacts(*facts), booting)
        self.follows.look()
        if self.process.main is self.host:
            self.process.wake_followers()

    def _on_host_down(
        self, _f: int, _s: int, _c: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        serial, reason, booting, gracefully, ended = wire.decode(0, body, ())
        self.table.down(serial, reason, booting, gracefully=gracefully, ended=ended)
        self.sweep()
        if self.process.main is self.host:
            self.process.wake_clients()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


def _look_around() -> None:
    """A call that wakes the loop: it has something to do."""
