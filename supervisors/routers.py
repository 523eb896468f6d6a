"""Which workers of a pool a message goes to: Akka's routers, as plain values.

A router puts the workers into an order; the sender takes the first that has room (`pool.py`). Nothing is asked of anybody.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from itertools import chain
from typing import Any, Final

Key = str | bytes | int


class Router(Enum):
    """A way to choose that needs to know nothing of the message."""

    ROUND_ROBIN = "round_robin"  # one after the other
    SMALLEST_MAILBOX = (
        "smallest_mailbox"  # whoever has the fewest messages of this sender that are not handled
    )
    BROADCAST = "broadcast"  # all of them; an ask is answered with the list of all answers
    SCATTER_FIRST = "scatter_first"  # all of them; the first answer is the answer


@dataclass(frozen=True, slots=True)
class ConsistentHash:
    """Messages of one key go to one worker, also after that has been restarted; when the pool is resized by one, one of n
    keys moves.

    key: called with a message, in the process that sends it; returns what belongs together, as text, bytes or a number.
    """

    key: Callable[[Any], Key]


ROUND_ROBIN: Final = Router.ROUND_ROBIN
SMALLEST_MAILBOX: Final = Router.SMALLEST_MAILBOX
BROADCAST: Final = Router.BROADCAST
SCATTER_FIRST: Final = Router.SCATTER_FIRST
CONSISTENT_HASH: Final = ConsistentHash

AnyRouter = Router | ConsistentHash
TO_ALL: Final = frozenset({BROADCAST, SCATTER_FIRST})


def in_turn(size: int, turn: int) -> Iterator[int]:
    """The workers by their numbers, beginning with whose turn it is. Usually only the first is looked at."""
    first = turn % size
    return chain(range(first, size), range(first))


def by_load(loads: Sequence[int], turn: int) -> Sequence[int]:
    """Those with the least to do first; among equals, whose turn it is."""
    return sorted(in_turn(len(loads), turn), key=loads.__getitem__)


def by_key(size: int, key: Key) -> int:
    """The one worker of a key, by rendezvous hashing: the highest hash of key and number wins.

    A worker more takes keys from all others alike, and no key moves between these.

    Raises: TypeError, for a key that is none: the `repr` of an object differs between processes.
    """
    if isinstance(key, str):
        text = b"s" + key.encode(errors="surrogatepass")
    elif isinstance(key, int):
        text = b"i%d" % key
    elif isinstance(key, bytes):
        text = b"b" + key
    else:
        raise TypeError(f"a key for CONSISTENT_HASH is text, bytes or a number, and not {type(key).__name__}")
    return max(range(size), key=lambda number: blake2b(b"%d " % number + text, digest_size=8).digest())
