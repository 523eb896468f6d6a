"""Routes: how one port reaches actors, each with the window of what is under way to it.

A route leads to one life of a host. When that host dies, a new route with an empty window takes its place under the same
path, while the old one is kept until the last acknowledgement of the dead host has been read: only then is it known what of
its window was lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.envelope import HEADER, Kind
from peerage.actors.runtime.mail.host_table import THREAD_BITS, HostTable
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.window import ACK, Window

MANY_ROUTES = 1024  # above this number, routes that are not needed are looked for and dropped
REMEMBERED_PREFIXES = 64  # of each route: sending actors of our host whose beginning of a message is kept


class Route:
    """How one port reaches one actor, in one life of its host.

    Attributes:
        ref: the actor.
        address, target: where its messages go, and its name in them.
        local: whether it lives in the port's own host, so that its messages need no ZeroMQ.
        serial: of that life of its host.
        window: what was sent and is not known to be handled.
        line: the messages that wait for room in the window, None while none does.
        settled, dead: tells that were acknowledged so far, and dead letters among them. They are compared with what the
            host has counted itself, when it has been killed (`losses.py`).
        stopped_at: a number from the sequence of asks, taken when the actor was known to have stopped; 0 if it is not. Asks
            with a higher one were sent to an actor that was not there any more.
    """

    __slots__ = (
        "_key",
        "_prefixes",
        "_source",
        "address",
        "dead",
        "line",
        "local",
        "ref",
        "serial",
        "settled",
        "stopped_at",
        "target",
        "window",
    )

    def __init__(self, key: bytes, source: int, ref: ActorPath, serial: int) -> None:
        self._key, self._source, self.ref, self.serial = key, source, ref, serial
        self.address = serial << THREAD_BITS
        self.local = self.address == source
        self.target = ref.name.encode()
        self.window = Window()
        self.line: Any = None  # a `Line` of `async_face.py`, which builds on this module
        self.stopped_at = 0
        self.settled = self.dead = 0
        self._prefixes: dict[tuple[bytes, int], bytes] = {}

    def tell_prefix(self, sender: bytes, flags: int) -> bytes:
        """Everything in a tell of one frame that comes before the body.

        It is the same for all tells of one actor to another, so it is packed once and kept.
        """
        key = sender, flags
        prefix = self._prefixes.get(key)
        if prefix is None:
            if len(self._prefixes) >= REMEMBERED_PREFIXES:  # actors of our host come and go without end
                self._prefixes.clear()
            header = HEADER.pack(
                self._key, Kind.TELL, flags, 0, self._source, 0, len(self.target), len(sender)
            )
            prefix = self._prefixes[key] = header + self.target + sender
        return prefix


class Routes:
    """The routes of one port, guarded by its lock.

    Args:
        key: of the system, with which every message begins.
        source: the address of the port that sends.
        open_way: sees to it that there is a way to an address, or raises LimitReachedError.
        on_lost: called with an actor's key, for people, and how many tells to it its host has refused.

    Attributes: by_key, the routes to hosts that are not known to be dead, by the path's `way`. The hot path looks here.
    """

    def __init__(
        self,
        key: bytes,
        source: int,
        table: HostTable,
        open_way: Callable[[int, Purpose], None],
        on_lost: Callable[[str, int], object],
    ) -> None:
        self._key, self._source, self._table = key, source, table
        self._open_way, self._on_lost = open_way, on_lost
        self.by_key: dict[str, Route] = {}
        self._by_receiver: dict[
            tuple[int, bytes], Route
        ] = {}  # by what an acknowledgement tells: address and target
        self._leaving: list[Route] = []  # to dead hosts that may not have said their last words
        self._many = MANY_ROUTES

    def find(self, ref: ActorPath, purpose: Purpose = Purpose.WORK) -> Route | None:
        """The route to an actor, None when no host of that name is alive. Raises: LimitReachedError."""
        route = self.by_key.get(ref.way)
        if route is None:
            serial = self._table.resolve(ref.host, ref.serial)
            if serial is None:
                return None
            # Before there is a route: a message that cannot be sent must not be counted in a window.
            if (address := serial << THREAD_BITS) != self._source:
                self._open_way(address, purpose)
            if len(self.by_key) >= self._many:
                self._drop_idle()
            route = self.by_key[ref.way] = Route(self._key, self._source, ref, serial)
            self._by_receiver[route.address, route.target] = route
        return route

    def _drop_idle(self) -> None:
        """Drop routes on which nothing is under way.

        Routes to dead hosts leave with those, but in a host that stays, actors may come and go without end.
        """
        for key, route in list(self.by_key.items()):
            if not route.window.messages and not route.window.exempt and route.line is None:
                del self.by_key[key]
                self._by_receiver.pop((route.address, route.target), None)
        # If most are needed, do not look again at each new one.
        self._many = max(MANY_ROUTES, 2 * len(self.by_key))

    def on_ack(
        self, _flags: int, source: int, _corr: int, target: bytes, _sender: bytes, body: Raw, *_: Any
    ) -> None:
        """A host has handled tells to an actor, or refused them: their places in the window are free again."""
        route = self._by_receiver.get((source, target))
        if route is None:  # it was dropped as idle, or settled after its host's death
            return
        messages, size, exempt, dead = ACK.unpack(body)
        route.window.release(messages, size)
        route.window.exempt -= exempt
        route.settled += messages + exempt
        route.dead += dead
        if dead:
            self._on_lost(route.ref.key, dead)

    def take_dead(self, is_gone: Callable[[int], bool]) -> list[Route]:
        """Drop the routes to dead hosts, so that their actors' next lives get new ones.

        Args: is_gone, whether nothing more can come from the dead host with this serial.
        Returns: those of which nothing more is expected, also from earlier calls. Each is returned once.
        """
        for key in [key for key, route in self.by_key.items() if self._table.is_dead(route.serial)]:
            self._leaving.append(self.by_key.pop(key))
        leaving, self._leaving, gone = self._leaving, [], []
        for route in leaving:
            if is_gone(route.serial):
                self._by_receiver.pop((route.address, route.target), None)
                gone.append(route)
            else:
                self._leaving.append(route)
        return gone
