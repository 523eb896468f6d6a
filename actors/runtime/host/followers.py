"""Who follows the names of one host's actors: see `mail/follows.py` for the other end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from peerage.actors.runtime.mail.exit_reason import DownReason

Follower = tuple[int, int]  # the address of its mailbox, and the number that it knows the follow by


@dataclass(slots=True)
class _Name:
    told_up: set[Follower] = field(default_factory=set)
    waiting: set[Follower] = field(default_factory=set)


class Followers:
    """Tells each follower of a name, in turn, that an actor of that name is up and that it has ended.

    Args: tell, sends the news to one follower: a reason is the actor's end, None its start.
    """

    def __init__(self, tell: Callable[[int, int, DownReason | None], None]) -> None:
        self._tell = tell
        self._names: dict[bytes, _Name] = {}

    def __len__(self) -> int:
        return sum(len(name.told_up) + len(name.waiting) for name in self._names.values())

    def add(self, name: bytes, follower: Follower, *, is_up: bool) -> None:
        """Args: is_up, whether an actor of that name has started and not ended."""
        followers = self._names.setdefault(name, _Name())
        if is_up:
            followers.told_up.add(follower)
            self._tell(*follower, None)
        else:
            followers.waiting.add(follower)

    def remove(self, name: bytes, follower: Follower) -> None:
        self._remove(name, lambda other: other == follower)

    def forget(self, is_gone: Callable[[int], bool]) -> None:
        """Args: is_gone, whether nobody reads the mailbox at an address any more."""
        for name in list(self._names):
            self._remove(name, lambda follower: is_gone(follower[0]))

    def started(self, name: bytes) -> None:
        """An actor has started: its constructor and `on_start` are done."""
        if (followers := self._names.get(name)) is not None:
            waiting, followers.waiting = followers.waiting, set()
            followers.told_up |= waiting
            for follower in waiting:
                self._tell(*follower, None)

    def ended(self, name: bytes, reason: DownReason) -> None:
        """An actor has ended, be it that it never came so far that it was told to be up."""
        if (followers := self._names.get(name)) is not None:
            told, followers.told_up = followers.told_up, set()
            followers.waiting |= told
            for follower in told:
                self._tell(*follower, reason)

    def _remove(self, name: bytes, is_meant: Callable[[Follower], bool]) -> None:
        followers = self._names.get(name)
        if followers is None:
            return
        followers.told_up = {each for each in followers.told_up if not is_meant(each)}
        followers.waiting = {each for each in followers.waiting if not is_meant(each)}
        if not followers.told_up and not followers.waiting:
            del self._names[name]
