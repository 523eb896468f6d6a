"""Telling in other ways than one message to one actor: many together, or only if the actor is there.

They are functions beside the port, made of what it offers: the hot path of `Port.tell` is not slowed down by them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Protocol

from peerage.actors.runtime.errors import MailboxFullError
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.batch import BATCH_MESSAGES, Batch, in_turn, parcels
from peerage.actors.runtime.mail.envelope import EXEMPT, Kind
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.routes import Route
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES, WhenFull

TELL = int(Kind.TELL)


class Line(Protocol):
    """Where messages outside the window wait behind others that wait for room."""

    def put_behind(
        self, route: Route, kind: int, packed: tuple[Any, Sequence[Raw], int, int, bool], future: None
    ) -> None:
        """See `Lines.put_behind`; `packed` is what `lines.pack` returns."""


class Port(Protocol):
    """The port that tells; see `port.py`."""

    @property
    def lock(self) -> threading.RLock: ...
    @property
    def network(self) -> Network: ...
    @property
    def face(self) -> Line: ...
    def route(self, ref: ActorPath) -> Route | None:
        """The way to an actor, None when its host is not alive. Raises: ForeignRefError, LimitReachedError."""

    def tell(self, ref: ActorPath, value: Any, when_full: WhenFull | None, exempt: bool) -> None:
        """Send one message, for those that cannot be part of a batch."""

    def make_room(self, route: Route, size: int, when_full: WhenFull | None) -> bool:
        """Wait for room, or not. Returns: False, when a message was dropped instead. Raises: MailboxFullError."""

    def count_dead_letters(self, key: str, messages: int) -> None:
        """Tells to the actor with this key were lost."""

    def send_along(
        self, route: Route, kind: int, corr: int, flags: int, body: Raw, extras: Sequence[Raw]
    ) -> None:
        """Send what the window, if it bounds this, has counted already."""


def tell_many(
    port: Port, ref: ActorPath, values: Iterable[Any], when_full: WhenFull | None, exempt: bool
) -> None:
    """Send messages as `Port.tell` does, in this order, many of them in one frame.

    They are taken from the iterable BATCH_MESSAGES at a time, so that a long one is not held in memory as a whole.

    Args: when_full, what to do each time that the window is full, so that `Wait(10)` may wait several times for 10 s;
        exempt, whether to pass the window by.
    Raises: MailboxFullError, whose `accepted` says how many had gone; what the iterable, or pickling a message, raises, once
        those before it have gone.
    """
    sent = 0
    iterator = in_turn(values)
    more = True
    while more:
        chunk: list[Any] = []
        try:
            chunk.extend(islice(iterator, BATCH_MESSAGES))
        finally:
            # Also when the iterable has raised: what came before that goes, as if it had been told one by one.
            for parcel in parcels(chunk):
                try:
                    if isinstance(parcel, Batch):
                        _tell_batch(port, ref, parcel, when_full, exempt)
                    else:
                        port.tell(ref, parcel.value, when_full, exempt)
                except MailboxFullError as error:  # it knows of its own parcel
                    error.accepted += sent
                    raise
                sent += len(parcel)
        more = len(chunk) == BATCH_MESSAGES


def _tell_batch(port: Port, ref: ActorPath, batch: Batch, when_full: WhenFull | None, exempt: bool) -> None:
    """Send a batch, in as many pieces as the window has room for.

    A batch that is exempt goes whole. Behind a line it is taken apart, because the line sends its messages one by one.

    Raises: MailboxFullError, whose `accepted` says how many had gone, or had been dropped.
    """
    done, count = 0, len(batch)
    while done < count:
        with port.lock:
            route = port.route(ref)
            # Perhaps only since the last piece. What has gone before is counted when the host's death is settled.
            if route is None:
                port.count_dead_letters(ref.key, count - done)
                return
            if exempt and route.line is not None:
                _put_behind(port, route, batch.part(done, count))
                return
            part = batch if exempt else _fitting(route, batch, done)
            messages = len(part)
            window = route.window
            if exempt:
                window.exempt += messages
            elif window.has_room(part.size):
                window.messages += messages
                window.size += part.size
            else:
                try:
                    if not port.make_room(route, part.size, when_full):
                        done += 1  # its first message was dropped; the next may be smaller
                except MailboxFullError as error:
                    error.accepted = done
                    raise
                continue  # from the start: handlers ran while we waited, and the window, or even the route, is another
            # The correlation of a tell is free: it says how many messages a batch has.
            flags, body = part.pack()
            port.send_along(route, TELL, messages, flags | (EXEMPT if exempt else 0), body, ())
        done += messages


def tell_if_there(port: Port, ref: ActorPath, value: Any) -> None:
    """Send a message to an actor if it is there, outside the window. If it is not, the message is no dead letter.

    It has a kind of its own instead of a flag: neither end counts it, so it is not acknowledged either.

    Raises: LimitReachedError, when there is no descriptor for a way; ForeignRefError; what pickling the value raises.
    """
    with port.lock:
        route = port.route(ref)
        if route is None:
            return
        # What waits in line may have to go to a successor, which keeps no definitions yet.
        kept = port.network.kept.get(route.serial, ()) if route.line is None else ()
        body, extras, flags = codec.encode(value, kept)
        if route.line is not None:
            size = len(body) + sum(map(len, extras))
            port.face.put_behind(route, Kind.TELL_IF_THERE, (body, extras, flags, size, False), None)
        else:
            port.send_along(route, Kind.TELL_IF_THERE, 0, flags, body, extras)


def _fitting(route: Route, batch: Batch, done: int) -> Batch:
    """The part of a batch, from its message `done` on, that there is room for; one message at least.

    Where the bytes are what is short, messages go one by one. That is rare, because a batch has at most 64 KiB of the 64 MiB
    of a window.
    """
    window = route.window
    if not done and window.has_room_for(len(batch), batch.size):
        return batch
    part = batch.part(done, done + max(1, WINDOW_MESSAGES - window.messages))
    return part if window.has_room(part.size) else batch.part(done, done + 1)


def _put_behind(port: Port, route: Route, batch: Batch) -> None:
    """Have messages wait that no window bounds, because nothing may overtake what waits in line already."""
    for value, size in zip(batch.values, batch.sizes, strict=True):
        port.face.put_behind(route, TELL, (value, (), 0, size, batch.joined), None)
