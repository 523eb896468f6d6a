"""Publish and subscribe: a message for all who have subscribed, whoever they are. Akka's topics and event stream.

    Topic("prices").subscribe(self.actor_ref)             Topic("prices").publish({"ATOM": 4.2})
    Events.subscribe(self.actor_ref, BlockCommitted)      Events.publish(BlockCommitted(height=7))

A topic is a group (`registry.py`) whose members are told what is published. There is nobody in between: who publishes sends
to each subscriber straight, in the order of publishing, and encodes the message once for all.
"""

from __future__ import annotations

import threading
from collections.abc import Coroutine, Sequence
from typing import Any

from peerage.actors.runtime.errors import MailboxFullError
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.codec import packed
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.window import DROP, FAIL, Drop, Wait
from peerage.actors.runtime.registry import Group, Member, value_of

__all__ = ["Events", "Topic"]

WhenSlow = Wait | Drop
PREFIX = "topic "  # of the group of a topic


Subscribers = tuple[tuple[ActorRef[Any], WhenSlow], ...]


class Topic:
    """A name under which anybody publishes and anybody subscribes. It is there when it is named: no publisher need live.

    Each subscriber gets what one thread or actor publishes in order, each message at most once, from the moment when
    `subscribe` has returned. A subscriber that ends is removed. One that is slow harms nobody: what is published reaches all
    who have room at once, and for the others each subscription says what happens. `publish` never fails because of one.

    Small and picklable; equal by name.

    Attributes: dropped, how many messages this object has not delivered because a subscriber had no room.
    """

    __slots__ = ("_group", "_last", "_lock", "dropped")

    def __init__(self, name: str) -> None:
        """Raises: ValueError, for a name that cannot be one; TypeError, for what is no text."""
        if not isinstance(name, str):
            raise TypeError(f"name is {name!r}: text was expected")
        self._group = Group(PREFIX + name)
        self.dropped = 0
        self._lock = threading.Lock()
        # The members when this was last looked at, and who of them is waited for.
        self._last: tuple[tuple[Member, ...], Subscribers] = ((), ())

    def __reduce__(self) -> tuple[Any, ...]:
        return Topic, (self.name,)

    def __repr__(self) -> str:
        return f"Topic({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Topic) and self.name == other.name

    def __hash__(self) -> int:
        return hash((Topic, self.name))

    @property
    def name(self) -> str:
        return self._group.name.removeprefix(PREFIX)

    def subscribe(self, ref: ActorRef[Any], *, when_full: WhenSlow = DROP) -> None:
        """Have an actor told what is published from now on. Again, to change `when_full`.

        Args: when_full, what happens to a message that finds 10,000 messages or 64 MiB of its publisher not yet handled:
            DROP it, counted as a dead letter of the publisher; or `Wait(seconds)`, by which the subscriber makes the
            publisher wait, once all others have the message, and drop it then.
        Raises: ActorDeadError, when it is not alive; TypeError, for FAIL, since no subscriber may make a publisher fail.
        """
        _check(when_full)
        self._group.join(ref, when_full)

    def unsubscribe(self, ref: ActorRef[Any]) -> bool:
        """What is published from now on does not reach the actor. Returns: whether it had subscribed."""
        return self._group.leave(ref)

    def subscribers(self) -> tuple[ActorRef[Any], ...]:
        """Those who live, in the order in which they subscribed."""
        return self._group.members()

    def publish(self, message: Any) -> int:
        """Tell all subscribers. Returns: how many of them it is on its way to.

        Raises: what pickling the message raises; ActorDeadError, where no system runs.
        """
        subscribers = self._look()
        late = _tell_those_with_room(subscribers, message)
        lost = 0
        for ref, when_full, once in late:
            if isinstance(when_full, Wait) and _tell(ref, once, when_full):
                continue
            lost += 1
            _count(ref)
        self._note(lost)
        return len(subscribers) - lost

    def publish_async(self, message: Any) -> Coroutine[Any, Any, int]:
        """From asyncio: as `publish`, but for slow subscribers the task waits, and never the loop.

        The message is copied at the call, and is on its way to those with room when this returns its coroutine.
        """
        subscribers = self._look()
        late = _tell_those_with_room(subscribers, message)
        # Called now, so that nothing that is published later overtakes it.
        sending = [
            (ref, ref.tell_async(once, when_full=when_full) if isinstance(when_full, Wait) else None)
            for ref, when_full, once in late
        ]
        return self._finish(len(subscribers), sending)

    async def _finish(
        self, count: int, sending: Sequence[tuple[ActorRef[Any], Coroutine[Any, Any, None] | None]]
    ) -> int:
        lost = 0
        for ref, sent in sending:
            try:
                if sent is not None:
                    await sent
                    continue
            except MailboxFullError:
                pass
            lost += 1
            _count(ref)
        self._note(lost)
        return count - lost

    def _look(self) -> Subscribers:
        members = self._group.memberships()
        last, subscribers = self._last
        if members is not last:
            subscribers = _subscribers(members)
            self._last = members, subscribers
        return subscribers

    def _note(self, lost: int) -> None:
        if lost:
            with self._lock:
                self.dropped += lost


class Events:
    """Publish and subscribe by the class of a message: Akka's event stream.

    Whoever has subscribed to a class gets messages of that class and of all that are derived from it, once each; who has
    subscribed to `object` gets all. All else is as for topics.
    """

    @classmethod
    def subscribe(cls, ref: ActorRef[Any], *kinds: type, when_full: WhenSlow = DROP) -> None:
        """Have an actor told of these. Args and Raises: as `Topic.subscribe`."""
        for kind in kinds:
            Topic(_topic_of(kind)).subscribe(ref, when_full=when_full)

    @classmethod
    def unsubscribe(cls, ref: ActorRef[Any], *kinds: type) -> bool:
        """Returns: whether it had subscribed to any of them."""
        found = [Topic(_topic_of(kind)).unsubscribe(ref) for kind in kinds]
        return any(found)

    @classmethod
    def publish(cls, message: Any) -> int:
        """Tell all who have subscribed to the message's class, or to one of its bases.

        Returns, Raises: as `Topic.publish`.
        """
        found: dict[ActorRef[Any], WhenSlow] = {}
        for kind in type(message).__mro__:
            for ref, when_full in _subscribers(Group(PREFIX + _topic_of(kind)).memberships()):
                found.setdefault(ref, when_full)
        lost = 0
        for ref, when_full, once in _tell_those_with_room(tuple(found.items()), message):
            if not (isinstance(when_full, Wait) and _tell(ref, once, when_full)):
                lost += 1
                _count(ref)
        return len(found) - lost


def _topic_of(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _check(when_full: object) -> None:
    if not isinstance(when_full, Wait | Drop):
        raise TypeError(f"when_full of a subscription is DROP or Wait(seconds), not {when_full!r}")


def _subscribers(members: tuple[Member, ...]) -> Subscribers:
    return tuple((member.ref, value_of(member) or DROP) for member in members)


def _tell_those_with_room(
    subscribers: Subscribers, message: Any
) -> list[tuple[ActorRef[Any], WhenSlow, Any]]:
    """Returns: those that have none, with the message as it is to be sent to them."""
    # Plain small values travel together with their neighbours, which is cheaper than to pickle each of them once.
    kind = type(message)
    small = kind in codec.PLAIN and (kind not in codec.SIZED or len(message) < codec.SMALL)
    once = message if len(subscribers) == 1 or small else packed(message)
    return [(ref, when_full, once) for ref, when_full in subscribers if not _tell(ref, once, FAIL)]


def _tell(ref: ActorRef[Any], message: Any, when_full: Any) -> bool:
    try:
        ref.tell(message, when_full=when_full)
    except MailboxFullError:
        return False
    return True


def _count(ref: ActorRef[Any]) -> None:
    port = current_port()
    with port.lock:
        port.count_dead_letters(ref.key, 1)
