"""What the connections of a node may hold in memory, all together, and what happens when that is used up.

The budget has three parts:

    held        one half       messages that are not wholly here, and those that are not wholly sent
    waiting     three eighths  messages that reactors have not consumed
    broadcasts  one eighth     messages that are being broadcast, each host an equal share

When reactors are behind, reading stops until they have consumed: that is back-pressure, and nobody's fault. When `held` is
used up, it does not help to read nothing, for what has begun can only end by being read, and what is not sent only by the
remote's reading it. So the heaviest connection of the node is ended: the one with the most bytes times the time that it
has had so many. A peer that sends a long message, as any may, has few of these; one that leaves messages unfinished on
all channels has the more the longer it stays. Meanwhile the others are not read.

A connection that holds no more than ALLOWANCE is not concerned by any of it: pings, votes and requests go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Self

from peerage.actors.context import NodeContext
from peerage.actors.peers.memory_table import MemoryTable
from peerage.actors.peers.stream import Loop
from peerage.actors.runtime.heap import WORTH_TRIMMING, trim
from peerage.actors.runtime.limits import memory_limit
from peerage.wire.channel import ChannelDescriptor

__all__ = ["ALLOWANCE", "MEMORY_IS_SHORT", "Account", "MemoryBudget", "budget_for", "least_budget"]

ALLOWANCE = 64 * 1024  # bytes of each connection that are never too many: one read of the socket
STEP = 256 * 1024  # bytes by which what a host holds may differ from what it has told the others
LOOK_S = 0.1  # between two looks at who is the heaviest, while anybody holds more than the allowance
TRIM_S = 1.0  # after the end of a connection that held much
HELD_SHARE, WAITING_SHARE, BROADCAST_SHARE = 4, 3, 1  # eighths
SHARES = HELD_SHARE + WAITING_SHARE + BROADCAST_SHARE
MACHINE_SHARE = 4  # the budget is a quarter of the machine's memory, unless the operator has said what it is
MOST_BY_DEFAULT = 2 * 1024 * 1024 * 1024
_MIB = 1024 * 1024
MEMORY_IS_SHORT = "memory is short"  # begins the reason for which a connection has to go


def least_budget(channels: Iterable[ChannelDescriptor]) -> int:
    """The smallest budget, in bytes, with which a message of any channel can arrive, even if another one has begun to."""
    return 4 * max((channel.recv_message_capacity for channel in channels), default=1)


def budget_for(setting: int, channels: Iterable[ChannelDescriptor]) -> int:
    """Bytes that the connections of a node may hold. Args: setting, what the operator says, 0 for nothing."""
    chosen = setting or min(MOST_BY_DEFAULT, memory_limit() // MACHINE_SHARE)
    return max(chosen, least_budget(channels))


class Account:
    """What one connection holds, in bytes.

    Args:
        hold_up: called with True when the connection is not to be read for a while, with False when it may be again.
        end: called with a reason when the connection has to go.
    """

    __slots__ = (
        "_budget",
        "end",
        "hold_up",
        "is_ending",
        "is_held_up",
        "since",
        "unconsumed",
        "unfinished",
        "unsent",
    )

    def __init__(
        self, budget: MemoryBudget, hold_up: Callable[[bool], object], end: Callable[[str], object]
    ) -> None:
        self._budget = budget
        self.hold_up, self.end = hold_up, end
        self.unfinished = self.unsent = self.unconsumed = 0
        self.since = 0.0  # when it came to hold more than the allowance
        self.is_held_up = self.is_ending = False

    @property
    def held(self) -> int:
        """Bytes of messages that are not wholly here or not wholly sent: only the remote can end that."""
        return self.unfinished + self.unsent

    def holds(self, unfinished: int, unsent: int) -> None:
        """So many bytes of messages have begun to arrive, and so many are not wholly sent."""
        more_unfinished, more_unsent = unfinished - self.unfinished, unsent - self.unsent
        if more_unfinished or more_unsent:
            was_large = self.unfinished + self.unsent > ALLOWANCE
            is_large = unfinished + unsent > ALLOWANCE
            self.unfinished, self.unsent = unfinished, unsent
            if is_large is not was_large:
                self._budget.note_size(self, is_large=is_large)
            self._budget.changed(more_unfinished, more_unsent)

    def waits(self, unconsumed: int) -> None:
        """So many bytes were handed to reactors, or wait for room there, and are not consumed."""
        more = unconsumed - self.unconsumed
        if more:
            self.unconsumed = unconsumed
            self._budget.waiting_changed(more)

    def may_read(self) -> bool:
        """Whether there is memory for what is read. If not, the connection is held up, and told when it may go on."""
        return (
            self._budget.has_room
            or self.unfinished + self.unsent + self.unconsumed <= ALLOWANCE
            or self._budget.may_read(self)
        )

    def close(self) -> None:
        """The connection holds nothing any more."""
        held = self.held
        self.holds(0, 0)
        self.waits(0)
        self._budget.closed(self, held)
        self.hold_up = self.end = _ignore


def _ignore(_what: object) -> None:
    """The connection is gone."""


class MemoryBudget:
    """The accounts of one peer host.

    Args: table, shared by the hosts of the node; loop, of this one; give_back, has the process return freed memory.

    Attributes, in bytes: unfinished, unsent, unconsumed, of all connections of this host; has_room, whether there was any
        when this host last told the others what it holds, or looked: it reads no more than STEP bytes until it does.
    """

    def __init__(self, table: MemoryTable, loop: Loop, give_back: Callable[[], object] = trim) -> None:
        self._table, self._loop, self._give_back = table, loop, give_back
        self.unfinished = self.unsent = self.unconsumed = 0
        self._told_held = self._told_waiting = 0  # as the table has it
        self.has_room = False
        self._most_weight = 0.0  # of a connection, at the latest look
        self._large: set[Account] = set()  # those that hold more than the allowance
        self._held_up: set[Account] = set()
        self._look_due = self._trim_due = False
        self.ended = 0
        """How many connections were ended because memory was short."""

    @classmethod
    def of_one(cls, context: NodeContext, loop: Loop) -> Self:
        """For a peer in a process of its own: its part of the node's budget, which it shares with nobody."""
        channels = context.channels
        limit = budget_for(context.config.peerage.peer_memory, channels) // max(1, context.most_peers)
        fd = MemoryTable.create(1, limit, least_budget(channels))
        try:
            return cls(MemoryTable(fd, 0, 1), loop)
        finally:
            os.close(fd)

    def open(self, hold_up: Callable[[bool], object], end: Callable[[str], object]) -> Account:
        """A connection begins. Args: as of Account."""
        return Account(self, hold_up, end)

    @property
    def broadcast_share(self) -> int:
        """Bytes of broadcasts that this host may keep."""
        return self._table.limit * BROADCAST_SHARE // SHARES // self._table.hosts

    def shrink_to(self, share: float) -> None:
        """Have the whole node hold this part of what it may hold otherwise; see MemoryTable."""
        self._table.shrink_to(share)

    # --- of accounts -----------------------------------------------------------------------------------------------------

    def changed(self, unfinished: int, unsent: int) -> None:
        """An account holds so many bytes more than before, or fewer."""
        self.unfinished += unfinished
        self.unsent += unsent
        if abs(self.unfinished + self.unsent - self._told_held) >= STEP:
            self._tell()

    def note_size(self, account: Account, *, is_large: bool) -> None:
        """An account has come to hold more than the allowance, or does no more."""
        if is_large:
            account.since = self._loop.now()
            self._large.add(account)
            self._look_soon()
        else:
            self._large.discard(account)

    def waiting_changed(self, unconsumed: int) -> None:
        """So many bytes more than before wait for reactors, or fewer."""
        self.unconsumed += unconsumed
        if abs(self.unconsumed - self._told_waiting) >= STEP:
            self._tell()

    def may_read(self, account: Account) -> bool:
        """As `Account.may_read`, of one that holds more than the allowance."""
        if self._look_for_room():
            return True
        if not account.is_held_up:
            account.is_held_up = True
            self._held_up.add(account)
            account.hold_up(True)
            self._look_soon()
        return False

    def closed(self, account: Account, held: int) -> None:
        """A connection is gone, which held so many bytes in the end."""
        self._held_up.discard(account)
        self._large.discard(account)
        if held >= WORTH_TRIMMING and not self._trim_due:
            self._trim_due = True
            self._loop.call_later(TRIM_S, self._trim)

    # --- of the node -----------------------------------------------------------------------------------------------------

    def _part(self, share: int) -> int:
        return self._table.limit * share // SHARES

    def _look_for_room(self) -> bool:
        held, waiting = self._table.totals()
        self.has_room = held < self._part(HELD_SHARE) and waiting < self._part(WAITING_SHARE)
        return self.has_room

    def _tell(self) -> None:
        held, waiting = self._told_held, self._told_waiting = self.unfinished + self.unsent, self.unconsumed
        self._table.set(held, waiting, self._most_weight)
        self._look_for_room()

    def _weight(self, account: Account) -> float:
        return account.held * (self._loop.now() - account.since + LOOK_S)

    def _look_soon(self) -> None:
        if not self._look_due:
            self._look_due = True
            self._loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        """End the heaviest connection if memory is short, and let others go on if it is not."""
        self._look_due = False
        heaviest = max(self._large, key=self._weight, default=None)
        self._most_weight = 0.0 if heaviest is None else self._weight(heaviest)
        self._tell()
        held, _waiting = self._table.totals()
        is_short = held >= self._part(HELD_SHARE)
        if is_short and heaviest is not None and self._table.is_heaviest():
            self._end(heaviest)
        if self._held_up and self._look_for_room():
            resumed, self._held_up = self._held_up, set()
            for account in resumed:
                account.is_held_up = False
                account.hold_up(False)
        if self._large or self._held_up:
            self._look_soon()

    def _end(self, account: Account) -> None:
        if not account.is_ending:
            account.is_ending = True
            self.ended += 1
            account.end(
                f"{MEMORY_IS_SHORT}: {account.unfinished / _MIB:.1f} MiB of unfinished messages and "
                f"{account.unsent / _MIB:.1f} MiB that were not taken, for {self._loop.now() - account.since:.0f} s; "
                f"all peers together may hold {self._table.limit / _MIB:.0f} MiB (peerage.peer_memory)"
            )

    def _trim(self) -> None:
        self._trim_due = False
        self._give_back()
