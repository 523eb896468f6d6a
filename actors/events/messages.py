"""What the event hub is told and asked."""

from __future__ import annotations

from msgspec import Struct

from peerage.actors.events.happenings import Happening

__all__ = ["EventLine", "EventLines", "Happened", "NextEvents"]


class Happened(Struct, frozen=True):
    """any part of the node → hub: what happened there, in order. Each with its time, Unix seconds."""

    news: tuple[tuple[float, Happening], ...]


class NextEvents(Struct, frozen=True):
    """An ask: events behind one. Answer: EventLines, when there are any, or none when the time is over.

    Args:
        after: the ID of the last one known; None: all that are kept. An ID of an earlier hub counts as None.
        last: of those that are kept, at most so many, the newest; None: all. Only without `after`.
        public: leave out what tells of private peers.
        wait: seconds; 0.0: answer at once.
    """

    after: str | None = None
    last: int | None = None
    public: bool = True
    wait: float = 0.0


class EventLine(Struct, frozen=True):
    """One event, rendered.

    Args: subject, the peer or the banned it is about, or ""; address, of it, or ""; json, an object in UTF-8 that lacks
        the ID: several listeners share it.
    """

    id: str
    time: float
    kind: str
    subject: str
    address: str
    json: bytes

    @property
    def whole(self) -> bytes:
        """The object with its ID."""
        return b'{"id":"%s",%s' % (self.id.encode(), self.json[1:])


class EventLines(Struct, frozen=True):
    """Answer to `NextEvents`.

    Args:
        cursor: the ID to ask on with; it may be that of no event.
        missed: how many events behind the one asked for are not kept any more.
    """

    lines: tuple[EventLine, ...]
    cursor: str
    missed: int = 0
