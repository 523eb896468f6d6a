"""Telling in other ways than one message to one actor: many together, or only if somebody is there."""

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
    """Where messages outside the window wait behind what waits for room."""

    def put_behind(
        self, route: Route, kind: int, packed: tuple[Any, Sequence[Raw], int, int, bool], future: None
    ) -> None: ...


class Port(Protocol):
    """The port that tells."""

    @property
    def lock(self) -> threading.RLock: ...
    @property
    def network(self) -> Network: ...
    @property
    def face(self) -> Line: ...
    def route(self, ref: ActorPath) -> Route | None: ...
    def tell(self, ref: ActorPath, value: Any, when_full: WhenFull | None, exempt: bool) -> None: ...
    def make_room(self, route: Route, size: int, when_full: WhenFull | None) -> bool: ...
    def count_dead_letters(self, key: str, messages: int) -> None: ...
    def send_along(
        self, route: Route, kind: int, corr: int, flags: int, body: Raw, extras: Sequence[Raw]
    ) -> None: ...


def tell_many(
    port: Port, ref: ActorPath, values: Iterable[Any], when_full: WhenFull | None, exempt: bool
) -> None:
    """Send messages as `Port.tell` does, in this order, many of them in one frame.

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
        finally:  # what came before the iterable failed goes, as with `tell`
            for parcel in parcels(chunk):
                try:
                    if isinstance(parcel, Batch):
                        _tell_batch(port, ref, parcel, when_full, exempt)
                    else:
                        port.tell(ref, parcel.value, when_full, exempt)
                except MailboxFullError as error:
                    error.accepted += sent
                    raise
                sent += len(parcel)
        more = len(chunk) == BATCH_MESSAGES


def _tell_batch(port: Port, ref: ActorPath, batch: Batch, when_full: WhenFull | None, exempt: bool) -> None:
    """Send a batch, in as many pieces as the window wants.

    Raises: MailboxFullError, which knows how many had gone (or had been dropped).
    """
    done, count = 0, len(batch)
    while done < count:
        with port.lock:
            route = port.route(ref)
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
                        done += 1
                except MailboxFullError as error:
                    error.accepted = done
                    raise
                continue  # it was dropped, or the window is another now, or the actor has died
            flags, body = part.pack()
            port.send_along(route, TELL, messages, flags | (EXEMPT if exempt else 0), body, ())
        done += messages


def tell_if_there(port: Port, ref: ActorPath, value: Any) -> None:
    """Send a message that is outside the window and the counts. Nothing happens when nobody is there."""
    with port.lock:
        route = port.route(ref)
        if route is None:
            return
        kept = port.network.kept.get(route.serial, ()) if route.line is None else ()
        body, extras, flags = codec.encode(value, kept)
        if route.line is not None:
            size = len(body) + sum(map(len, extras))
            port.face.put_behind(route, Kind.TELL_IF_THERE, (body, extras, flags, size, False), None)
        else:
            port.send_along(route, Kind.TELL_IF_THERE, 0, flags, body, extras)


def _fitting(route: Route, batch: Batch, done: int) -> Batch:
    """What of the rest of a batch goes together: as much as there is room for, one message at least."""
    window = route.window
    if not done and window.has_room_for(len(batch), batch.size):
        return batch
    part = batch.part(done, done + max(1, WINDOW_MESSAGES - window.messages))
    return part if window.has_room(part.size) else batch.part(done, done + 1)


def _put_behind(port: Port, route: Route, batch: Batch) -> None:
    """They are outside the window, and wait all the same: nothing overtakes what waits in line."""
    for value, size in zip(batch.values, batch.sizes, strict=True):
        port.face.put_behind(route, TELL, (value, (), 0, size, batch.joined), None)
