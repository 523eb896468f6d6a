"""How the messages of one frame are handled: each as if it had come alone, at a fraction of the cost.

Up to 256 tells of one sender to one actor share a frame (`mail/batch.py`). What they share here is the look at the mailbox,
one entry in the handled counts and one acknowledgement. What they do not share is their fate: when the third one ends the
actor, the first two are handled, and the rest are dead letters. So each of them is counted on its own.
"""

from __future__ import annotations

from collections.abc import Callable, MutableSequence, Sequence
from typing import Any, Protocol

from peerage.actors.runtime.host.mailbox import Item
from peerage.actors.runtime.mail.batch import unpack_batch
from peerage.actors.runtime.mail.handled_counts import DEAD, SETTLED


def split(item: Item, limit: int) -> tuple[list[Any], Item | None]:
    """Take up to `limit` messages from a batch.

    Returns: their values, or their pickles, as the frame has them (JOINED); and what is left of the batch, as an item to be
    put back, or None. What is left is unpacked already, so that a long batch is not unpacked again in each turn; it bears
    the size of the whole, for the window gets its bytes back when the last message has been handled.
    """
    kind, flags, source, messages, sender, body, extras, size, arrived = item
    values: list[Any] = body if type(body) is list else unpack_batch(flags, body, messages)
    if messages <= limit:
        return values, None
    rest = values[limit:]
    del values[limit:]
    return values, (kind, flags, source, len(rest), sender, rest, extras, size, arrived)


class Counted(Protocol):
    """Where the handled counts are: the host's receipts. `words` may be another object after each message."""

    words: MutableSequence[int] | memoryview[int]


def hand_over(
    values: Sequence[Any], receive: Callable[[Any], object], counted: Counted, entry: int
) -> tuple[int, int, BaseException | None]:
    """Call `receive` with each value, and count it in the handled counts before the next one is begun.

    The count is written once for each message and not once for the batch, because the process may be killed at any point:
    senders then read in the file that is behind `counted.words` how many of their tells were handled, and only the one
    message that was being handled at that moment is in doubt.

    The words are looked up each time. While a handler waits, the file may be written again, because its directory was
    removed; in a child that a handler forks, the parent's file is let go of. The words from before are of no use then. In
    such a child the values behind this one are taken away as well (`Mailbox.clear`): its parent handles them.

    A failure ends the batch. The values behind it are settled here, as dead letters: they are not in the mailbox any more,
    where the end of the actor would find them.

    Args: entry, of the sender and the actor in the handled counts (`mail/handled_counts.py`).
    Returns: how many were given to `receive`, with the one that has failed; how many were dead letters, those that
        `receive` itself has counted as such among them; and what it failed with, or None.
    """
    messages, at = len(values), entry + SETTLED
    before = settled = counted.words[at]
    dead_before = counted.words[entry + DEAD]
    failure = None
    try:
        for value in values:
            settled += 1
            receive(value)
            counted.words[at] = settled
    except BaseException as error:
        failure = error
        counted.words[at] = settled
    handled = settled - before
    if left := messages - handled:
        counted.words[entry + DEAD] += left
        counted.words[at] = settled + left
    return handled, counted.words[entry + DEAD] - dead_before, failure
