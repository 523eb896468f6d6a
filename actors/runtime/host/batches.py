"""How the messages of one frame are handled: each as if it had come alone, at a fraction of the cost.

Up to 256 tells of one sender to one actor share a frame (`mail/batch.py`). What they share here is the look at the mailbox,
one entry in the handled counts and one acknowledgement. What they do not share is their fate: when the third one ends the
actor, the first two are handled, and the rest are dead letters. So each of them is counted on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableSequence
from typing import Any

from peerage.actors.runtime.host.mailbox import Item
from peerage.actors.runtime.mail.batch import unpack_batch


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


def hand_over(
    values: Iterable[Any],
    receive: Callable[[Any], object],
    words: MutableSequence[int] | memoryview[int],
    entry: int,
) -> tuple[int, BaseException | None]:
    """Call `receive` with each value, and count it in `words[entry]` before the next one is begun.

    The count is written once for each message and not once for the batch, because the process may be killed at any point:
    senders then read in the file that is behind `words` how many of their tells were handled, and only the one message
    that was being handled at that moment is in doubt.

    Returns: the count, which includes a message whose handling has failed; and what it failed with, or None. After a failure
    the values behind it are not touched.
    """
    settled = words[entry]
    try:
        for value in values:
            settled += 1
            receive(value)
            words[entry] = settled
    except BaseException as error:
        words[entry] = settled
        return settled, error
    return settled, None
