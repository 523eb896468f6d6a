"""What the address book knows of one address: a value to hand out and to store, and the book's own entry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from peerage.actors.discovery.book.timestamps import DAY, MINUTE, NEVER
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

RECENT_TRY = MINUTE  # reference 9, bad
MISSING_AFTER = 7 * DAY  # reference 9, bad
MAX_TRIES_WITHOUT_SUCCESS = 3  # reference 9, bad
MAX_FAILURES = 10  # reference 9, bad
NO_SUCCESS_FOR = 7 * DAY  # reference 9, bad
VERIFY_AGAIN_AFTER = 30 * MINUTE  # after an answer; a seed of 10,000 addresses dials 6 a second for that
FIRST_PAUSE = MINUTE  # after a failed try; it doubles with each
LONGEST_PAUSE = DAY
FIRST_LET_BE = 60 * MINUTE  # a node of another network; it doubles with each time, up to LONGEST_PAUSE


class Kind(IntEnum):
    """Heard of, or proved. The numbers are those of CometBFT's file."""

    NEW = 1
    OLD = 2


class Standing(Enum):
    """What dialling an address has shown. The values are shown to operators."""

    UNTRIED = "untried"
    VERIFIED = "verified"
    FAILING = "failing"
    INCOMPATIBLE = "incompatible"


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """All that is known of one address, as it was when asked for.

    source: who told it. buckets: where it lies, ascending; one number when old, up to four when new.
    attempts: failed tries since the last success. Times are Unix nanoseconds or NEVER; last_attempt is when
    it was added as long as it was never tried, last_ban is until when it was banned. latency: nanoseconds that
    dial and handshake took when it last answered, 0 if not known. next_try: from when on it is worth a dial
    that nobody needs. moved: another address it is said to have, to be tried. incompatible: how often in a row its
    node turned out to be of another network or protocol; as long as it is, next_try holds for every dial.
    """

    address: NetAddress
    source: NetAddress
    kind: Kind = Kind.NEW
    buckets: tuple[int, ...] = ()
    attempts: int = 0
    last_attempt: int = NEVER
    last_success: int = NEVER
    last_ban: int = NEVER
    latency: int = 0
    next_try: int = NEVER
    moved: NetAddress | None = None
    incompatible: int = 0

    @property
    def standing(self) -> Standing:
        """What dialling it has shown."""
        if self.incompatible:
            return Standing.INCOMPATIBLE
        return _standing(self.attempts, self.last_success)

    @property
    def id(self) -> NodeID:
        """Whose address it is."""
        return self.address.id


class Entry:
    """A known address inside the book. `position` is its place in the list of all of its kind."""

    __slots__ = (
        "address",
        "attempts",
        "buckets",
        "incompatible",
        "kind",
        "last_attempt",
        "last_ban",
        "last_success",
        "latency",
        "moved",
        "next_try",
        "position",
        "source",
    )

    def __init__(self, address: NetAddress, source: NetAddress, now: int) -> None:
        self.address = address
        self.source = source
        self.kind = Kind.NEW
        self.buckets: tuple[int, ...] = ()
        self.attempts = 0
        self.last_attempt = now
        self.last_success = NEVER
        self.last_ban = NEVER
        self.latency = 0
        self.next_try = NEVER
        self.moved: NetAddress | None = None
        self.incompatible = 0
        self.position = -1

    @classmethod
    def of(cls, known: KnownAddress, kind: Kind) -> Entry:
        """An entry that lies in no bucket yet."""
        entry = cls(known.address, known.source, known.last_attempt)
        entry.kind = kind
        entry.attempts = known.attempts
        entry.last_success = known.last_success
        entry.last_ban = known.last_ban
        entry.latency = known.latency
        entry.next_try = known.next_try
        entry.moved = known.moved
        entry.incompatible = known.incompatible
        return entry

    def known(self) -> KnownAddress:
        """The entry as a value."""
        return KnownAddress(
            self.address,
            self.source,
            self.kind,
            self.buckets,
            self.attempts,
            self.last_attempt,
            self.last_success,
            self.last_ban,
            self.latency,
            self.next_try,
            self.moved,
            self.incompatible,
        )

    def is_at(self, address: NetAddress) -> bool:
        """Whether this is its own IP and port."""
        return same_place(self.address, address)

    def dialable(self) -> NetAddress:
        """Where to dial it: where it is said to have moved, once it does not answer where it was."""
        return self.moved if self.moved is not None and self.attempts else self.address

    def place_to_check(self) -> NetAddress:
        """Where to see whether it answers: where it is said to have moved, if anything is said."""
        return self.moved if self.moved is not None else self.address

    def answered(self, now: int, latency: int) -> None:
        """A handshake has verified it just now."""
        self.attempts = self.incompatible = 0
        self.last_attempt = self.last_success = now
        self.next_try = now + VERIFY_AGAIN_AFTER
        if latency:
            self.latency = latency

    def failed(self, now: int) -> None:
        """A dial has failed just now."""
        self.attempts += 1
        self.last_attempt = now
        self.next_try = now + min(FIRST_PAUSE << min(self.attempts - 1, 16), LONGEST_PAUSE)

    def is_another_network(self, now: int) -> None:
        """Its node is there but of another network. That is no failure; it is left alone for a while."""
        self.attempts = 0
        self.incompatible += 1
        self.last_attempt = now
        self.next_try = now + min(FIRST_LET_BE << min(self.incompatible - 1, 16), LONGEST_PAUSE)

    def is_bad(self, now: int) -> bool:
        """Whether it may make room for another: new, not tried in the last minute, and hopeless.

        A last try in the future (the clock was wrong once) protects nothing.
        Source: reference 9.
        """
        if self.kind is not Kind.NEW:
            return False
        idle = now - self.last_attempt
        if 0 <= idle < RECENT_TRY:
            return False
        if idle > MISSING_AFTER or self.incompatible:
            return True
        if self.last_success == NEVER and self.attempts >= MAX_TRIES_WITHOUT_SUCCESS:
            return True
        return now - self.last_success > NO_SUCCESS_FOR and self.attempts >= MAX_FAILURES


def same_place(one: NetAddress, other: NetAddress) -> bool:
    """Whether two addresses have the same IP and port, under whatever IDs."""
    return one.port == other.port and one.host == other.host


def _standing(attempts: int, last_success: int) -> Standing:
    if attempts:
        return Standing.FAILING
    return Standing.UNTRIED if last_success == NEVER else Standing.VERIFIED
