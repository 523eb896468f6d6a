"""The peer hosts, as the switch knows them: which are up, and which connections they hold.

A switch that was restarted learns from them what its predecessor knew. A host that has not answered may hold any connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from peerage.actors.messages import ListConnections, TransportState
from peerage.actors.runtime import ActorDeadError, ActorRef, Future, Timeout, Timer

REBUILD_TIMEOUT_S = 1.0  # seconds; a transport that has not answered by then is merged later
ALL_UP_S = 0.3  # between the first peer host's start and the last one's


class PeerHosts:
    """The transports of the peer hosts.

    Attributes: transports; up, those that are running and have told their connections.
    Args: life_of, returns which life of its host a transport is in. merge, called with a transport and its connections.
        heard, called when a transport has told them late, or is gone. ready, called when all are up for the first time, or
        we have waited long enough for the last one; and whenever another one comes up.
    """

    def __init__(
        self,
        transports: Sequence[ActorRef],
        *,
        life_of: Callable[[ActorRef], int | None],
        call_later: Callable[..., Timer],
        merge: Callable[[ActorRef, TransportState], None],
        heard: Callable[[], None],
        ready: Callable[[], None],
    ) -> None:
        self.transports = tuple(transports)
        self.up: set[ActorRef] = set()
        self._life_of, self._call_later = life_of, call_later
        self._merge, self._heard, self._ready = merge, heard, ready
        self._asked: dict[ActorRef, int | None] = {}  # in which life
        self._silent: set[ActorRef] = set()  # running, but have not told their connections
        self._is_ready = False

    @property
    def is_one_silent(self) -> bool:
        """Whether a host is running that has not told us its connections."""
        return bool(self._silent)

    @property
    def can_dial(self) -> bool:
        """Whether a peer host is up that could dial: while a node starts, its peer hosts come last."""
        return self._is_ready and bool(self.up)

    def rebuild(self) -> None:
        """Ask all of them for their connections, and wait, so that the next question to the switch is answered correctly."""
        answers = [(transport, self._ask(transport)) for transport in self.transports]
        deadline = time.monotonic() + REBUILD_TIMEOUT_S
        for transport, answer in answers:
            try:
                state = answer.get(timeout=max(0.0, deadline - time.monotonic()))
            except ActorDeadError:  # the node or that host is starting, so it has no connections
                self._asked.pop(transport, None)
            except Timeout:
                self._silent.add(transport)
                answer.then(partial(self._answered, transport))
            else:
                self._take(transport, state)

    def came_up(self, transport: ActorRef) -> None:
        """A transport is up. Ask for its connections, unless it was asked in this life already."""
        life = self._life_of(transport)
        if life is None or self._asked.get(transport) != life:
            self._ask(transport).then(partial(self._answered, transport))

    def went_down(self, transport: ActorRef) -> None:
        """A transport has ended, and its connections with it."""
        self.up.discard(transport)
        self._asked.pop(transport, None)

    def least_loaded(self, load: Callable[[str], int]) -> ActorRef:
        """Return the transport that is up whose host has the least of what `load(host)` counts."""
        return min((each for each in self.transports if each in self.up), key=lambda each: load(each.host))

    def _ask(self, transport: ActorRef) -> Future[Any]:
        self._asked[transport] = self._life_of(transport)
        return transport.ask(ListConnections(), block=False)

    def _answered(self, transport: ActorRef, answer: Future[Any]) -> None:
        self._silent.discard(transport)
        try:
            self._take(transport, answer.get(timeout=0))
        except ActorDeadError:
            self._asked.pop(transport, None)
        self._heard()

    def _take(self, transport: ActorRef, state: TransportState) -> None:
        self.up.add(transport)
        self._merge(transport, state)
        if len(self.up) == len(self.transports):
            self._be_ready()
        else:
            self._call_later(ALL_UP_S, self._be_ready)

    def _be_ready(self) -> None:
        self._is_ready = True
        self._ready()
