"""The events of a node for the program that it is embedded in: read by a thread of the node's, handed to each listener.

    event hub ──EventLines──> thread "node-events" ──> a lane of each subscription ──> for, async for
                                                ╰────> a lane ──> thread "node-callbacks" ──> on(…)

The hub lives beside RPC, or where the operator's commands are taken. Where there is neither it is started here, in a
thread, for the first listener.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from peerage.actors.context import NodeContext
from peerage.actors.events.happenings import KINDS, Happening, NodeEvent
from peerage.actors.events.messages import EventLines, NextEvents
from peerage.actors.events.reading import read
from peerage.actors.runtime import THREAD, ActorDeadError, ActorRef, Timeout
from peerage.supervisors.node.errors import NodeNotRunningError
from peerage.supervisors.node.lane import Lane, Slow
from peerage.supervisors.node.life import NodeLife
from peerage.supervisors.node.log import NodeLog
from peerage.supervisors.node.subscription import Subscription

__all__ = ["MOST_EVENTS", "EventFeed"]

MOST_EVENTS: Final = 1000  # as the hub keeps
WAIT_S: Final = 50.0
MARGIN_S: Final = 10.0
AGAIN_S: Final = 0.5  # when there is no hub just now
JOIN_S: Final = 5.0

H = TypeVar("H", bound=Happening)


@dataclass(slots=True, eq=False)
class _Listener:
    """Args: kinds, empty for all; since, Unix seconds: what was before is not for it."""

    kinds: tuple[type[Happening], ...]
    since: float
    lane: Lane[NodeEvent] = field(default_factory=lambda: Lane(Slow.DROP_OLDEST, MOST_EVENTS))


@dataclass(slots=True, eq=False)
class _Run:
    """One life of the node, as far as its events are concerned."""

    life: NodeLife
    context: NodeContext
    listeners: list[_Listener]
    thread: threading.Thread | None = None
    callbacks: threading.Thread | None = None
    is_over: bool = False  # nobody reads any more


class EventFeed:
    """Of one node, over its lives. Its methods may be called by any thread."""

    def __init__(self, log: NodeLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._early: list[_Listener] = []  # before the start
        self._callbacks: list[tuple[type[Any], Callable[[Any], object]]] = []
        self._last: _Run | None = None

    def subscribe(self, kinds: tuple[type[Happening], ...]) -> Subscription[NodeEvent]:
        """See `Node.events`."""
        _check(kinds)
        with self._lock:
            return Subscription(self._listen(self._running(), kinds).lane)

    def on(self, kind: type[H], callback: Callable[[H], object]) -> Callable[[], None]:
        """See `Node.on`."""
        _check((kind,))
        check_callback(callback)
        entry = kind, callback
        with self._lock:
            self._callbacks.append(entry)
            if run := self._running():
                self._have_called(run)

        def stop() -> None:
            with self._lock, suppress(ValueError):  # it was stopped before
                self._callbacks.remove(entry)

        return stop

    def begin(self, life: NodeLife, context: NodeContext) -> None:
        """The node has started: whoever listens already hears everything from here on."""
        before = self._last
        if before is not None and before.thread is not None:
            before.thread.join(JOIN_S)  # a hub of its own has to be gone
        with self._lock:
            listeners, self._early = [each for each in self._early if not each.lane.is_closed], []
            run = self._last = _Run(life, context, listeners)
            if self._callbacks:
                self._have_called(run)
            elif listeners:
                self._have_read(run)

    def _running(self) -> _Run | None:
        run = self._last
        return None if run is None or run.life.ended.is_set() else run

    def _listen(self, run: _Run | None, kinds: tuple[type[Happening], ...]) -> _Listener:
        """Args: run, None before the start."""
        if run is None:
            listener = _Listener(kinds, since=0.0)
            self._early.append(listener)
        else:
            listener = _Listener(kinds, since=time.time())
            run.listeners.append(listener)
            self._have_read(run)
            if run.is_over:
                listener.lane.end()
        return listener

    def _have_read(self, run: _Run) -> None:
        """Have a thread read the events."""
        if run.thread is None:
            run.thread = threading.Thread(target=self._feed, args=(run,), name="node-events", daemon=True)
            run.thread.start()

    def _have_called(self, run: _Run) -> None:
        """Have a thread call back."""
        if run.callbacks is None:
            events = Subscription(self._listen(run, ()).lane)
            run.callbacks = threading.Thread(
                target=self._call_back, args=(events,), name="node-callbacks", daemon=True
            )
            run.callbacks.start()

    # --- in the threads ----------------------------------------------------------------------------------------------

    def _feed(self, run: _Run) -> None:
        hub = run.context.names.events
        own: ActorRef[Any] | None = None
        try:
            if not (run.context.config.rpc.laddr or run.life.takes_commands):
                own = _start_hub(run.context)
            self._pass_on(run, hub)
        except Exception as error:  # the program's listeners hear that there is no more
            self._log.error("events not read", exc_info=error)
        finally:
            with self._lock:
                run.is_over = True
                listeners = tuple(run.listeners)
            for listener in listeners:
                listener.lane.end()
            if own is not None:
                with suppress(ActorDeadError, Timeout):
                    own.stop(timeout=JOIN_S)

    def _pass_on(self, run: _Run, hub: ActorRef[Any]) -> None:
        """Until the node ends."""
        life = run.life
        cursor: str | None = None
        while True:
            question = NextEvents(after=cursor, public=False, wait=WAIT_S)
            try:
                answer: EventLines = life.ask(hub, question, WAIT_S + MARGIN_S)
            except NodeNotRunningError:
                return
            except (Timeout, ActorDeadError):  # its process is being restarted
                if life.ended.wait(AGAIN_S):
                    return
                continue
            events = [read(line) for line in answer.lines]
            with self._lock:
                run.listeners = [each for each in run.listeners if not each.lane.is_closed]
                listeners = tuple(run.listeners)
            for listener in listeners:
                if cursor is not None and answer.missed:
                    listener.lane.miss(answer.missed)
                for event in events:
                    if event.time >= listener.since and (
                        not listener.kinds or isinstance(event.what, listener.kinds)
                    ):
                        listener.lane.put(event)
            cursor = answer.cursor

    def _call_back(self, events: Subscription[NodeEvent]) -> None:
        for event in events:
            with self._lock:
                wanted = [callback for kind, callback in self._callbacks if isinstance(event.what, kind)]
            for callback in wanted:
                try:
                    callback(event.what)
                except Exception as error:
                    self._log.error("callback raised", kind=event.what.kind, exc_info=error)


def _start_hub(context: NodeContext) -> ActorRef[Any]:
    from peerage.actors.events.hub import EventHub  # with what writes the history: few programs need it here

    name = context.names.events
    return EventHub.options(name=name.name, host=name.host, place=THREAD, extra=context).start()


def check_callback(callback: Callable[..., object]) -> None:
    """Raises: TypeError, for what a thread cannot call, or would call in vain."""
    if not callable(callback):
        raise TypeError(f"{callback!r} cannot be called; a function is expected")
    if inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(type(callback).__call__):
        raise TypeError(
            f"{callback!r} is a coroutine function, which nobody would await in the thread of the callbacks; "
            "a plain function is expected; in asyncio, use `async for` over node.events(), or node.wait_async()"
        )


def _check(kinds: tuple[type[Any], ...]) -> None:
    """Raises: TypeError, for what no event will ever be."""
    for kind in kinds:
        if kind not in KINDS.values():
            names = ", ".join(sorted(each.__name__ for each in KINDS.values()))
            raise TypeError(f"{kind!r} is no kind of event; a class of peerage.events is expected: {names}")
