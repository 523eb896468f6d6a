"""The mailbox of a loop: what any thread's port does, delivery to the actors of the loop, and waiting inside a handler.

Three things set it apart from the port of a thread (`mail/port.py`). It is read all the time, and not only while its thread
waits for something. What one of its actors sends to another one skips ZeroMQ. And its thread must not simply sleep while a
handler waits: the answer may have to come from another actor of the same loop, or never comes, because the ask goes round in
a cycle.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from peerage.actors.runtime.host import deadlock
from peerage.actors.runtime.host.callers import Callers
from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.followers import Followers
from peerage.actors.runtime.host.limited_asks import LimitedAsks
from peerage.actors.runtime.host.loop import NESTED_LIMIT, Loop
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
from peerage.actors.runtime.mail.loop_reader import is_guest
from peerage.actors.runtime.mail.losses import LOOK_AGAIN_S, NEVER
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.routes import Route

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.calls import Call
    from peerage.actors.runtime.mail.process import Process

TELL = int(Kind.TELL)
HELD_RETRY_S = 0.2  # between two tries to hand over what is held for want of descriptors


class HostPort(Port):
    """Owned by a host's loop.

    Attributes: receipts, what the host owes to those who tell its actors something; followers, who follows their names;
    callers, whose end is to be heard of.

    Args: address, of the mailbox, `serial << 20` for a loop; cells, the actors of the loop, by name: a live view, which the
        host keeps; host, its name, for the log.
    Raises: LimitReachedError, when there is no descriptor for a mailbox.
    """

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
        # Named by the serial alone: whoever has sent here can find the file when this process has been killed.
        path = handled_path(process.directory, serial_of(address))
        self.receipts = Receipts(self, loop, path, cells.__contains__, host)
        self.followers = Followers(self._send_news)
        self.callers = Callers()
        self._limited = LimitedAsks(cells, self._on_user_message)
        # Other threads have no loop that could try again, and get the error.
        self.outbox.retry_later = self._retry_later
        self._sweeps_later = False
        # Four kinds that are for actors take their arguments one by one: they are the hot path. The others come as a value.
        own: dict[Kind, Handler] = {
            Kind.TELL: self._on_tell,
            Kind.ASK: functools.partial(self._on_user_message, int(Kind.ASK)),
            Kind.STOP: functools.partial(self._on_user_message, int(Kind.STOP)),
            Kind.TELL_IF_THERE: functools.partial(self._on_user_message, int(Kind.TELL_IF_THERE)),
            Kind.ASK_UNTIL: self._limited.on_ask_until,
            Kind.CANCEL: handler(self._limited.on_cancel),
            Kind.FOLLOW: handler(self._on_follow),
            Kind.UNFOLLOW: handler(self._on_unfollow),
            Kind.PROBE: handler(self._on_probe),
        }
        for kind, handle in own.items():
            self.handlers[kind] = handle

    def make_parts(self) -> None:
        """As a port's. Called again in a forked child, whose parts are new and need to be wired in the same way."""
        super().make_parts()
        self.losses.on_swept = self._on_swept
        self.reader.on_read_for = self._on_read_for
        self.face.reader.others = self

    @property
    def sender(self) -> bytes:
        """The identity of the actor on top of the stack, which is the one whose code is running; empty between actors."""
        stack = self._loop.stack
        return stack[-1].identity if stack else b""

    def _on_swept(self) -> None:
        """Hosts have died, and the port has settled what it could: let go of the rest, and see to it that it looks again.

        A thread that waits wakes up every few moments anyway. An idle loop sleeps until something wakes it.
        """
        # A serial never comes again: what dead hosts knew of our definitions is of no use.
        for known in (self.process.kept, self.process.told):
            for serial in [serial for serial in list(known) if self.table.is_dead(serial)]:
                known.pop(serial, None)
        # Those of a process that was killed have not said goodbye.
        if self.followers:
            self.followers.forget(lambda address: self.table.is_dead(serial_of(address)))
        if self.callers:
            self.callers.forget(lambda address: self.table.is_dead(serial_of(address)))
        self._limited.lose(lambda address: self.table.is_dead(serial_of(address)))
        # Thousands of asks were lost at once: go on in the next turn, others are waiting.
        if self.losses.unsettled:
            self._loop.call_soon(None, self.losses.sweep)
        # Somebody's last words may be on their way.
        elif self.losses.epoch == NEVER and not self._sweeps_later:
            # One timer is enough: at the latest when it fires, nothing more can come from those that are dead now.
            self._sweeps_later = True
            delay = LOOK_AGAIN_S if self.losses.is_reading_up else LAST_WORDS_S
            self._loop.call_later(None, delay, self._sweep_again)

    def _sweep_again(self) -> None:
        # `sweep` may find new deaths, and have this called once more.
        self._sweeps_later = False
        self.reader.pump()
        self.losses.sweep()

    def later(self, fn: Callable[[], None]) -> None:
        """As a port's, in the loop's next turn: what is called back must not run within the call that asked for it."""
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
        """As a thread's port; what is for this host itself skips ZeroMQ.

        Its handler is called right here, within whatever handler is sending. That is safe for messages to actors, which are
        only put into a mailbox. An answer resolves its future before this returns.
        """
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
        # The size counts in the window, as that of a message that has travelled does.
        size = len(body)
        for frame in extras:
            size += len(frame)
        source = address if source is None else source
        self.handlers[kind](flags, source, corr, target, sender, body, extras, size)

    def _retry_later(self) -> None:
        # The flusher's thread may have found that there is no descriptor, and timers belong to the loop's thread.
        self._loop.call_threadsafe(None, self._loop.call_later, None, HELD_RETRY_S, self.outbox.retry)

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        """As a thread's port, in the host's own loop. From any thread."""

        def call() -> None:
            fn()
            self.follows.look()  # a name may not be wanted any more: the patience of an ask is over, say

        self._loop.call_threadsafe(None, self._loop.call_later, None, delay, call)

    def _send_news(self, address: int, number: int, reason: DownReason | None) -> None:
        """Tell a follower that the actor is up, or why it has ended; one in this host hears of it in the next turn.

        Sent at once, the news would come before the call that began to follow has returned, and its port would not know the
        number yet.
        """
        body = codec.dumps(reason)
        if address == self.address:
            self.later(lambda: self.send(address, Kind.NEWS, number, body=body))
        else:
            self.send(address, Kind.NEWS, number, body=body)

    # Waiting in the middle of a handler

    def wait_for_room(self, route: Route, size: int, timeout: float | None) -> bool:
        """As a thread's port. To an actor on the stack there never is any: it cannot go on before this handler returns."""
        # This includes the actor that runs now, which fills its own mailbox.
        if route.local and any(cell.name == route.target for cell in self._loop.stack):
            return False
        return self._wait(
            lambda: route.window.has_room(size) or self.table.is_dead(route.serial),
            timeout,
            nested=route.local,
        )

    def wait(self, done: Callable[[], bool], timeout: float | None, *, nested: bool = False) -> bool:
        """As a thread's port. Args: nested, whether `done` depends on another actor of this host."""
        return self._wait(done, timeout, nested=nested)

    def wait_for(self, future: Future[Any], timeout: float | None) -> bool:
        """As a thread's port. An ask of an actor that is already on this stack fails at once with an AskCycleError."""
        if (error := deadlock.at_once(self._loop.stack, future.asked)) is not None:
            self.abandon(future)
            future.resolve(None, error)
            return True
        cell = self._loop.current
        if cell is None:  # between actors: all of them may run, since none is blocked below
            return self._wait(lambda: future.done, timeout, nested=True)
        # It may be waiting already: what runs on top of it now is no actor, but a start message that is being read, or the
        # handler of a signal.
        before, cell.waiting = cell.waiting, future
        try:
            nested = future.asked.route is not None and future.asked.route.local
            # Perhaps another actor here will set it.
            if future.asked.number == 0 or future.journey is not None:
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

        The other actors are not let run from the beginning, though they could: a wait that ends in a nested turn has to
        wait for their handlers as well, and most answers are there within a fraction of a millisecond.

        Args:
            done: whether what is waited for is there. It is looked at after each message.
            timeout: seconds; None for no limit.
            nested: whether another actor of this host has to run for it.
            future: the answer that is waited for, if it is one, so that a cycle of asks can be found.
        Returns: whether it is there.
        """
        loop = self._loop
        start = now = time.monotonic()
        probe_at = start + deadlock.PROBE_AFTER_S
        deadline = None if timeout is None else start + timeout
        loop.depth += 1
        try:
            while True:
                # Whoever should answer may have died: the sweep fails the ask, and then this wait is over.
                if self.losses.epoch != self.table.epoch:
                    self.losses.sweep()
                if done():
                    return True
                if deadline is not None and now >= deadline:
                    self.reader.pump_briefly()  # an answer may have come while another actor's handler ran
                    return done()
                left = probe_at - now if deadline is None else min(probe_at, deadline) - now
                if (nested or now - start >= deadlock.PROBE_AFTER_S) and loop.depth <= NESTED_LIMIT:
                    loop.turn(max(0.0, left), done, deadline)
                # Else there is more to settle, which may be what is waited for.
                elif not self.losses.unsettled:
                    self.reader.receive_within(max(0.001, left))
                now = time.monotonic()
                # Again and again: the cycle may close only after a probe has come by.
                if now >= probe_at:
                    probe_at = now + deadlock.PROBE_AFTER_S
                    if future is not None and (cell := loop.current) is not None:
                        deadlock.send_probe(self, cell, future)
        finally:
            loop.depth -= 1

    def _on_read_for(self) -> None:
        """Another thread has read: what has come for actors is left to the loop, which is told.

        That thread has taken the signal of ZeroMQ's descriptor with the messages, so that the loop would sleep on.
        """
        if self._loop.ready:
            self._loop.call_threadsafe(None, _look_around)

    def never_answered(self, call: Call) -> Exception | None:
        """Why an ask of a handler that runs an asyncio loop can have no answer: it asks an actor that waits below it.

        The actor of a guest loop does not wait: it is on top of the stack for this turn only. If one of its hooks waits for
        a coroutine, it is further down as well.
        """
        stack = self._loop.stack
        return deadlock.at_once(stack[:-1] if is_guest(call.get_loop()) else stack, call.asked)

    def run_others(self, seconds: float) -> None:
        """Let the other actors run for about that long, nested in a handler that runs an asyncio loop of its own.

        Its asks of actors of this host can be answered only so. Nothing is begun after that time, so that the asyncio loop
        is not blocked for longer than one message takes.
        """
        loop = self._loop
        # Not for a loop that runs between actors: its thread is free for them as soon as it returns.
        if loop.stack and loop.depth < NESTED_LIMIT:
            loop.depth += 1
            try:
                loop.turn(0.0, until=time.monotonic() + seconds)
            finally:
                loop.depth -= 1

    def abandon(self, future: Future[Any]) -> None:
        """Give up on an answer that can never come, because its ask waits for itself, and free its place in the window.

        An ask that has only timed out keeps its place: its actor still has it to handle.
        """
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
        """Put a tell, or a batch of them, into its actor's mailbox. The arguments are those of every handler of messages.

        Args: corr, of a batch the number of its messages; size, bytes of body and extra frames.
        """
        cell = self._cells.get(target)
        messages = 1
        if flags & BATCH:  # it counts as many messages, and as the bytes that its sender's window counts
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
        """Queue an ask, a request to stop or a tell with `if_there=True`, for an actor that is here.

        For one that is not, there are no counts to keep: whoever waits for an answer is told at once that there is no such
        actor, and a tell with `if_there=True` has lost nothing.
        """
        cell = self._cells.get(target)
        if cell is not None:
            cell.put((kind, flags, source, corr, sender, body, extras, size, self._loop.now))
        elif corr:
            self.send(source, Kind.DEAD, corr, target=target, body=b"not found")

    def _on_follow(self, message: SystemMessage) -> None:
        # No actor of that name need be here: the follower is told when one is.
        cell = self._cells.get(message.target)
        follower = message.source, message.correlation
        self.followers.add(message.target, follower, is_up=cell is not None and cell.is_up)

    def _on_unfollow(self, message: SystemMessage) -> None:
        # Of no effect if it crosses the goodbye of its sender.
        self.followers.remove(message.target, (message.source, message.correlation))

    def _on_port_bye(self, flags: int, source: int, *rest: Any) -> None:
        """A mailbox has been closed, perhaps that of one thread of a process that lives on: no death will be heard of."""
        super()._on_port_bye(flags, source, *rest)
        self.followers.forget(lambda address: address == source)
        self.callers.forget(lambda address: address == source)
        self._limited.lose(lambda address: address == source)

    def _on_probe(self, message: SystemMessage) -> None:
        # Read by whichever handler waits on top of the stack: it looks at all that are blocked below it as well.
        deadlock.on_probe(self._loop.stack, self, message.target, message.body)

    def close(self) -> None:
        """As a port's. The rest of the host must be closed, whatever the file system says to the removal of the socket."""
        with contextlib.suppress(OSError):
            super().close()


def _look_around() -> None:
    """A call that wakes the loop: it has tasks that are ready, which it looks at in each turn."""
