"""One actor inside a host: its mailbox, its life, and what it owes to others."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from pickle import loads
from typing import TYPE_CHECKING, Any, Final

from pykka import messages as pykka_messages

from peerage.actors.runtime.errors import StopIncompleteError
from peerage.actors.runtime.host.context import ActorContext, Following, Linked
from peerage.actors.runtime.host.loop import Timer
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.definitions import news
from peerage.actors.runtime.mail.exit_reason import DownReason, from_exception
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.handled_counts import DEAD, SETTLED
from peerage.actors.runtime.mail.host_table import serial_of
from peerage.actors.runtime.mail.message import LARGE, Kind, Raw
from peerage.actors.runtime.mail.proxy import Introspect, introspect
from peerage.actors.runtime.mail.ref import ActorRef, unregister
from peerage.actors.runtime.mail.window import ACK_BYTES, ACK_MESSAGES, Account

if TYPE_CHECKING:
    from peerage.actors.runtime.actor import ProcessActor
    from peerage.actors.runtime.host.host import Host

PYKKA_MESSAGES = frozenset(
    {pykka_messages.ProxyCall, pykka_messages.ProxyGetAttr, pykka_messages.ProxySetAttr, Introspect}
)
# Comparing and packing enum members is slow.
TELL, ASK, STOP, REPLY = int(Kind.TELL), int(Kind.ASK), int(Kind.STOP), int(Kind.REPLY)

BATCH = 128  # messages of one actor in a loop turn, so that its neighbours are served too

STOPPED = DownReason("normal", "stopped")


# A message in the mailbox, still packed: kind, flags, source, correlation, sender, body, extra frames, size, and when it
# came. A plain tuple: making a named one costs as much as unpickling a small message. The body of what is left of a batch is
# a list of its messages.
Item = tuple[int, int, int, int, bytes, Any, Sequence[Raw], int, float]
KIND: Final = 0
FLAGS: Final = 1
SOURCE: Final = 2
CORR: Final = 3
SIZE: Final = 7
ARRIVED: Final = 8


def messages_in(item: Item) -> int:
    """How many messages an item is: a batch's correlation says it."""
    return item[CORR] if item[FLAGS] & wire.BATCH else 1


class ActorCell:
    """Holds an actor: everything here runs in the host's thread."""

    def __init__(self, host: Host, ref: ActorRef, context: tuple[dict[str, int], Any]) -> None:
        self.host, self.loop, self.ref = host, host.loop, ref
        self.name = ref.name.encode()
        self.identity = ref.identity
        fds, extra = context
        link = extra if type(extra) is Linked else None
        self.context = ActorContext(self, fds, extra if link is None else link.extra)
        self.stopped = threading.Event()
        self.actor: ProcessActor | None = None
        self.instance: ProcessActor | None = None  # the same, in its constructor already
        self.mailbox: deque[Item] = deque()
        self.mailbox_size = 0
        self.depth = 0  # messages in the mailbox: a batch is one item there
        self.queued = False  # in the host's ready queue
        self.busy = False  # somewhere on the host's stack
        self.waiting: Future[Any] | None = None  # the answer a handler is blocked on
        self.is_up = False  # its constructor and `on_start` are done
        self.ended = False
        self.deferred = False
        self.handled = 0
        self.sender_identity = b""
        self.current: tuple[int, int, int] | None = (
            None  # source, correlation, kind of the message being handled
        )
        self.accounts: dict[int, Account] = {}
        self.open_asks: set[tuple[int, int]] = set()
        self.watchers: set[tuple[int, int]] = set()
        self.early_watchers: set[tuple[int, int]] = set()  # to be told before its last hook is called
        self.leaves_for: DownReason | None = None  # once that is called
        self.watching: dict[ActorRef, int] = {}
        self.following: set[Following] = set()
        self.fds: set[int] = set()
        self.timers: set[Timer] = set()  # those that are due yet
        self.postponed: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.stop_asks: list[tuple[int, int]] = []
        self.link = 0 if link is None else self._link_to(link.owner)  # the number of that watch
        self.owner = (
            link.owner if link is not None and self.link else None
        )  # it ends with him; processes see to it alone
        self.is_patient = False  # it stops others, and belongs to nobody

    # Mailbox

    def put(self, item: Item) -> None:
        """Queue a message; the host's loop handles it in its turn."""
        if item[KIND] == ASK:
            self.open_asks.add((item[SOURCE], item[CORR]))
        self.mailbox.append(item)
        self.mailbox_size += item[SIZE]
        self.depth += messages_in(item)
        if not self.queued and not self.busy:
            self.queued = True
            self.loop.ready.append(self)

    def run(self, left: int = BATCH) -> None:
        """Handle a batch of messages, at most so many."""
        self.queued = False
        if self.busy or self.ended:
            return
        mailbox = self.mailbox
        self.enter()
        try:
            while left > 0 and mailbox and not self.ended:
                item = mailbox.popleft()
                flags = item[FLAGS]
                self.mailbox_size -= item[SIZE]
                if flags & wire.BATCH:
                    self._handle_batch(item, left)
                    left -= item[CORR]
                    continue
                left -= 1
                self.depth -= 1
                if item[KIND] == TELL:
                    self._handle_tell(item)
                else:
                    self._handle(item)
        finally:
            self.leave()

    def enter(self) -> None:
        self.busy = True
        self.loop.stack.append(self)

    def leave(self) -> None:
        self.loop.stack.pop()
        self.busy = False
        self.current = None
        self.sender_identity = b""
        if self.ended:
            return
        for fd in list(self.fds):
            self.loop.descriptors.unmute(fd)
        if self.postponed:
            calls, self.postponed = self.postponed, []
            for fn, args in calls:
                self.loop.call_soon(self, fn, *args)
        if self.mailbox and not self.queued:
            self.queued = True
            self.loop.ready.append(self)

    def call(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Run a callback as this actor; later if it is in the middle of something."""
        if self.ended:
            return
        if self.busy:
            self.postponed.append((fn, args))
            return
        self.enter()
        try:
            fn(*args)
        except BaseException as error:
            self.fail(error)
        finally:
            self.leave()

    def _handle(self, item: Item) -> None:
        kind, flags, source, corr, sender, body, extras, size, _arrived = item
        self.current = (source, corr, kind)
        self.sender_identity = sender
        self.handled += 1
        if kind == STOP:
            if corr:
                self.stop_asks.append((source, corr))
            self._stop(wire.decode(0, body, ()) or STOPPED)
            return
        try:
            value = wire.decode(flags, body, extras)
        except Exception as error:
            self._unreadable(kind, flags, source, corr, size, error)
            return
        if news:
            self.host.port.tell_what_is_kept(source)
        if kind == ASK:
            self._handle_ask(source, corr, value)
        else:
            self._handle_uncounted(value)

    def _handle_uncounted(self, value: Any) -> None:
        """A tell that stands in no account."""
        try:
            if type(value) in PYKKA_MESSAGES:
                self._receive_pykka(value)
            else:
                self.actor.on_receive(value)  # type: ignore[union-attr]  # as below
        except BaseException as error:
            self.fail(error)

    def _handle_tell(self, item: Item) -> None:
        _kind, flags, source, _corr, sender, body, extras, size, _arrived = item
        self.current = (source, 0, TELL)
        self.sender_identity = sender
        self.handled += 1
        try:
            value = (
                loads(body) if not extras and not flags & wire.FRAMES else wire.decode(flags, body, extras)
            )
        except Exception as error:
            self._unreadable(TELL, flags, source, 0, size, error)
            return
        if news:
            self.host.port.tell_what_is_kept(source)
        failure = None
        try:
            if type(value) in PYKKA_MESSAGES:
                self._receive_pykka(value)
            else:
                self.actor.on_receive(value)  # type: ignore[union-attr]  # no messages before the actor exists
        except BaseException as error:
            failure = error
        account = self.accounts.get(source) or self._account(source)
        host = self.host
        host.words[account.entry + SETTLED] += 1
        if flags & wire.EXEMPT or not account.dirty:
            host.settle(account, flags, size, 0)
        else:  # the usual case of it, without the call
            account.messages += 1
            account.size += size
            if account.messages >= ACK_MESSAGES or account.size >= ACK_BYTES:
                host.acknowledge(account)
        if failure is not None:
            self.fail(failure)

    def _handle_batch(self, item: Item, limit: int) -> None:
        """Handle the messages of one frame, each as if it had come alone; what is over the limit waits, unpacked."""
        _kind, flags, source, messages, sender, body, extras, size, arrived = item
        values: list[Any] = body if type(body) is list else wire.unpack_batch(flags, body, messages)
        if messages > limit:
            rest = values[limit:]
            del values[limit:]
            self.mailbox.appendleft((TELL, flags, source, len(rest), sender, rest, extras, size, arrived))
            self.mailbox_size += size
            messages, size = limit, 0
        self.current = (source, 0, TELL)
        self.sender_identity = sender
        receive, failure = self.actor.on_receive, None  # type: ignore[union-attr]  # no messages before the actor exists
        account, words = self._account(source), self.host.words
        entry = account.entry + SETTLED
        before = settled = words[entry]
        dead_before = words[account.entry + DEAD]
        try:
            if flags & wire.JOINED:
                for value in values:
                    settled += 1
                    receive(value)
                    words[entry] = settled
            else:
                for packed in values:
                    settled += 1
                    self._receive_packed(packed, receive, account)
                    words[entry] = settled
        except BaseException as error:
            failure = error
            words[entry] = settled
        self.handled += settled - before
        self.depth -= messages
        left = before + messages - settled
        if left:
            words[account.entry + DEAD] += left
            words[entry] = before + messages
        self.host.settle(account, flags, size, words[account.entry + DEAD] - dead_before, messages)
        if failure is not None:
            self.fail(failure)

    def _receive_packed(self, packed: Raw, receive: Callable[[Any], object], account: Account) -> None:
        try:
            value = loads(packed)
        except Exception as error:
            self.host.words[account.entry + DEAD] += 1
            self._log_unreadable(error)
            return
        if type(value) in PYKKA_MESSAGES:
            self._receive_pykka(value)
        else:
            receive(value)

    def _handle_ask(self, source: int, corr: int, value: Any) -> None:
        self.deferred = False
        try:
            is_pykka = type(value) in PYKKA_MESSAGES
            answer = self._receive_pykka(value) if is_pykka else self.actor.on_receive(value)  # type: ignore[union-attr]  # as above
        except Exception as error:
            self.answer_failure(source, corr, error)
        except BaseException as error:
            self.fail(error)
        else:
            if not self.deferred:
                self.answer(source, corr, answer)

    def _receive_pykka(self, value: Any) -> Any:
        actor = self.actor
        assert actor is not None
        if type(value) is Introspect:
            return introspect(actor)
        return actor._handle_receive(value)  # noqa: SLF001 - Pykka's own reading of its messages

    def _unreadable(self, kind: int, flags: int, source: int, corr: int, size: int, error: Exception) -> None:
        if kind == ASK:
            self.answer_failure(source, corr, error)
            return
        if kind == TELL:
            self.settle(source, flags, size, 1)
        self._log_unreadable(error)

    def _log_unreadable(self, error: Exception) -> None:
        logger().error("message cannot be read", actor=self.ref.name, host=self.host.name, error=repr(error))

    def settle(self, source: int, flags: int, size: int, dead: int, messages: int = 1) -> None:
        """Note tells as handled, or as dead letters; the host acknowledges in batches."""
        host = self.host
        account = self.accounts.get(source) or self._account(source)
        host.words[account.entry + SETTLED] += messages
        if dead:
            host.words[account.entry + DEAD] += dead
        host.settle(account, flags, size, dead, messages)

    def _account(self, source: int) -> Account:
        account = self.accounts.get(source)
        if account is None:
            account = self.accounts[source] = self.host.account(source, self.name)
        return account

    # Answers

    def answer(self, source: int, corr: int, value: Any) -> None:
        """Answer an ask, once; a Future answers when it is resolved."""
        if (source, corr) not in self.open_asks:
            return
        if isinstance(value, Future):
            value.when_done(lambda: self._answer_from(source, corr, value))  # `then` would read it too late
            return
        try:
            kept_there = self.host.process.kept.get(serial_of(source), ())
            body, extras, flags = wire.encode(value, kept_there)
        except Exception as error:
            self.answer_failure(source, corr, error)
            return
        self.open_asks.discard((source, corr))
        port = self.host.port
        if extras or source == port.address or len(body) >= LARGE:
            port.send(source, Kind.REPLY, corr, flags=flags, body=body, extras=extras)
        else:
            port.outbox.send_small(source, REPLY, corr, flags, b"", b"", body)

    def _answer_from(self, source: int, corr: int, future: Future[Any]) -> None:
        """Answer with what the future's value is now: who has resolved it may change that before the loop's turn."""
        if not future.holds_an_object:
            self.loop.call_soon(self, self._answer_with, source, corr, future)
            return
        try:
            value = future.get(timeout=0)
            if not isinstance(value, Future):
                value = wire.Encoded(*wire.encode(value))
        except Exception as error:
            self.loop.call_soon(self, self.answer_failure, source, corr, error)
        else:
            self.loop.call_soon(self, self.answer, source, corr, value)

    def _answer_with(self, source: int, corr: int, future: Future[Any]) -> None:
        try:
            value = future.get(timeout=0)
        except Exception as error:
            self.answer_failure(source, corr, error)
        else:
            self.answer(source, corr, value)

    def answer_failure(self, source: int, corr: int, error: BaseException) -> None:
        if (source, corr) in self.open_asks:
            self.open_asks.discard((source, corr))
            self.host.port.send(source, Kind.FAIL, corr, body=wire.encode_failure(error))

    # Watching others

    def watch(self, ref: ActorRef) -> None:
        if ref not in self.watching:
            self.watching[ref] = self.host.port.watch(
                ref, lambda ended, reason: self.loop.call_soon(self, self._on_down, ended, reason)
            )

    def unwatch(self, ref: ActorRef) -> None:
        number = self.watching.pop(ref, None)
        if number is not None:
            self.host.port.unwatch(number)

    def _on_down(self, ref: ActorRef, reason: DownReason) -> None:
        if self.watching.pop(ref, None) is not None:
            assert self.actor is not None
            self.actor.on_down(ref, reason)

    def follow(
        self, ref: ActorRef, on_up: Callable[[], object], on_down: Callable[[DownReason], object]
    ) -> Following:
        following = Following(on_up, on_down, self._unfollow)
        later = self.loop.call_soon
        following.number = self.host.port.follow(
            ref, lambda: later(self, following.up), lambda reason: later(self, following.down, reason)
        )
        self.following.add(following)
        return following

    def _unfollow(self, following: Following) -> None:
        self.following.discard(following)
        self.host.port.unfollow(following.number)

    def _link_to(self, owner: ActorRef) -> int:
        """End with another actor, or at once if it has ended. Its successor under its name is not meant."""
        table = self.host.process.table
        if owner.serial and table.is_dead(owner.serial):
            self.loop.call_soon(self, self._end_with, owner)
            return 0
        return self.host.port.watch(
            owner, lambda ended, _reason: self.loop.call_soon(self, self._end_with, ended)
        )

    def _end_with(self, owner: ActorRef) -> None:
        self.owner = None
        self._stop(DownReason("shutdown", f"linked to {owner}, which has ended"))

    # The end

    def _stop(self, reason: DownReason) -> None:
        """Pykka's order: gone from the registry, then `on_stop`, then the rest of the mailbox is refused."""
        assert self.actor is not None
        self._leave_registries(reason)
        try:
            self.actor.on_stop()
        except StopIncompleteError as error:
            reason = from_exception(error, "")
        except BaseException as error:
            trace = traceback.format_exc()
            logger().exception("on_stop failed", actor=self.ref.name, host=self.host.name)
            reason = from_exception(error, trace)
        self.end(reason)

    def _leave_registries(self, reason: DownReason) -> None:
        """Here, and where it was started from."""
        unregister(self.ref)
        self.stopped.set()
        self.leaves_for = reason
        watchers, self.early_watchers = self.early_watchers, set()
        self._tell(watchers, reason)

    def watch_early(self, watcher: tuple[int, int]) -> None:
        """Have it told before the hooks; at once if these are being called already."""
        if self.leaves_for is None:
            self.early_watchers.add(watcher)
        else:
            self._tell({watcher}, self.leaves_for)

    def _tell(self, watchers: set[tuple[int, int]], reason: DownReason) -> None:
        body = wire.dumps(reason)
        for source, number in watchers:
            self.host.port.send(source, Kind.DOWN, number, body=body)

    def fail(self, error: BaseException) -> None:
        """End after an exception: Pykka's `on_failure`, then the end."""
        if self.ended:
            return
        trace = "".join(traceback.format_exception(error))
        self._leave_registries(from_exception(error, trace))
        if self.actor is not None:
            try:
                self.actor.on_failure(type(error), error, error.__traceback__)
            except BaseException:
                logger().exception("on_failure failed", actor=self.ref.name, host=self.host.name)
        self.end(from_exception(error, trace))

    def end(self, reason: DownReason) -> None:
        """Let go of everything, tell everybody, refuse what is left in the mailbox."""
        if self.ended:
            return
        self.ended = True
        self.stopped.set()
        host = self.host
        host.forget(self)
        for fd in list(self.fds):
            self.loop.descriptors.clear(fd, reader=True, writer=True)
        for number in self.watching.values():
            host.port.unwatch(number)
        self.watching.clear()
        for following in list(self.following):
            following.cancel()
        if self.link:
            host.port.unwatch(self.link)
        self._refuse_rest()
        self._tell(self.watchers | self.early_watchers, reason)
        for source, corr in self.stop_asks:
            host.port.send(source, Kind.REPLY, corr, body=wire.dumps(None))
        self._log_end(reason)
        host.actor_ended(self, reason)

    def _refuse_rest(self) -> None:
        port = self.host.port
        for item in self.mailbox:
            kind, flags, source, corr, _sender, _body, _extras, size, _arrived = item
            if kind == TELL:
                messages = messages_in(item)
                self.settle(source, flags, size, messages, messages)
            elif kind == STOP and corr:
                self.stop_asks.append((source, corr))
        for source, corr in self.open_asks:
            port.send(source, Kind.DEAD, corr, target=self.name, body=b"stopped before it answered")
        self.mailbox.clear()
        self.mailbox_size = self.depth = 0
        self.open_asks.clear()
        for account in self.accounts.values():
            self.host.acknowledge(account)

    def _log_end(self, reason: DownReason) -> None:
        facts = {"actor": self.ref.name, "host": self.host.name, "pid": self.host.pid}
        if reason.kind == "exception" and self.host.is_system_ending:
            # What it relied on has been stopped under it: no fault of its own that anybody could mend.
            logger().warning("actor failed while its system ends", **facts, cause=reason.text)
        elif reason.kind == "exception" and reason.is_orderly:
            logger().error("actor stopped with work undone", **facts, cause=reason.text.partition(": ")[2])
        elif reason.kind == "exception":
            logger().error("actor failed", **facts, cause=reason.text, traceback=reason.traceback)
        else:
            is_passing = self.actor is not None and self.actor.is_passing
            tell = logger().debug if is_passing else logger().info
            tell("actor stopped", **facts, cause=str(reason))

    def oldest_age(self) -> float:
        """Seconds the oldest message has waited, 0.0 for an empty mailbox."""
        return time.monotonic() - self.mailbox[0][ARRIVED] if self.mailbox else 0.0
