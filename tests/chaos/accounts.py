"""Whether the numbered messages of a run are all accounted for: a pure comparison of both ends' records.

A message from a peer is acknowledged when the peer has its answer, which the reactor gives behind its entry. A message to a
peer is acknowledged when the reactor has an entry of its coming back. What is not acknowledged may be lost, but only with
its connection or with its reactor's life: within one of both at the same time, only a tail may be missing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from tests.chaos.records import Entry, Kind

__all__ = ["Account", "Ranges", "inbound", "outbound"]

Range = tuple[int, int]


class Ranges(Collection[int]):
    """The numbers that one end has received, as half-open ranges."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._ranges = sorted(ranges)

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and any(low <= number < high for low, high in self._near(number))

    def __iter__(self) -> Iterator[int]:
        for low, high in self._ranges:
            yield from range(low, high)

    def __len__(self) -> int:
        return sum(high - low for low, high in self._ranges)

    def _near(self, number: int) -> Sequence[Range]:
        position = bisect_right(self._ranges, (number, 1 << 64))
        return self._ranges[max(0, position - 1) : position]


@dataclass(slots=True)
class Account:
    """What became of the messages of one channel in one direction.

    Args:
        handled: entered by whoever they were for.
        acknowledged: known by their sender to have been handled.
        violations: what must not be, a line each.
    """

    channel: str
    sent: int = 0
    handled: int = 0
    acknowledged: int = 0
    duplicates: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Not handled; none of them was acknowledged, or there is a violation."""
        return self.sent - self.handled

    def __str__(self) -> str:
        return (
            f"{self.channel}: {self.sent} sent, {self.handled} handled, {self.acknowledged} acknowledged, "
            f"{self.lost} lost unacknowledged, {self.duplicates} handled twice"
        )


def inbound(
    channel: str, entries: Sequence[Entry], sent: Mapping[str, int], answered: Mapping[str, Ranges]
) -> Account:
    """From the peers to a reactor.

    Args:
        entries: the reactor's.
        sent: by peer ID, how many messages went out, numbered from 0.
        answered: by peer ID, the numbers whose answer came back.
    """
    account = Account(channel, sent=sum(sent.values()))
    for peer, count in sent.items():
        own = [entry for entry in entries if entry.peer == peer]
        handled = _in_order(account, [entry for entry in own if entry.kind is Kind.HANDLED])
        numbers = {entry.number for entry in handled}
        account.handled += len(numbers)
        account.acknowledged += len(answered[peer])
        _complain(account, peer, "handled and never sent", [n for n in numbers if n >= count])
        _complain(
            account, peer, "acknowledged and not handled", [n for n in answered[peer] if n not in numbers]
        )
        _only_between_lives(account, peer, handled, count)
        _only_tails(account, peer, handled, answered[peer], "answer")
    _garbled(account, entries)
    return account


def outbound(channel: str, entries: Sequence[Entry], arrived: Mapping[str, Ranges]) -> Account:
    """From a reactor to the peers. Args: entries, the reactor's; arrived, by peer ID, the numbers that came."""
    account = Account(channel)
    for peer, numbers in arrived.items():
        own = [entry for entry in entries if entry.peer == peer]
        sent = [entry for entry in own if entry.kind is Kind.SENDING]
        back = _in_order(account, [entry for entry in own if entry.kind is Kind.HANDLED])
        account.sent += len(sent)
        account.handled += len(numbers)
        account.acknowledged += len(back)
        known = {entry.number for entry in sent}
        _complain(account, peer, "arrived and never sent", [n for n in numbers if n not in known])
        missing = [entry.number for entry in back if entry.number not in numbers]
        _complain(account, peer, "acknowledged and not arrived", missing)
        _only_tails(account, peer, sent, numbers, "message")
    _garbled(account, entries)
    return account


def _in_order(account: Account, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Numbers grow, over all connections and lives: nothing twice, nothing overtaken."""
    seen: set[int] = set()
    for before, entry in pairwise([None, *entries]):
        assert entry is not None
        if entry.number in seen:
            account.duplicates += 1
            account.violations.append(f"{account.channel}: {entry.peer}: {entry.number} was handled twice")
        elif before is not None and entry.number < before.number:
            account.violations.append(
                f"{account.channel}: {entry.peer}: {entry.number} was handled behind {before.number}"
            )
        seen.add(entry.number)
    return entries


def _only_between_lives(account: Account, peer: str, handled: Sequence[Entry], count: int) -> None:
    """A gap in what was handled lies between two connections or two lives of the reactor."""
    for before, after in pairwise(handled):
        same = (before.life, before.connection) == (after.life, after.connection)
        if same and after.number > before.number + 1:
            gap = range(before.number + 1, after.number)
            _complain(account, peer, f"lost within connection {after.connection.hex()[:8]}", gap)
    if count and (not handled or handled[-1].number != count - 1):
        last = handled[-1].number if handled else -1
        _complain(account, peer, "lost on a connection that stands", range(last + 1, count))


def _only_tails(
    account: Account, peer: str, entries: Sequence[Entry], arrived: Collection[int], what: str
) -> None:
    """Of each stretch of one life and one connection, what did not arrive is its end."""
    for _, stretch in groupby(entries, lambda entry: (entry.life, entry.connection)):
        missing: list[int] = []
        for entry in stretch:
            if entry.number not in arrived:
                missing.append(entry.number)
            elif missing:
                _complain(account, peer, f"{what} lost before that of {entry.number}", missing)
                missing = []


def _garbled(account: Account, entries: Sequence[Entry]) -> None:
    for entry in entries:
        if entry.kind is Kind.GARBLED:
            account.violations.append(f"{account.channel}: {entry.peer}: {entry.number} came garbled")


def _complain(account: Account, peer: str, text: str, numbers: Collection[int]) -> None:
    if numbers:
        some = ", ".join(map(str, sorted(numbers)[:5]))
        account.violations.append(f"{account.channel}: {peer}: {len(numbers)} {text}: {some}")
