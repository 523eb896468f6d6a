"""Who follows the names of one host's actors: see `mail/follows.py` for the other end, and for the messages between them.

A follower is told *up* and *ended* in turn, beginning with *up*. So for each one it has to be known which of the two it was
told last: an actor whose constructor fails has an end and no beginning, and must not be heard of at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from peerage.actors.runtime.mail.exit_reason import DownReason

Follower = tuple[int, int]  # the address of its mailbox, and the number that it knows the follow by


@dataclass(slots=True)
class _Name:
    """The followers of one name: those that were told that it is up, and those that wait for that."""

    told_up: set[Follower] = field(default_factory=set)
    waiting: set[Follower] = field(default_factory=set)


class Followers:
    """Tells each follower of a name, in turn, that an actor of that name is up and that it has ended.

    A name is remembered only while somebody follows it, since a host may see thousands of actors come and go.

    Args: tell, sends the news to one follower: a reason is the actor's end, None its start.
    """

    def __init__(self, tell: Callable[[int, int, DownReason | None], None]) -> None:
        self._tell = tell
        self._names: dict[bytes, _Name] = {}

    def __len__(self) -> int:
        return sum(len(name.told_up) + len(name.waiting) for name in self._names.values())

    def add(self, name: bytes, follower: Follower, *, is_up: bool) -> None:
        """Begin to tell a follower. Args: is_up, whether an actor of that name has started and not ended.

        If one is up, its follower is told at once, so that whoever follows need not ask first, and cannot miss a start that
        comes in between.
        """
        followers = self._names.setdefault(name, _Name())
        if is_up:
            followers.told_up.add(follower)
            self._tell(*follower, None)
        else:
            followers.waiting.add(follower)

    def remove(self, name: bytes, follower: Follower) -> None:
        """Tell it nothing more. News that is under way may still arrive; its port knows the number no longer."""
        self._remove(name, lambda other: other == follower)

    def forget(self, is_gone: Callable[[int], bool]) -> None:
        """Forget the followers that have ended without a word.

        Args: is_gone, whether nobody reads the mailbox at an address any more.
        """
        for name in list(self._names):
            self._remove(name, lambda follower: is_gone(follower[0]))

    def started(self, name: bytes) -> None:
        """An actor has started: its constructor and `on_start` are done."""
        if (followers := self._names.get(name)) is not None:
            # Sending may come back here: see `HostPort.send`.
            waiting, followers.waiting = followers.waiting, set()
            followers.told_up |= waiting
            for follower in waiting:
                self._tell(*follower, None)

    def ended(self, name: bytes, reason: DownReason) -> None:
        """An actor has ended. Nobody is told of one that never came up: `told_up` is empty then."""
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
