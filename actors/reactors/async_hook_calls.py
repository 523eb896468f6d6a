"""How the hooks of a reactor are called if some of them are `async def`.

Each connection is a life of its own, in the order of the grammar. The lives of different peers interleave wherever a hook
awaits something, and so do the channels of one peer.

    a life          the life before it, of the same node ID, is over → init_peer → add_peer → its lanes → remove_peer
    a lane          the messages of one peer and channel, in order: the next one when the coroutine before it has returned

The bound is the window of each peer, as for plain hooks: its bytes are given back when the coroutine has finished.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from inspect import isawaitable, iscoroutine
from typing import Any

from peerage.actors.reactors.envelope import Decoding, Envelope
from peerage.actors.reactors.hook_calls import Consumed, Hooks, envelopes
from peerage.actors.reactors.peer_faults import PeerFaults
from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.runtime import ActorContext, Future, Reply
from peerage.actors.transfer import Place

__all__ = ["AsyncHookCalls"]

DRAIN_S = 5.0  # after the end of a connection, for what it had sent before; then it is cancelled and remove_peer called
GRACE_S = 2.0  # at the end of the reactor, for what runs; then it is cancelled. `on_stop` has the rest of the five seconds
CANCEL_S = 1.0  # for the `finally` of what was cancelled
MOST_QUESTIONS = 1000  # that wait for `handle`; whoever sends more waits, as the mailbox fills
INLINE = 64  # messages of a lane without a turn for the others, if the hook awaits nothing


class _Lane:
    """The messages of one peer and channel."""

    __slots__ = ("waiting", "workers")

    def __init__(self) -> None:
        self.waiting: deque[Envelope] = deque()
        self.workers = 0


class _Life:
    """One connection.

    Attributes: is_open, whether its messages are handled, the beginning being done; drops, whether what waits is dropped,
    because the reactor has stopped the peer; over, when remove_peer has returned.
    """

    def __init__(self, peer: Peer, before: asyncio.Event | None) -> None:
        self.peer, self.before = peer, before
        self.lanes: dict[int, _Lane] = {}
        self.is_open = self.is_leaving = self.was_stopped = False
        self.tasks: set[asyncio.Task[Any]] = set()
        self.begun = asyncio.Event()
        self.idle = asyncio.Event()
        self.over = asyncio.Event()

    @property
    def drops(self) -> bool:
        return self.was_stopped if self.is_leaving else not self.peer.is_running


class AsyncHookCalls:
    """Calls hooks that may be coroutine functions. What one raises about a peer stops that peer.

    Args:
        runtime: of the reactor.
        concurrency: how many messages of one peer and channel may be handled at a time; begun in order.
        consumed: as of `HookCalls`.
    """

    def __init__(
        self,
        hooks: Hooks,
        decoding: Decoding,
        faults: PeerFaults,
        consumed: Consumed,
        *,
        runtime: ActorContext,
        concurrency: int,
    ) -> None:
        self._hooks, self._decoding, self._faults, self._consumed = hooks, decoding, faults, consumed
        self._runtime, self._concurrency = runtime, concurrency
        self._lives: dict[str, _Life] = {}  # by connection, until it leaves
        self._last: dict[str, _Life] = {}  # by node ID, until it is over
        self._questions: deque[tuple[Coroutine[Any, Any, Any], Reply]] = deque()
        self._ends: set[asyncio.Task[Any]] = set()  # of connections
        self._answering: asyncio.Task[Any] | None = None
        self._is_ending = False

    # A connection

    def meet(self, peer: Peer) -> None:
        """A connection begins."""
        before = self._last.get(peer.id)
        life = _Life(peer, None if before is None else before.over)
        self._lives[peer.info.connection] = self._last[peer.id] = life
        self._run(life.tasks, self._begin(life))

    async def _begin(self, life: _Life) -> None:
        if life.before is not None:
            await life.before.wait()
        for name, hook in (("init_peer", self._hooks.init_peer), ("add_peer", self._hooks.add_peer)):
            if not life.drops:  # stopped by this reactor, or failed
                await self._guarded(life.peer, name, hook, life.peer)
        life.is_open = True
        life.begun.set()
        for lane in life.lanes.values():
            self._work(life, lane)

    def receive(self, peer: Peer, places: Sequence[Place], frames: Sequence[Any]) -> None:
        """Messages have come. Args: as of `transfer.received`."""
        life = self._lives[peer.info.connection]
        for envelope in envelopes(peer, places, frames):
            lane = life.lanes.get(envelope.channel_id)
            if lane is None:
                lane = life.lanes[envelope.channel_id] = _Lane()
            lane.waiting.append(envelope)
        for lane in life.lanes.values():
            self._work(life, lane)

    def _work(self, life: _Life, lane: _Lane) -> None:
        """Have a lane's messages handled, by as many coroutines as there may be."""
        while (
            life.is_open and not self._is_ending and lane.workers < min(self._concurrency, len(lane.waiting))
        ):
            lane.workers += 1
            life.idle.clear()
            self._run(life.tasks, self._serve(life, lane))

    async def _serve(self, life: _Life, lane: _Lane) -> None:
        inline = 0
        try:
            while lane.waiting and not self._is_ending:
                envelope = lane.waiting.popleft()
                size = len(envelope.message)
                if not life.drops:
                    await self._receive(life.peer, envelope)
                if not life.is_leaving:
                    self._consumed(life.peer.info, size, 1)
                inline += 1
                if inline % INLINE == 0:
                    await asyncio.sleep(0)
        finally:
            lane.workers -= 1
            if not any(each.workers for each in life.lanes.values()):
                life.idle.set()

    async def _receive(self, peer: Peer, envelope: Envelope) -> None:
        try:
            if self._decoding.is_on:
                envelope = self._decoding.decoded(envelope)
        except Exception as error:
            self._faults.stop(peer, "receive", error)
        else:
            await self._guarded(peer, "receive", self._hooks.receive, envelope)

    async def _guarded(self, peer: Peer, name: str, hook: Callable[[Any], Any], argument: Any) -> None:
        try:
            result = hook(argument)
            if isawaitable(result):
                await result
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            self._faults.stop(peer, name, _as_error(error))
        except Exception as error:
            self._faults.stop(peer, name, error)

    def leave(self, peer: Peer, reason: str, answer: Any, *, was_stopped: bool) -> Future[Any]:
        """A connection has ended. Args: was_stopped, by this reactor. Returns: the answer, when remove_peer has returned."""
        life = self._lives.pop(peer.info.connection)
        life.is_leaving, life.was_stopped = True, was_stopped
        answered: Future[Any] = Future()
        self._run(self._ends, self._finish(life, reason, answered, answer))
        return answered

    async def _finish(self, life: _Life, reason: str, answered: Future[Any], answer: Any) -> None:
        """What is left of a connection that has ended: its last messages, and remove_peer."""
        try:
            await self._drain(life)
            result = self._hooks.remove_peer(life.peer, reason)
            if isawaitable(result):
                await result
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            self._faults.log_fault("remove_peer raised", life.peer, "remove_peer", _as_error(error))
        except Exception as error:
            self._faults.log_fault("remove_peer raised", life.peer, "remove_peer", error)
        finally:
            life.peer.states = None
            life.over.set()
            if self._last.get(life.peer.id) is life:
                del self._last[life.peer.id]
            answered.set(answer)

    async def _drain(self, life: _Life) -> None:
        try:
            async with asyncio.timeout(DRAIN_S):
                await life.begun.wait()
                if any(lane.workers for lane in life.lanes.values()):
                    await life.idle.wait()
        except TimeoutError:
            for task in life.tasks:
                task.cancel()
            if life.tasks:
                await asyncio.wait(life.tasks, timeout=CANCEL_S)

    # Other messages

    def handle(self, message: Any) -> Any:
        """Somebody has told or asked something else: one at a time, in order."""
        result = self._hooks.handle(message)
        if not iscoroutine(result):
            return result
        self._questions.append((result, self._runtime.defer()))
        if self._answering is None:
            self._answering = self._runtime.spawn(self._answer())
        if len(self._questions) > MOST_QUESTIONS:
            self._runtime.coroutines.wait(lambda: len(self._questions) <= MOST_QUESTIONS)
        return None

    async def _answer(self) -> None:
        try:
            while self._questions:
                work, reply = self._questions.popleft()
                try:
                    reply.set(await work)
                except Exception as error:
                    if not reply.is_awaited:  # as an exception in a plain `handle`
                        raise
                    reply.set_exception(error)
        finally:
            self._answering = None

    # The end

    def end(self) -> None:
        """The reactor is about to stop: what runs has two seconds, what waits is not begun any more."""
        self._is_ending = True
        while self._questions:
            self._questions.popleft()[0].close()
        running = self._ends.union(*(life.tasks for life in self._last.values()))
        if self._answering is not None:
            running.add(self._answering)

        def is_over() -> bool:
            return all(task.done() for task in running)

        if not self._runtime.coroutines.wait(is_over, GRACE_S):
            for task in running:
                task.cancel()
            self._runtime.coroutines.wait(is_over, CANCEL_S)

    def _run(self, tasks: set[asyncio.Task[Any]], work: Coroutine[Any, Any, None]) -> None:
        """Run it, and keep its task among these as long as it runs."""
        task = self._runtime.spawn(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def _is_cancelled() -> bool:
    """Whether the task that runs was cancelled itself, and not only something that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _as_error(error: asyncio.CancelledError) -> Exception:
    """What a hook has raised, if that is a cancellation."""
    fault = RuntimeError("what it awaited was cancelled")
    fault.__cause__ = error
    return fault
