"""A map that is the same at all nodes: whoever sets a key tells the others, and anti-entropy mends what was missed.

Writes go to all at once (gossip). Now and then a node sends one peer a digest of each of its buckets; where they differ,
both send each other what they have. So nodes that were apart are alike again soon after they are together. Of two values
of a key the one with the higher version counts: a Lamport clock, and the writer's ID where clocks are equal.

    node.reactor("MAP").ask(Set("colour", b"blue"))
    node.reactor("MAP").ask(Get("colour"))

Any peer may set any key: for values that only some may set, sign them, as price_feed.py does.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import msgspec

from peerage import ChannelDescriptor, Envelope, Peer, Reactor

MAP = 0x72
INTERVAL_S = 1.0  # between two rounds of anti-entropy
MOST_KEYS = 10_000
MOST_KEY_LETTERS, MOST_VALUE_BYTES = 100, 1000
BUCKETS = 64
DIGEST_BYTES = 8
BATCH = 50  # entries in a message
BATCHES = 10  # messages for one digest; what is left comes with the next ones
MOST_AHEAD = 1_000_000  # a version that far from ours is a lie: it would leave no room for later ones


class Entry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One value of one key. Attributes: clock and writer, together its version."""

    key: Annotated[str, msgspec.Meta(max_length=MOST_KEY_LETTERS)]
    value: Annotated[bytes, msgspec.Meta(max_length=MOST_VALUE_BYTES)]
    clock: Annotated[int, msgspec.Meta(gt=0, lt=2**53)]
    writer: Annotated[str, msgspec.Meta(max_length=40)]

    @property
    def version(self) -> tuple[int, str, bytes]:
        """What decides. The value counts where a writer has two of a version, which only a liar has."""
        return self.clock, self.writer, self.value


class Entries(msgspec.Struct, frozen=True, tag="entries", forbid_unknown_fields=True):
    """Have these, if they are newer than yours."""

    entries: Annotated[list[Entry], msgspec.Meta(max_length=BATCH)]


class Digests(msgspec.Struct, frozen=True, tag="digests", forbid_unknown_fields=True):
    """This is what we have. Attributes: wants_ours, whether the digests of the other are expected, too."""

    digests: Annotated[
        bytes, msgspec.Meta(min_length=BUCKETS * DIGEST_BYTES, max_length=BUCKETS * DIGEST_BYTES)
    ]
    wants_ours: bool


_decoder = msgspec.msgpack.Decoder(Entries | Digests)


@dataclass(frozen=True, slots=True)
class Set:
    """From our own program. Raises: ValueError, too long, or the map is full."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Get:
    """From our own program. Answer: the value, or None."""

    key: str


@dataclass(frozen=True, slots=True)
class GetAll:
    """From our own program. Answer: all values by their keys."""


class Table:
    """The map itself, in buckets. It talks to nobody."""

    def __init__(self) -> None:
        self._buckets: list[dict[str, Entry]] = [{} for _ in range(BUCKETS)]
        self._digests: list[bytes | None] = [None] * BUCKETS  # None: it has changed
        self._size = self.clock = 0

    def get(self, key: str) -> Entry | None:
        """Its entry."""
        return self._buckets[_bucket_of(key)].get(key)

    def entries(self, buckets: Iterable[int] = range(BUCKETS)) -> list[Entry]:
        """All entries of some buckets."""
        return [entry for bucket in buckets for entry in self._buckets[bucket].values()]

    def merge(self, entry: Entry) -> bool:
        """Take an entry that is newer than ours. Returns: whether it was. A full map takes no new keys."""
        if entry.clock > self.clock + MOST_AHEAD:
            return False
        number = _bucket_of(entry.key)
        known = self._buckets[number].get(entry.key)
        if known is None and self._size >= MOST_KEYS:
            return False
        if known is not None and known.version >= entry.version:
            return False
        self._size += known is None
        self._buckets[number][entry.key] = entry
        self.clock = max(self.clock, entry.clock)
        self._digests[number] = None
        return True

    def digests(self) -> bytes:
        """Of all buckets, one after the other."""
        return b"".join(map(self._digest, range(BUCKETS)))

    def differing(self, digests: bytes) -> list[int]:
        """The buckets in which somebody with these digests has something else."""
        theirs = (digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))
        return [number for number, digest in enumerate(theirs) if digest != self._digest(number)]

    def _digest(self, number: int) -> bytes:
        known = self._digests[number]
        if known is None:
            entries = sorted(map(msgspec.msgpack.encode, self._buckets[number].values()))
            known = self._digests[number] = hashlib.sha256(b"".join(entries)).digest()[:DIGEST_BYTES]
        return known


@dataclass(slots=True)
class Exchange:
    """How far anti-entropy with a peer is."""

    answered_at: float = float("-inf")
    awaits_theirs: bool = False


class KeyValueMap(Reactor):
    """Args: interval, seconds between two rounds of anti-entropy."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = (
        ChannelDescriptor(
            id=MAP,
            priority=2,
            send_queue_capacity=2 * BATCHES,
            recv_message_capacity=BATCH * (4 * MOST_KEY_LETTERS + MOST_VALUE_BYTES + 100),
        ),
    )

    def __init__(self, interval: float = INTERVAL_S) -> None:
        super().__init__()
        self._interval = interval
        self._table = Table()
        self._exchanges: dict[str, Exchange] = {}

    def on_start(self) -> None:
        self.runtime.call_later(self._interval, self._round)

    def init_peer(self, peer: Peer) -> None:
        self._exchanges[peer.id] = Exchange()

    def add_peer(self, peer: Peer) -> None:
        self._offer(peer)

    def remove_peer(self, peer: Peer, reason: str) -> None:
        del self._exchanges[peer.id]

    def receive(self, envelope: Envelope) -> None:
        peer = envelope.source
        try:
            message = _decoder.decode(envelope.message)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            peer.stop(f"nothing of the map's: {error}")
            return
        if isinstance(message, Entries):
            self._spread([entry for entry in message.entries if self._table.merge(entry)])
        else:
            self._compare(peer, message)

    def handle(self, message: Any) -> Any:
        match message:
            case Set(key, value):
                self._set(key, value)
                return None
            case Get(key):
                entry = self._table.get(key)
                return None if entry is None else entry.value
            case GetAll():
                return {entry.key: entry.value for entry in self._table.entries()}
        raise TypeError(f"found {message!r}, expected: Set, Get or GetAll")

    def _set(self, key: str, value: bytes) -> None:
        if len(key) > MOST_KEY_LETTERS or len(value) > MOST_VALUE_BYTES:
            raise ValueError(f"a key has up to {MOST_KEY_LETTERS} letters, a value {MOST_VALUE_BYTES} bytes")
        entry = Entry(key, value, self._table.clock + 1, self.node.node_info.id)
        if not self._table.merge(entry):
            raise ValueError(f"there are {MOST_KEYS} keys already")
        self._spread([entry])

    def _spread(self, entries: list[Entry]) -> None:
        """Tell everybody what is new. It ends, because nothing is new twice; what is lost on the way is mended later."""
        if entries:
            self.broadcast(MAP, msgspec.msgpack.encode(Entries(entries)))

    def _round(self) -> None:
        if self.peers:
            self._offer(random.choice(list(self.peers.values())))  # noqa: S311 - no secret
        self.runtime.call_later(self._interval, self._round)

    def _offer(self, peer: Peer) -> None:
        self._exchanges[peer.id].awaits_theirs = True
        self._send(peer, Digests(self._table.digests(), wants_ours=True))

    def _compare(self, peer: Peer, theirs: Digests) -> None:
        # Digests are short and what follows is long, so they count once when we asked for them, and else twice in a round,
        # however often a peer sends them.
        exchange, now = self._exchanges[peer.id], time.monotonic()
        if theirs.wants_ours:
            if now - exchange.answered_at < self._interval / 2:
                return
            exchange.answered_at = now
            self._send(peer, Digests(self._table.digests(), wants_ours=False))
        elif exchange.awaits_theirs:
            exchange.awaits_theirs = False
        else:
            return
        buckets = self._table.differing(theirs.digests)
        random.shuffle(buckets)  # so that each has its turn, when there are too many
        entries = self._table.entries(buckets)[: BATCH * BATCHES]
        for start in range(0, len(entries), BATCH):
            self._send(peer, Entries(entries[start : start + BATCH]))

    @staticmethod
    def _send(peer: Peer, message: Entries | Digests) -> None:
        peer.try_send(MAP, msgspec.msgpack.encode(message))  # if there is no room, then in a later round


def _bucket_of(key: str) -> int:
    return hashlib.sha256(key.encode()).digest()[0] % BUCKETS
