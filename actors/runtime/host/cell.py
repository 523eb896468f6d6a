"""One actor in its host: how its messages are handled, how it fails and how it ends.

A cell keeps two promises. The actor does one thing at a time, even while a handler waits and the loop goes on with its
neighbours. And whatever the actor's code raises ends this actor alone, with everybody who waits for it being told.

The way of a tell (`run`, `_handle_tell`) is written out instead of being shared with the other kinds of message, and counts
and queues are touched directly: a Python call costs about a tenth of handling a small message.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Mapping
from pickle import loads
from types import CoroutineType
from typing import Any

from peerage.actors.runtime.errors import trace_of
from peerage.actors.runtime.host.answers import Answers
from peerage.actors.runtime.host.batches import hand_over, split
from peerage.actors.runtime.host.end_event import EndEvent
from peerage.actors.runtime.host.end_log import log_end
from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.host.keeper import Keeper
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
from peerage.actors.runtime.mail.handled_counts import SETTLED
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.stops import unregister
from peerage.actors.runtime.mail.window import ACK_BYTES, ACK_MESSAGES, UnacknowledgedCounts

# Comparing enum members is slow, and the kind of each message is compared.
TELL, ASK, STOP = int(Kind.TELL), int(Kind.ASK), int(Kind.STOP)

TURN_MESSAGES = 128  # messages of one actor in a loop turn, so that its neighbours are served too

STOPPED = DownReason("normal", "stopped")  # for `ref.stop()`, which gives no reason of its own


class ActorCell:
    """A task of the loop: it holds the actor, and everything here runs in the host's thread.

    The port puts messages in. The loop calls `run` when messages wait and `call` for everything else: timers, descriptors,
    news of others. Besides these two, the actor's code is only entered by the host, for its constructor and `on_start`,
    between `enter` and `leave`. So whatever runs stands on the loop's stack, and nothing is entered twice.

    Attributes:
        actor: None before its constructor is done, so that no hook is called on a half-made object; instance, the same
            object, which is there during the constructor already.
        queued: whether it stands in the loop's ready queue, where it must not stand twice.
        busy: whether it stands on the loop's stack. It may be both: queued first, and then entered by a timer.
        is_up: whether its constructor and `on_start` are done, which is when followers of its name are told.
        ended: set first of all at the end; everything that could call the actor looks at it.
        stopped: the event that Pykka calls `actor_stopped`, which other threads may wait for.
        waiting: the answer that a handler is blocked on, for the search for cycles of asks (`deadlock.py`).
        current: address, correlation and kind of the message that is being handled; None in timers and other callbacks,
            where there is nothing to defer.
        deferred: whether the handler of the current ask has called `defer`, so that what it returns is no answer.
        sender_identity: of the actor that has sent the current message, packed; empty if it came from no actor.
        answers, watching, watchers: the asks that it owes an answer, the actors that it watches, those that watch it.
        fds, timers: what the loop waits for on its behalf; taken away when it ends.
        owner: the actor that it ends with, where the root does not see to that by ending the process.
        is_patient: whether it stops others, and belongs to nobody: the end of the system waits for it.

    Args: kept, the definitions of classes that each host keeps, by serial; messages to it may leave them out.
    """

    # No more than 29 attributes: with more, Python keeps a dictionary of its own for each instance, which is 1.3 KiB.

    def __init__(
        self,
        keeper: Keeper[ActorCell],
        loop: Loop[ActorCell],
        port: Port,
        receipts: Receipts,
        ref: ActorRef[Any],
        kept: Mapping[int, Container[bytes]],
    ) -> None:
        self._keeper, self._loop, self._port, self._receipts, self.ref = keeper, loop, port, receipts, ref
        self.name = ref.name.encode()
        self.identity = ref.identity
        self.stopped = EndEvent()
        self.actor: HostedActor | None = None
        self.instance: HostedActor | None = None
        self.mailbox = Mailbox()
        self.queued = self.busy = self.is_up = self.ended = False
        self.waiting: Future[Any] | None = None
        self.deferred = False
        self.sender_identity = b""
        self.current: tuple[int, int, int] | None = None
        # News of others is read by the port, which does so in the middle of handlers as well, while they wait for answers.
        # So the parts below never call the actor themselves, but have the loop do so in its next turn.
        call_soon = functools.partial(loop.call_soon, self)
        self.answers = Answers(port, call_soon, kept)
        self._settlement = Settlement(port, receipts, self.answers, ref)
        # The same dictionary, one look-up nearer to the hot path.
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

    @property
    def until(self) -> float | None:
        """Until when the answer to the ask that is being handled is wanted, in monotonic seconds; None for ever."""
        return None if self.current is None else self.answers.limits.get(self.current[:2])

    # Running

    def put(self, item: Item) -> None:
        """Queue a message; the loop handles it in its turn."""
        # An ask is open from its arrival and not from its turn on. If the actor ends before, it is refused like one that
        # is being handled, and a probe for cycles finds it while it waits behind the handler that blocks it.
        if item[KIND] == ASK:
            self.answers.open.add((item[SOURCE], item[CORR]))
        self.mailbox.put(item)
        if not self.queued and not self.busy:
            self.queued = True
            self._loop.ready.append(self)

    def run(self, left: int = TURN_MESSAGES) -> None:
        """Handle messages that wait, up to `left` of them. For the others, the loop calls again in its next turn.

        In a nested turn with a deadline the loop asks for one message at a time, so that the wait can end between two.
        """
        self.queued = False
        # Busy: it was queued, then a timer or a descriptor entered it, and it waits there in a nested turn, which is
        # this one. `leave` queues it again. Ended: it was queued when something else ended it, and its mailbox is empty.
        if self.busy or self.ended:
            return
        mailbox = self.mailbox
        items = mailbox.items
        self.enter()
        # Entered once for all of them, not for each message. The end is looked at each time: a handler may have been the
        # actor's last, and the end has then settled and dropped what was behind it.
        try:
            while left > 0 and items and not self.ended:
                item = items.popleft()
                mailbox.size -= item[SIZE]
                if item[FLAGS] & BATCH:
                    self._handle_batch(item, left)
                    # Below zero if some of it was put back: this turn is over in either case.
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
        """The actor is in the middle of something. Each call is paired with one of `leave`, in a `finally`."""
        self.busy = True
        self._loop.stack.append(self)

    def leave(self) -> None:
        """The actor is free again: let everything that was kept waiting for that have its turn.

        It is the last on the stack: whatever was entered above it, in nested turns, has returned before.
        """
        loop = self._loop
        loop.stack.pop()
        self.busy = False
        self.current = None
        self.sender_identity = b""
        if self.ended:  # the end has taken everything away that could come up
            return
        # Those that became ready meanwhile were muted, so that the loop could sleep.
        if loop.descriptors.muted:
            for fd in self.fds & loop.descriptors.muted:
                loop.descriptors.unmute(fd)
        # Not called from here: they take their turn like other calls, so that an actor that was busy for long and has many
        # of them does not keep its neighbours waiting still longer.
        if self._postponed:
            calls, self._postponed = self._postponed, []
            for fn, args in calls:
                loop.call_soon(self, fn, *args)
        if self.mailbox.items and not self.queued:
            self.queued = True
            loop.ready.append(self)

    def call(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Run a callback as this actor; later if it is in the middle of something, never if it has ended.

        Whatever the callback raises ends the actor, SystemExit as well: it must not end the host, and with it the others.
        """
        if self.ended:
            return
        if self.busy:
            if self.instance is None or not self.instance.takes_at_once(fn, args):
                self._postponed.append((fn, args))
            return
        self.busy = True  # as `enter`
        self._loop.stack.append(self)
        try:
            result = fn(*args)
            if result.__class__ is CoroutineType:  # of an `async def`, not begun yet
                self.instance.runtime.spawn(result)  # type: ignore[union-attr]  # called as an actor
        except BaseException as error:
            self.fail(error)
        finally:
            self.leave()

    # Messages

    def _handle(self, item: Item) -> None:
        """Handle an ask, a request to stop, or a tell that nobody counts. Those that are counted have `_handle_tell`."""
        kind, flags, source, corr, sender, body, extras, size, _arrived = item
        self.current = (source, corr, kind)
        self.sender_identity = sender
        self.mailbox.handled += 1
        if kind == STOP:
            if corr:  # 0: the host itself stops its actors, and waits for no answer
                self._settlement.asked_to_stop(source, corr)
            self._stop(codec.decode(0, body, ()) or STOPPED)
            return
        if kind == ASK and self.answers.refuse_unwanted(source, corr, self.name, self._loop.now):
            return
        try:
            value = codec.decode(flags, body, extras)
        except Exception as error:
            self._settlement.unreadable(kind, flags, source, corr, size, error)
            return
        if news:  # it has brought definitions that we keep: its sender may leave them out from now on
            self._port.kept.announce(source)
        if kind == ASK:
            self._handle_ask(source, corr, value)
        else:
            self._handle_uncounted(value)

    def _handle_uncounted(self, value: Any) -> None:
        """Handle a tell with `if_there=True`: no sender counts it, and so nothing is settled."""
        # Like any tell, it has no asker that an exception could go to: the actor ends, and its supervisor hears of it.
        try:
            if type(value) in PYKKA_MESSAGES:
                receive_pykka(self.actor, value)
            else:
                self.actor.on_receive(value)  # type: ignore[union-attr]  # as below
        except BaseException as error:
            self.fail(error)

    def _handle_tell(self, item: Item) -> None:
        """Handle a tell, then count it. This is `_handle` and `Settlement.settle` in one, for the hottest path.

        It is counted after it was handled: if the process is killed in between, the sender reports a message as lost that
        was handled. The other order would lose one without a report, which is the worse mistake of the two.
        """
        _kind, flags, source, _corr, sender, body, extras, size, _arrived = item
        self.current = (source, 0, TELL)
        self.sender_identity = sender
        self.mailbox.handled += 1
        try:  # `codec.decode` would do the same for the plain case
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
        else:  # the usual case of it, without the call: a timer that will acknowledge them is running
            counts.messages += 1
            counts.size += size
            if counts.messages >= ACK_MESSAGES or counts.size >= ACK_BYTES:
                receipts.acknowledge(counts)
        # Only now: the end acknowledges what has been counted, and this message counts as handled, for the actor had it.
        if failure is not None:
            self.fail(failure)

    def _handle_batch(self, item: Item, limit: int) -> None:
        """Handle the messages of one frame, each as if it had come alone; what is over the limit waits, unpacked."""
        _kind, flags, source, messages, sender, _body, _extras, size, _arrived = item
        values, rest = split(item, limit)
        self.mailbox.batch = values
        if rest is not None:
            self.mailbox.put_back(rest)
            messages, size = limit, 0  # the bytes are given back with the last part
        self.current = (source, 0, TELL)
        self.sender_identity = sender
        counts = self._settlement.counts_for(source)
        receive: Callable[[Any], object] = self.actor.on_receive  # type: ignore[union-attr]  # as above
        if not flags & JOINED:
            receive = functools.partial(self._receive_packed, receive, counts)
        handled, dead, failure = hand_over(values, receive, self._receipts, counts.entry)
        self.mailbox.handled += handled
        self.mailbox.depth -= messages
        # The handled counts have them already; this is for the acknowledgement.
        self._receipts.settle(counts, flags, size, dead, messages)
        values.clear()
        if failure is not None:
            self.fail(failure)

    def _receive_packed(
        self, receive: Callable[[Any], object], counts: UnacknowledgedCounts, packed: Raw
    ) -> None:
        # Joined batches need no look at the type: they hold plain values only, and never a message of Pykka's.
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
        """Answer with what the handler returns, or raises. As in Pykka, an exception goes to the asker and the actor lives.

        One that is no `Exception` (SystemExit, KeyboardInterrupt) ends the actor, and the ask is refused with the others.
        """
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

    def _on_down(self, ref: ActorRef[Any], reason: DownReason) -> object:
        # A constructor may watch others, and what it is told comes when it is done: `call` postpones it while the cell is
        # busy, and drops it if the constructor has failed.
        assert self.actor is not None
        return self.actor.on_down(ref, reason)

    def link_to(self, owner: ActorRef[Any]) -> None:
        """End with another actor, or at once if it has ended. Its successor under its name is not meant.

        For actors on threads and in hosts that others share. A process that was made for one actor is ended by the root.
        """
        # A watch would not do for a dead one: it goes by the name, and would find the successor.
        if owner.serial and self._port.table.is_dead(owner.serial):
            self._loop.call_soon(self, self._end_with, owner)
        else:
            self.owner = owner
            self.watching.link(owner, self._end_with)

    def _end_with(self, owner: ActorRef[Any]) -> None:
        # First of all, because `on_stop` may take its time: the host leaves this actor to no owner any more.
        self.owner = None
        self._stop(DownReason("shutdown", f"linked to {owner}, which has ended"))

    # The end

    def _stop(self, reason: DownReason) -> None:
        """Pykka's order: gone from the registry, then `on_stop`, then the rest of the mailbox is refused."""
        assert self.actor is not None  # no message is handled before the constructor is done
        self._leave_registries(reason)
        self.end(call_on_stop(self.actor, self.ref, reason))

    def stop_soon(self) -> None:
        """As the actor's own `stop()`, without a message where none need be waited for. In the host's thread only."""
        if self.mailbox.items or self.mailbox.batch:  # what has come before is handled before
            self.actor.stop()  # type: ignore[union-attr]  # it is calling
        else:
            self._loop.call_soon(self, self._stop, STOPPED)

    def _leave_registries(self, reason: DownReason) -> None:
        """Take it out of Pykka's registry here; early watchers do so in the process that it was started from.

        Before the last hook and not after it, as Pykka does: nobody may find an actor in the registry that is stopping, and
        the hook may take as long as it likes.
        """
        unregister(self.ref)
        self.stopped.set()
        self.watchers.leaves(reason)

    def fail(self, error: BaseException) -> None:
        """End after an exception: Pykka's `on_failure`, then the end.

        Always called by its name on the cell: in a forked child it is replaced, and ends the child (`orphan.py`).
        """
        if self.ended:  # the exception of a handler in which the actor was ended
            return
        trace = trace_of(error)
        self._leave_registries(from_exception(error, trace))
        if self.actor is not None:
            call_on_failure(self.actor, self.ref, error)
        self.end(from_exception(error, trace))

    def end(self, reason: DownReason) -> None:
        """Let go of everything, tell everybody, refuse what is left in the mailbox. Only the first call counts.

        The order is what others may rely on. The name is free, and every ask is answered or refused, before watchers are
        told; whoever waits for `stop()` is answered last, when all that the actor had to say is on its way.
        """
        if self.ended:
            return
        self.ended = True
        self.stopped.set()
        if self.instance is not None:
            self.instance.on_ended()
        self._keeper.forget(self)
        # Copies, because both take themselves out of these sets. Descriptors are not closed: they are the actor's own, and
        # it may have handed them to somebody else.
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
        log_end(reason, facts, is_system_ending=keeper.is_system_ending)
        # The actor knows its cell: let it go at once, with all that it holds, and not when the collector finds both.
        self.actor = self.instance = None
        keeper.on_end(self, reason)  # last: it may end the loop
