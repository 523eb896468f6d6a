"""What a host has handled and owes its senders: acknowledgements, and the counts that outlive the host.

Each pair of sender and actor has counts of tells that were handled and not yet acknowledged. Counts are acknowledged
when a quarter of the sender's window has gathered, and all of them `ACK_DELAY_S` after the first one: an acknowledgement for
each message would double the traffic, and a window that opens in large steps keeps a sender going. If the host is killed,
senders read what it had handled and not acknowledged in its handled counts (`mail/handled_counts.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, MutableSequence
from typing import Any, Protocol

from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail.envelope import EXEMPT, Kind
from peerage.actors.runtime.mail.handled_counts import DEAD, ENTRIES, SETTLED, WORDS, HandledCounts
from peerage.actors.runtime.mail.window import ACK, ACK_BYTES, ACK_DELAY_S, ACK_MESSAGES, UnacknowledgedCounts


class Sender(Protocol):
    """Sends acknowledgements: a port."""

    def send(self, address: int, kind: int, *, target: bytes, body: bytes) -> None: ...


class Timers(Protocol):
    """Calls later: a loop."""

    def call_later(self, task: None, delay: float, fn: Callable[..., object], /) -> object: ...


class Receipts:
    """Belongs to a host's loop.

    Attributes:
        words: the mapped file of handled counts. `words[counts.entry + SETTLED]` is the number of tells handled, `+ DEAD`
            the dead letters among them. Without the file, a list that nobody reads.

    Args:
        path: of that file; it is made for the first sender.
        is_alive: whether the host has an actor of this name, so that entries of ended actors can be used again.
    """

    def __init__(
        self, port: Sender, timers: Timers, path: str, is_alive: Callable[[bytes], bool], host: str
    ) -> None:
        self._port, self._timers, self._path, self._is_alive, self._host = port, timers, path, is_alive, host
        self._handled: HandledCounts | None = None
        self._is_closed = False
        self._dirty: list[UnacknowledgedCounts] = []
        self.words: MutableSequence[int] | memoryview[int] = [0] * WORDS

    def counts(self, source: int, target: bytes) -> UnacknowledgedCounts:
        """New counts, with their entry in the file. It is made with the first ones: most hosts of short-lived actors are
        told nothing, and 64 KiB of memory file for each would be wasted.
        """
        if self._handled is None and not self._is_closed:
            try:
                self._handled = HandledCounts(self._path, self._is_alive)
            except OSError as error:  # losses after a kill are then reported too high
                logger().warning("file of handled counts cannot be made", host=self._host, cause=str(error))
            else:
                self.words = self._handled.words
        return UnacknowledgedCounts(
            source, target, self._handled.entry(source, target) if self._handled is not None else 0
        )

    def settle(
        self, counts: UnacknowledgedCounts, flags: int, size: int, dead: int, messages: int = 1
    ) -> None:
        """Note tells as handled, or as dead letters, and acknowledge them when enough have gathered.

        This does not touch the file: the caller has counted there already, message by message.

        Args: flags, of their frame; size, their bytes; dead, how many of the `messages` were dead letters.
        """
        if flags & EXEMPT:
            counts.exempt += messages
        else:
            counts.messages += messages
            counts.size += size
        counts.dead += dead
        if counts.messages + counts.exempt >= ACK_MESSAGES or counts.size >= ACK_BYTES:
            self.acknowledge(counts)
        elif not counts.dirty:
            counts.dirty = True
            if not self._dirty:  # one timer for all senders: the first one that gathers starts it
                self._timers.call_later(None, ACK_DELAY_S, self.acknowledge_all)
            self._dirty.append(counts)

    def acknowledge(self, counts: UnacknowledgedCounts) -> None:
        """Tell the sender what has gathered."""
        was_dirty = counts.dirty
        taken = counts.take()
        counts.dirty = was_dirty  # they stay in the list, where empty counts are skipped
        if taken != (0, 0, 0, 0):
            self._port.send(counts.source, Kind.ACK, target=counts.target, body=ACK.pack(*taken))

    def acknowledge_all(self) -> None:
        """Tell all senders."""
        dirty, self._dirty = self._dirty, []
        for counts in dirty:
            counts.dirty = False
            self.acknowledge(counts)

    def dead_on_arrival(self, source: int, target: bytes, flags: int, size: int, messages: int) -> None:
        """Tells came for an actor that is not here: their sender counts them as dead letters.

        Acknowledged at once: the counts are not kept, as there is no actor that could gather more in them.
        """
        counts = self.counts(source, target)
        self.words[counts.entry + SETTLED] += messages
        self.words[counts.entry + DEAD] += messages
        self.settle(counts, flags, size, messages, messages)
        self.acknowledge(counts)

    def write_again(self) -> None:
        """The directory was removed and made again: the file must be in it."""
        if self._handled is not None and not self._is_closed:
            with contextlib.suppress(OSError):  # losses after a kill are then reported too high
                self._handled.write_again(self._path)
                self.words = self._handled.words

    def disown(self) -> None:
        """In a forked child: a handler that goes on there counts nothing any more, because the file is its parent's.

        The mapping is shared, so that a count of the child's would be taken for one of the parent's.
        """
        if isinstance(self.words, memoryview):
            self.words.release()
        self.words = _waste()

    def close(self) -> None:
        """Count nothing any more. The file stays: senders may yet look for what was not acknowledged."""
        self._is_closed = True
        self.words = _waste()
        if self._handled is not None:
            self._handled.close()


def _waste() -> list[Any]:
    """As many words as the file has: cells go on to count in their entries, and need not ask whether there is a file."""
    return [0] * WORDS * ENTRIES
