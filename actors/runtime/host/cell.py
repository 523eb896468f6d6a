"""One actor in its host: how its messages are handled, how it fails and how it ends."""

from __future__ import annotations

import functools
import threading
import traceback
from collections.abc import Callable, Container, Mapping
from pickle import loads
from typing import Any, Protocol

from peerage.actors.runtime.host.answers import Answers
from peerage.actors.runtime.host.batches import hand_over, split
from peerage.actors.runtime.host.end_log import log_end
from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.host.last_hooks import call_on_failure, call_on_stop
from peerage.actors.runtime.host.loop import Loop, Timer
from peerage.actors.runtime.host.mailbox import CORR, FLAGS, KIND, SIZE, SOURCE, Item, Mailbox
from peerage.actors.runtime.host.pykka_messages import PYKKA_MESSAGES, receive_pykka
from peerage.actors.runtime.host.receipts import Receipts
from peerage.actors.runtime.host.settlement import Settlement
from peerage.actors.runtime.host.watching import Watchers, Watching
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.definitions import news
from peerage.actors.runtime.mail.envelope import BATCH, EXEMPT, FRAMES, JOINED, Kind
from peerage.actors.runtime.mail.exit_reason import DownReason, from_exception
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.handled_counts import DEAD, SETTLED
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.stops import unregister
from peerage.actors.runtime.mail.window import ACK_BYTES, ACK_MESSAGES, UnacknowledgedCounts

# Comparing enum members is slow.
TELL, ASK, STOP = int(Kind.TELL), int(Kind.ASK), int(Kind.STOP)

TURN_MESSAGES = 128  # messages of one actor in a loop turn, so that its neighbours are served too

STOPPED = DownReason("normal", "stopped")


class Keeper(Protocol):
    """What a cell belongs to: its host."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int: ...

    @property
    def is_system_ending(self) -> bool: ...

    def forget(self, cell: ActorCell, /) -> None:
        """The actor is on its way out: nothing more is for it, and its name may be used again."""

    def on_end(self, cell: ActorCell, reason: DownReason, /) -> None:
        """The actor has ended, and everybody was told."""


class ActorCell:
    """A task of the loop: it holds the actor, and everything here runs in the host's thread.

    Attributes:
        actor: None before its constructor is done; instance, the same object in its constructor already.
        queued: whether it stands in the loop's ready queue; busy, whether it stands on the loop's stack.
        is_up: whether its constructor and `on_start` are done.
        waiting: the answer that a handler is blocked on.
        owner: the actor that it ends with, in a process that does not end with that one anyhow.
        is_patient: whether it stops others, and belongs to nobody.

    Args: kept, the definitions that each host keeps, by serial.
    """

    # No more than 30 attributes: with more, Python keeps a dictionary of its own for each instance, which is 1 KiB.

    def __init__(
        self,
        keeper: Keeper,
        loop: Loop[ActorCell],
        port: Port,
        receipts: Receipts,
        ref: ActorRef[Any],
        kept: Mapping[int, Container[bytes]],
    ) -> None:
        self._keeper, self._loop, self._port, self._receipts, self.ref = keeper, loop, port, receipts, ref
        self.name = ref.name.encode()
        self.identity = ref.identity
        self.stopped = threading.Event()
        self.actor: HostedActor | None = None
        self.instance: HostedActor | None = None
        self.mailbox = Mailbox()
        self.queued = self.busy = self.is_up = self.ended = False
        self.waiting: Future[Any] | None = None
        self.deferred = False
        self.sender_identity = b""
        self.current: tuple[int, int, int] | None = (
            None  # source, correlation, kind of the message being handled
        )
        call_soon = functools.partial(loop.call_soon, self)
        self.answers = Answers(port, call_soon, kept)
        self._settlement = Settlement(port, receipts, self.answers, ref)
        self.unacknowledged = self._settlement.unacknowledged
        self.watching = Watching(port.lives, call_soon, self._on_down)
        self.watchers = Watchers(port)
        self.fds: set[int] = set()
        self.timers: set[Timer] = set()
        self._postponed: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.owner: ActorRef[Any] | None = None
        self.is_patient = False

    @property
    def open_asks(self) -> set[tuple[int, int]]:
        """The asks that are owed an answer."""
        return self.answers.open

    # Running

    def put(self, item: Item) -> None:
        """Queue a message; the loop handles it in its turn."""
        if item[KIND] == ASK:
            self.answers.open.add((item[SOURCE], item[CORR]))
        self.mailbox.put(item)
        if not self.queued and not self.busy:
            self.queued = True
            self._loop.ready.append(self)

    def run(self, left: int = TURN_MESSAGES) -> None:
        """Handle some of the messages, at most so many."""
        self.queued = False
        if self.busy or self.ended:
            return
        mailbox = self.mailbox
        items = mailbox.items
        self.enter()
        try:
            while left > 0 and items and not self.ended:
                item = items.popleft()
                mailbox.size -= item[SIZE]
                if item[FLAGS] & BATCH:
                    self._handle_batch(item, left)
                    left -= item[CORR]
                    continue
                left -= 1
                mailbox.depth -= 1
                if item[KIND] == TELL:
                    self._handle_tell(item)
                else:
                    self._handle(item)
        finally:
            self.leave()

    def enter(self) -> None:
        """The actor is in the middle of something."""
        self.busy = True
        self._loop.stack.append(self)

    def leave(self) -> None:
        """It is so no more: what has waited for that comes up."""
        loop = self._loop
        loop.stack.pop()
        self.busy = False
        self.current = None
        self.sender_identity = b""
        if self.ended:
            return
        for fd in list(self.fds):
            loop.descriptors.unmute(fd)
        if self._postponed:
            calls, self._postponed = self._postponed, []
            for fn, args in calls:
                loop.call_soon(self, fn, *args)
        if self.mailbox.items and not self.queued:
            self.queued = True
            loop.ready.append(self)

    def call(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Run a callback as this actor; later if it is in the middle of something."""
        if self.ended:
            return
        if self.busy:
            self._postponed.append((fn, args))
            return
        self.enter()
        try:
            fn(*args)
        except BaseException as error:
            self.fail(error)
        finally:
            self.leave()

    # Messages

    def _handle(self, item: Item) -> None:
        kind, flags, source, corr, sender, body, extras, size, _arrived = item
        self.current = (source, corr, kind)
        self.sender_identity = sender
        self.mailbox.handled += 1
        if kind == STOP:
            if corr:
                self._settlement.asked_to_stop(source, corr)
            self._stop(codec.decode(0, body, ()) or STOPPED)
            return
        try:
            value = codec.decode(flags, body, extras)
        except Exception as error:
            self._settlement.unreadable(kind, flags, source, corr, size, error)
            return
        if news:
            self._port.kept.announce(source)
        if kind == ASK:
            self._handle_ask(source, corr, value)
        else:
            self._handle_uncounted(value)

    def _handle_uncounted(self, value: Any) -> None:
        """A tell that no sender counts."""
        try:
            if type(value) in PYKKA_MESSAGES:
                receive_pykka(self.actor, value)
            else:
                self.actor.on_receive(value)  # type: ignore[union-attr]  # as below
        except BaseException as error:
            self.fail(error)

    def _handle_tell(self, item: Item) -> None:
        _kind, flags, source, _corr, sender, body, extras, size, _arrived = item
        self.current = (source, 0, TELL)
        self.sender_identity = sender
        self.mailbox.handled += 1
        try:
            value = loads(body) if not extras and not flags & FRAMES else codec.decode(flags, body, extras)
        except Exception as error:
            self._settlement.unreadable(TELL, flags, source, 0, size, error)
            return
        if news:
            self._port.kept.announce(source)
        failure = None
        try:
            if type(value) in PYKKA_MESSAGES:
                receive_pykka(self.actor, value)
            else:
                self.actor.on_receive(value)  # type: ignore[union-attr]  # no messages before the actor exists
        except BaseException as error:
            failure = error
        counts = self.unacknowledged.get(source) or self._settlement.counts_for(source)
        receipts = self._receipts
        receipts.words[counts.entry + SETTLED] += 1
        if flags & EXEMPT or not counts.dirty:
            receipts.settle(counts, flags, size, 0)
        else:  # the usual case of it, without the call
            counts.messages += 1
            counts.size += size
            if counts.messages >= ACK_MESSAGES or counts.size >= ACK_BYTES:
                receipts.acknowledge(counts)
        if failure is not None:
            self.fail(failure)

    def _handle_batch(self, item: Item, limit: int) -> None:
        """Handle the messages of one frame, each as if it had come alone; what is over the limit waits, unpacked."""
        _kind, flags, source, messages, sender, _body, _extras, size, _arrived = item
        values, rest = split(item, limit)
        if rest is not None:
            self.mailbox.put_back(rest)
            messages, size = limit, 0
        self.current = (source, 0, TELL)
        self.sender_identity = sender
        counts, words = self._settlement.counts_for(source), self._receipts.words
        receive: Callable[[Any], object] = self.actor.on_receive  # type: ignore[union-attr]  # as above
        if not flags & JOINED:
            receive = functools.partial(self._receive_packed, receive, counts)
        entry = counts.entry + SETTLED
        before, dead_before = words[entry], words[counts.entry + DEAD]
        settled, failure = hand_over(values, receive, words, entry)
        self.mailbox.handled += settled - before
        self.mailbox.depth -= messages
        left = before + messages - settled
        if left:
            words[counts.entry + DEAD] += left
            words[entry] = before + messages
        self._receipts.settle(counts, flags, size, words[counts.entry + DEAD] - dead_before, messages)
        if failure is not None:
            self.fail(failure)

    def _receive_packed(
        self, receive: Callable[[Any], object], counts: UnacknowledgedCounts, packed: Raw
    ) -> None:
        try:
            value = loads(packed)
        except Exception as error:
            self._settlement.unreadable_in_batch(counts, error)
            return
        if type(value) in PYKKA_MESSAGES:
            receive_pykka(self.actor, value)
        else:
            receive(value)

    def _handle_ask(self, source: int, corr: int, value: Any) -> None:
        self.deferred = False
        try:
            is_pykka = type(value) in PYKKA_MESSAGES
            answer = receive_pykka(self.actor, value) if is_pykka else self.actor.on_receive(value)  # type: ignore[union-attr]  # as above
        except Exception as error:
            self.answers.fail(source, corr, error)
        except BaseException as error:
            self.fail(error)
        else:
            if not self.deferred:
                self.answers.give(source, corr, answer)

    # Other actors

    def _on_down(self, ref: ActorRef[Any], reason: DownReason) -> None:
        assert self.actor is not None
        self.actor.on_down(ref, reason)

    def link_to(self, owner: ActorRef[Any]) -> None:
        """End with another actor, or at once if it has ended. Its successor under its name is not meant."""
        if owner.serial and self._port.table.is_dead(owner.serial):
            self._loop.call_soon(self, self._end_with, owner)
        else:
            self.owner = owner
            self.watching.link(owner, self._end_with)

    def _end_with(self, owner: ActorRef[Any]) -> None:
        self.owner = None
        self._stop(DownReason("shutdown", f"linked to {owner}, which has ended"))

    # The end

    def _stop(self, reason: DownReason) -> None:
        """Pykka's order: gone from the registry, then `on_stop`, then the rest of the mailbox is refused."""
        assert self.actor is not None
        self._leave_registries(reason)
        self.end(call_on_stop(self.actor, self.ref, reason))

    def _leave_registries(self, reason: DownReason) -> None:
        """Here, and where it was started from."""
        unregister(self.ref)
        self.stopped.set()
        self.watchers.leaves(reason)

    def fail(self, error: BaseException) -> None:
        """End after an exception: Pykka's `on_failure`, then the end."""
        if self.ended:
            return
        trace = "".join(traceback.format_exception(error))
        self._leave_registries(from_exception(error, trace))
        if self.actor is not None:
            call_on_failure(self.actor, self.ref, error)
        self.end(from_exception(error, trace))

    def end(self, reason: DownReason) -> None:
        """Let go of everything, tell everybody, refuse what is left in the mailbox."""
        if self.ended:
            return
        self.ended = True
        self.stopped.set()
        self._keeper.forget(self)
        for timer in tuple(self.timers):
            timer.cancel()
        for fd in list(self.fds):
            self._loop.descriptors.clear(fd, reader=True, writer=True)
        self.watching.drop()
        self._settlement.refuse(self.mailbox)
        self.watchers.ended(reason)
        self._settlement.answer_stops()
        keeper = self._keeper
        facts = {"actor": self.ref.name, "host": keeper.name, "pid": keeper.pid}
        is_short_lived = self.actor is not None and self.actor.is_short_lived
        log_end(reason, facts, is_short_lived=is_short_lived, is_system_ending=keeper.is_system_ending)
        keeper.on_end(self, reason)
