"""Lines that strangers can cause, folded: how often they do is up to them, how long the log becomes is not.

In each window of a minute a line of one subject (an address, say) is written once or a few times, one of a group of them
(a prefix of IP addresses) some times more, and all together so many times; at the end of the window a line for each
group says how many more there were. All that is held is of what has been written in this window: no flood fills it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from peerage.wire.ip_ranges import group_of, parse_ip

__all__ = ["Limits", "LineFolding", "Repeats", "folded_count", "prefix_of"]

WINDOW_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 600.0, 3600.0
FLOOD = 20  # lines in a window, that are told of though none of them was written
MOST_SUBJECTS = 1000  # that are remembered: some hundred KB

Tell = Callable[..., object]  # a method of a logger
CallLater = Callable[..., object]  # seconds, function


@dataclass(frozen=True, slots=True)
class Limits:
    """Lines in a window: of one subject, of one group, of all."""

    subject: int = 1
    group: int = 20
    total: int = 60


@dataclass(slots=True)
class _Group:
    tell: Tell
    common: Mapping[str, str]
    written: int = 0
    more: int = 0  # that would have been written
    left_out: int = 0  # that would not

    @property
    def besides(self) -> int:
        """How many more to tell of."""
        is_told_of = self.more or self.left_out >= FLOOD
        return self.more + self.left_out if is_told_of else 0


class LineFolding:
    """Decides which lines are written. One owner, one thread.

    Args:
        call_later: how the end of a window is waited for, as of an actor's runtime. A window begins with the first line
            after the one before.
    """

    def __init__(self, call_later: CallLater, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._call_later = call_later
        self._is_open = False
        self._written = 0
        self._of_subject: Counter[Hashable] = Counter()
        self._groups: dict[tuple[Any, ...], _Group] = {}
        self._elsewhere: dict[str, _Group] = {}  # by event: of groups that nothing was written of

    def say(
        self, tell: Tell, event: str, subject: Hashable, common: Mapping[str, str], /, **facts: object
    ) -> bool:
        """Write a line, or count it.

        Args:
            tell: writes it, and at the end of the window how many more there were.
            event: what happened, as it stands in the line.
            subject: what it is about; a window has few lines of one.
            common: facts of its group, for the line that tells how many more there were.
            **facts: of the line.

        Returns: whether it was written.
        """
        self._open()
        key = (event, *common.items())
        group = self._groups.get(key)
        about = (key, subject)
        if (
            self._written < self._limits.total
            and (group is None or group.written < self._limits.group)
            and self._of_subject[about] < self._limits.subject
        ):
            group = self._groups.setdefault(key, _Group(tell, common))
            group.written += 1
            self._written += 1
            self._of_subject[about] += 1
            tell(event, **facts)
            return True
        (group or self._elsewhere.setdefault(event, _Group(tell, {}))).more += 1
        return False

    def leave_out(self, tell: Tell, event: str, common: Mapping[str, str]) -> None:
        """Count a line that need not be written. The end of the window tells of those if they are a flood."""
        self._open()
        key = (event, *common.items())
        if key not in self._groups and len(self._groups) < self._limits.total:
            self._groups[key] = _Group(tell, common)
        group = self._groups.get(key) or self._elsewhere.setdefault(event, _Group(tell, {}))
        group.left_out += 1

    def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._call_later(WINDOW_S, self._end_window)

    def close(self) -> None:
        """Say now what was left out: there will be no more lines."""
        self._end_window("")

    def _end_window(self, during: str = f" in {WINDOW_S:g} s") -> None:
        groups, elsewhere = self._groups, self._elsewhere
        self._is_open, self._written = False, 0
        self._of_subject, self._groups, self._elsewhere = Counter(), {}, {}
        for (event, *_), group in groups.items():
            if more := group.besides:
                group.tell(event, **group.common, more=more, detail=f"… {more} more{during}")
        for event, group in elsewhere.items():
            if more := group.besides:
                group.tell(event, more=more, detail=f"… {more} more from elsewhere{during}")


@dataclass(slots=True)
class _Said:
    outcome: Hashable
    again_at: float
    pause: float
    left_out: int = 0


class Repeats:
    """Decides when what was said before is said again: after ten minutes, after twenty more, forty, then once an hour.

    So what does not change costs a line now and then, with the number of those that it stands for; what changes is said at
    once. Of so many subjects the last ones are remembered; of others, each is news. One owner, one thread.

    Args: now, monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._said: OrderedDict[Hashable, _Said] = OrderedDict()

    def due(self, subject: Hashable, outcome: Hashable = None) -> int | None:
        """Whether a line is due now.

        Args: subject, what it is about; outcome, what is new of it when it changes.
        Returns: how many of the same were left out since the last one; None: leave this one out, too.
        """
        now, said = self._now(), self._said.get(subject)
        if said is None or said.outcome != outcome:
            self._said[subject] = _Said(outcome, now + FIRST_PAUSE_S, FIRST_PAUSE_S)
            self._said.move_to_end(subject)
            if len(self._said) > MOST_SUBJECTS:
                self._said.popitem(last=False)
            return 0
        self._said.move_to_end(subject)
        if now < said.again_at:
            said.left_out += 1
            return None
        left, said.left_out = said.left_out, 0
        said.pause = min(2 * said.pause, LONGEST_PAUSE_S)
        said.again_at = now + said.pause
        return left

    def forget(self, subject: Hashable) -> None:
        """The next one is news."""
        self._said.pop(subject, None)


def folded_count(more: int) -> dict[str, int]:
    """The key that says how many of the same were left out before a line; none of it when that is none."""
    return {"more": more} if more else {}


@lru_cache(maxsize=1024)
def prefix_of(ip: str) -> str:
    """The group of an IP address, as the address book counts: its first 16 bits, or 32 of IPv6. Source: reference 9."""
    try:
        group = group_of(parse_ip(ip), strict=False)
    except ValueError:
        return ip
    return group if ":" in group else f"{group}/16"
