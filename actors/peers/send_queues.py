"""What waits to be sent to one peer: the channels' queues, messages that wait for a place in them, and the credits.

A reactor pays a credit for each message, so that its messages find room. Three others may find none: messages of a second
sender on the same channel, a `send` that waits, and broadcasts, which wait in the host's log. They get in as places become
free.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from peerage.actors.peers.broadcasts import Listener
from peerage.actors.peers.stream import Cancellable
from peerage.actors.peers.traffic import Traffic
from peerage.wire.multiplex import MessageRun, MultiplexConnection

__all__ = ["Answer", "SendQueues"]

BACKLOG_LIMIT = (
    64  # messages of a channel that may wait for room, each with somebody who waits for its answer
)
TAKEN_AT_ONCE = (
    64 * 1024
)  # bytes of a channel's broadcasts; more of them stay in the log, which keeps them for all peers


class Answer(Protocol):
    """Where the outcome of a waiting `send` goes."""

    def set(self, value: tuple[bool, int]) -> None:
        """Say whether it was accepted, and how many messages of the channel may have been sent by now."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A message that found its channel's queue full. Equal to none but itself: comparing megabytes takes time."""

    data: Any
    answer: Answer | None  # None: a credit was paid for it, or it is the rest of a broadcast; nobody waits
    limit: Cancellable | None = None  # of the time for which it may wait

    def over(self) -> None:
        """It waits no more: its time limit, which would hold the message until then, is let go."""
        if self.limit is not None:
            self.limit.cancel()
            self.limit = None


class SendQueues:
    """The sending half of one connection, as its reactors see it.

    Credits are totals: a reactor says how many messages of a channel it has sent since the connection began, and is told
    how many it may have sent. A total that is lost or late is put right by the next one (see CreditedSender).

    Args:
        connection: holds the queues.
        routes: channel → the reactor that it belongs to.
        traffic: counts what is queued.
        count_drops: told of (channel, messages) of a broadcast that this peer was too slow for.
    """

    def __init__(
        self,
        connection: MultiplexConnection,
        routes: Mapping[int, str],
        traffic: Traffic,
        count_drops: Callable[[int, int], object],
    ) -> None:
        self._connection = connection
        self._routes = routes
        self._traffic = traffic
        self._count_drops = count_drops
        self._waiting: dict[int, deque[_Waiting]] = {}
        self._granted: dict[
            int, int
        ] = {}  # channel → how many messages its reactor was told that it may have sent
        self._listener: Listener | None = None
        self.arrived: dict[int, int] = {}
        """By channel, how many messages its reactor says that it has sent: all of them have come."""

    # --- messages of reactors ---------------------------------------------------------------------------------------

    def introduce(self, channel_ids: Iterable[int]) -> tuple[tuple[int, int], ...]:
        """A reactor begins, or begins anew, to send on its channels. Returns: the credits that it begins with."""
        own = tuple(channel_ids)
        self.arrived.update(dict.fromkeys(own, 0))
        credits_ = tuple((channel_id, self._connection.queue_room(channel_id)) for channel_id in own)
        self._granted.update(credits_)
        return credits_

    def put_paid(self, channel_id: int, messages: Sequence[Any]) -> None:
        """Queue messages that credits were paid for."""
        blocked = self._waiting.get(channel_id)
        queued = 0 if blocked else self._connection.try_send_many(channel_id, messages)
        if self._traffic.is_on:
            self._traffic.sent(channel_id, sum(map(len, messages[:queued])))
        for data in messages[queued:]:  # another sender has taken the place for a moment
            self._wait(channel_id, _Waiting(data, None))

    def put_paid_run(self, run: MessageRun) -> None:
        """As `put_paid`, joined messages."""
        queued = 0 if self._waiting.get(run.channel_id) else self._connection.try_send_run(run)
        if queued == run.messages:
            if self._traffic.is_on:
                self._traffic.sent(run.channel_id, len(run.data))
            return
        messages = [message.data for message in run.each()]
        if self._traffic.is_on:
            self._traffic.sent(run.channel_id, sum(map(len, messages[:queued])))
        for data in messages[queued:]:
            self._wait(run.channel_id, _Waiting(data, None))

    def offer(self, channel_id: int, data: Any) -> tuple[bool, int] | None:
        """Queue a message that has no credit, if there is room.

        Returns: the answer for its sender; None when the message would have to wait.
        """
        if not self._waiting.get(channel_id) and self._put(channel_id, data):
            return self._accepted(channel_id)
        return None

    def may_wait(self, channel_id: int) -> bool:
        """Whether `wait` may be called: not too many wait already."""
        return len(self._waiting.get(channel_id, ())) < BACKLOG_LIMIT

    def wait(
        self, channel_id: int, data: Any, answer: Answer, limit: Callable[[Callable[[], object]], Cancellable]
    ) -> None:
        """Have a message wait for room.

        Args: limit, has what it is given called after the time for which the message may wait. It is refused then.
        """
        entry = _Waiting(data, answer)
        self._wait(channel_id, entry)

        def give_up() -> None:
            entry.over()
            queue = self._waiting.get(channel_id)
            if queue is not None and entry in queue:
                queue.remove(entry)
                answer.set((False, self.grant(channel_id)))

        entry.limit = limit(give_up)

    def grant(self, channel_id: int) -> int:
        """How many messages of this channel its reactor may have sent by now; it is taken to know that from here on."""
        total = self._granted[channel_id] = self._total(channel_id)
        return total

    def take_credits(self) -> dict[str, dict[int, int]]:
        """By reactor, the totals of those channels on which it may send more than it has been told.

        A reactor that still has more than half of its credits is told with the next ones: its next messages bring us here
        again, as soon as they leave.
        """
        by_reactor: dict[str, dict[int, int]] = {}
        for channel_id in self._connection.take_started():
            # A broadcast leaves a place behind as well. That is no news for a reactor that has sent nothing.
            granted = self._granted.get(channel_id, 0)
            left = granted - self.arrived.get(channel_id, 0)
            if self._total(channel_id) > granted and 2 * left <= self._connection.queue_capacity(channel_id):
                totals = by_reactor.setdefault(self._routes[channel_id], {})
                totals[channel_id] = self.grant(channel_id)
        return by_reactor

    # --- broadcasts -------------------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Send what is broadcast from now on."""
        self._listener = listener

    def take_rest_of_broadcasts(self) -> Listener | None:
        """Before a graceful end: what has been broadcast is still sent, what comes later is not.

        Returns: the listener that is no longer used.
        """
        listener, self._listener = self._listener, None
        if listener is not None:
            for channel_id in listener.channels_behind():
                messages, missed = listener.take(channel_id, sys.maxsize)
                self._count_drops(channel_id, missed)
                for data in messages:
                    self._wait(channel_id, _Waiting(data, None))
            self.fill()
        return listener

    def _take_broadcasts(self, listener: Listener) -> bool:
        """Move broadcasts into the channels' queues, as far as there is room. Returns: whether any came."""
        channels = listener.channels_behind()
        for channel_id in channels:
            room = 0 if self._waiting.get(channel_id) else self._connection.queue_room(channel_id)
            if room:
                messages, missed = listener.take(channel_id, room, TAKEN_AT_ONCE)
                self._connection.try_send_many(channel_id, messages)
                self._count_drops(channel_id, missed)
                if self._traffic.is_on:
                    self._traffic.sent(channel_id, sum(map(len, messages)))
        return bool(channels)

    @property
    def waiting(self) -> int:
        """Bytes of messages that wait for room in the queues."""
        if not self._waiting:
            return 0
        return sum(len(entry.data) for queue in self._waiting.values() for entry in queue)

    # --- to the socket ----------------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, in the queues or before them."""
        return not self._waiting and self._connection.flushed

    def next_chunk(self, now: float, limit: int) -> bytes:
        """What to seal next, about `limit` bytes at most. Broadcasts may go through a queue that is far smaller."""
        listener = self._listener
        if listener is None or not listener.is_behind:
            return self._connection.data_to_send(now, limit)
        parts: list[bytes] = []
        is_behind = True
        while is_behind and limit > 0:
            is_behind = self._take_broadcasts(listener)
            part = self._connection.data_to_send(now, limit)
            if not part:
                break
            parts.append(part)
            limit -= len(part)
            self.fill()
        return b"".join(parts)

    def fill(self) -> bool:
        """Move what waited into the channels' queues, as far as there is room. Returns: whether anything was moved."""
        if not self._waiting:
            return False
        moved = False
        for channel_id, queue in list(self._waiting.items()):
            while queue and self._put(channel_id, queue[0].data):
                entry = queue.popleft()
                entry.over()
                moved = True
                if entry.answer is not None:
                    entry.answer.set(self._accepted(channel_id))
            if not queue:
                del self._waiting[channel_id]
        return moved

    def close(self) -> None:
        """Everyone who still waits is refused, and nothing that was to be sent is kept."""
        waiting, self._waiting, self._listener = self._waiting, {}, None
        self._connection.discard()
        for queue in waiting.values():
            for entry in queue:
                entry.over()
                if entry.answer is not None:
                    entry.answer.set((False, 0))

    def _put(self, channel_id: int, data: Any) -> bool:
        if not self._connection.try_send_many(channel_id, (data,)):
            return False
        if self._traffic.is_on:
            self._traffic.sent(channel_id, len(data))
        return True

    def _wait(self, channel_id: int, entry: _Waiting) -> None:
        self._waiting.setdefault(channel_id, deque()).append(entry)

    def _accepted(self, channel_id: int) -> tuple[bool, int]:
        self.arrived[channel_id] = self.arrived.get(channel_id, 0) + 1
        return True, self.grant(channel_id)

    def _total(self, channel_id: int) -> int:
        return self.arrived.get(channel_id, 0) + self._connection.queue_room(channel_id)
