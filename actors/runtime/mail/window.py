"""Windows: what bounds a mailbox. Each sender has one for each actor, and the actor's host opens it again.

A window counts what was sent and is not yet known to be handled. The receiving host acknowledges in batches: at a quarter of
the window, or `ACK_DELAY_S` after the first unacknowledged message. ZeroMQ's own high-water marks are off, because a
full socket blocks its thread, whatever the sender wants, so this is the only bound.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import Final

from peerage.actors.runtime.mail.deadlines import ends_at

# The body of an acknowledgement: messages, bytes, messages outside the window, dead letters among them all.
ACK = struct.Struct("<IQII")
WINDOW_MESSAGES = 10_000
WINDOW_BYTES = 64 * 1024 * 1024
ACK_MESSAGES = WINDOW_MESSAGES // 4
ACK_BYTES = WINDOW_BYTES // 4
ACK_DELAY_S = 0.02


@dataclass(frozen=True, slots=True)
class Wait:
    """When the window is full: wait up to `timeout` seconds, then raise MailboxFullError. With None, wait for as long as the
    actor lives.
    """

    timeout: float | None = 10.0

    def __post_init__(self) -> None:
        ends_at(self.timeout)  # refuses what is no number of seconds


@dataclass(frozen=True, slots=True)
class Fail:
    """When the window is full: raise MailboxFullError at once."""


@dataclass(frozen=True, slots=True)
class Drop:
    """When the window is full: drop this message and count it as a dead letter."""


FAIL: Final = Fail()
DROP: Final = Drop()
DEFAULT_WAIT: Final = Wait()
WhenFull = Wait | Fail | Drop


def chosen(when_full: WhenFull | None) -> WhenFull:
    """The sender's choice, or what is done by default. Raises: TypeError, for what is no choice."""
    if when_full is None:
        return DEFAULT_WAIT
    if not isinstance(when_full, WhenFull):
        raise TypeError(f"when_full is {when_full!r}: Wait(seconds), FAIL or DROP was expected")
    return when_full


def shorter(choice: WhenFull | None, until: float | None) -> WhenFull:
    """What an ask that must be answered by `until` (monotonic seconds) does when the window is full.

    Raises: TypeError, for DROP, because somebody waits for the answer, and for what is no choice.
    """
    choice = chosen(choice)
    if isinstance(choice, Drop):
        raise TypeError("when_full=DROP is for tells: a dropped ask would never be answered")
    if until is None or isinstance(choice, Fail):
        return choice
    left = max(0.0, until - time.monotonic())
    if choice.timeout is None or choice.timeout > left:
        return Wait(left)
    return choice


class Window:
    """What one port has sent to one actor and does not know to be handled."""

    __slots__ = ("asks", "exempt", "limit", "messages", "size")

    def __init__(self) -> None:
        self.messages = 0  # tells and asks inside the window
        self.size = 0  # their bytes
        self.asks = 0  # how many of `messages` are asks: their answers acknowledge them
        self.exempt = 0  # tells outside the window, counted only so that dead letters are right
        # 0 while messages wait in line for room. The hot path of `Port.tell` then sees a full window, so that nothing
        # overtakes the line, and needs no comparison more for it.
        self.limit = WINDOW_MESSAGES

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` bytes may go now. One that is larger than the whole window may go alone."""
        return self.messages < self.limit and (self.size + size <= WINDOW_BYTES or self.messages == 0)

    def has_place(self, size: int) -> bool:
        """As `has_room`, for the first message of the line, which `limit` is not to keep back."""
        return self.messages < WINDOW_MESSAGES and (self.size + size <= WINDOW_BYTES or self.messages == 0)

    def reopen(self) -> None:
        """The line is empty: senders may use the window themselves again."""
        self.limit = WINDOW_MESSAGES

    def has_room_for(self, messages: int, size: int) -> bool:
        """Whether this many messages, of `size` bytes together, may all go now."""
        return self.messages + messages <= WINDOW_MESSAGES and self.size + size <= WINDOW_BYTES

    def release(self, messages: int, size: int) -> None:
        """Give back the room of messages that were handled, or that nobody will handle."""
        self.messages -= messages
        # The two ends may count a few bytes apart: a plain value that has waited in line for an actor of the own host is
        # counted before it is pickled. An empty window starts from 0 again, so that this does not add up.
        self.size = self.size - size if self.messages else 0

    @property
    def tells(self) -> int:
        """Tells that are not known to be handled: if the host dies now, they are dead letters."""
        return self.messages - self.asks + self.exempt


class UnacknowledgedCounts:
    """What one actor has handled from one sender and not yet acknowledged."""

    __slots__ = ("dead", "dirty", "entry", "exempt", "messages", "size", "source", "target")

    def __init__(self, source: int, target: bytes, entry: int = 0) -> None:
        self.source, self.target = source, target
        self.entry = entry  # in the host's handled counts
        self.messages = self.size = self.exempt = self.dead = 0
        self.dirty = False

    def take(self) -> tuple[int, int, int, int]:
        """Take the counts, which start from 0 again.

        Returns: messages in the window, their bytes, messages outside the window, dead letters among all of these.
        """
        counts = self.messages, self.size, self.exempt, self.dead
        self.messages = self.size = self.exempt = self.dead = 0
        self.dirty = False
        return counts
