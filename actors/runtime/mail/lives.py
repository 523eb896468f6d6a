"""The lives of other actors as one port hears of them: it watches for ends, follows names, and asks successors.

A watch is for one life and ends with it; a follow is for a name and goes on through its lives. Both are messages to the
actor's host, which reports back. The death of that host is heard from the host table instead, so neither can be lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError, ForeignRefError
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.asks import Asks
from peerage.actors.runtime.mail.codec import Encoded
from peerage.actors.runtime.mail.envelope import EXEMPT, Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.follows import Follow, Follows
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import THREAD_BITS, HostTable
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.routes import Route
from peerage.actors.runtime.mail.watches import BEFORE_HOOKS, OnDown, Watches


class Port(here.Port, Protocol):
    """The port that watches, follows and asks."""

    @property
    def network(self) -> Network: ...
    @property
    def lock(self) -> threading.RLock: ...
    @property
    def table(self) -> HostTable: ...
    @property
    def asks(self) -> Asks: ...
    def later(self, fn: Callable[[], None]) -> None:
        """Call `fn` after the current call: inside a host in its loop, so that no handler is interrupted."""

    def route(self, ref: ActorPath) -> Route | None:
        """The way to an actor, None when its host is not alive. Raises: ForeignRefError, LimitReachedError."""

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        """Call `fn` after `delay` seconds in some thread, then look around in this one."""

    def send(
        self,
        address: int,
        kind: int,
        corr: int = 0,
        *,
        flags: int = 0,
        target: bytes = b"",
        sender: bytes = b"",
        body: Raw = b"",
        extras: Sequence[Raw] = (),
    ) -> None: ...


class Lives:
    """What a port does to hear of others; its records are `watches` and `follows`."""

    def __init__(self, port: Port, watches: Watches, follows: Follows) -> None:
        self._port, self._watches, self._follows = port, watches, follows

    def watch(self, ref: ActorPath, on_down: OnDown, *, before_hooks: bool = False) -> int:
        """Have `on_down(ref, reason)` called once when the actor ends, at once if it is not there.

        An actor of another system cannot be watched; that is answered as an end, too (`noproc`), not raised.

        Args: before_hooks, whether to hear of the end before the actor's `on_stop` or `on_failure`, which may take long.
        Returns: a number for `unwatch`.
        Raises: ActorDeadError, when the port is closed; LimitReachedError, when its host cannot be asked for want of a
            file descriptor.
        """
        port = self._port
        with port.lock:
            port.check_open()
            ended = None
            try:
                route = port.route(ref)
            except ForeignRefError as error:
                route, ended = None, DownReason("noproc", str(error))
            if route is None:
                number = self._watches.add(ref, 0, on_down)
                # The actor and its host may have ended between the start and this watch: the true reason is still known.
                ended = ended or port.table.end_of(ref.serial, ref.name)
                ended = ended or DownReason("noproc", f"{ref} not found")
                port.later(lambda: self._watches.end(number, ended))
            else:
                number = self._watches.add(ref, route.serial, on_down)
                body = BEFORE_HOOKS if before_hooks else b""
                port.send(route.address, Kind.WATCH, number, target=route.target, body=body)
            return number

    def unwatch(self, number: int) -> None:
        """Forget a watch; of no effect once it has ended.

        The host is told, because an actor that many others watch in turn would gather their watches as long as it lives.
        """
        with self._port.lock:
            watched = self._watches.drop(number)
            if watched is not None and not self._port.table.is_dead(watched.serial):
                address = watched.serial << THREAD_BITS
                self._port.send(address, Kind.UNWATCH, number, target=watched.actor.name.encode())

    @property
    def following(self) -> int:
        """How many names are followed."""
        return len(self._follows)

    def follow(
        self,
        ref: ActorPath,
        on_up: Callable[[], object],
        on_down: Callable[[DownReason], object],
        *,
        on_close: Callable[[], object] | None = None,
        is_wanted: Callable[[], bool] | None = None,
    ) -> int:
        """Have `on_up()` called whenever an actor of this name is up, `on_down(reason)` when it ends.

        Its host tells, or the host table when the host has died. All functions are called by whoever reads the port, and
        must neither take long nor wait.

        Args:
            ref: the actor; any life of it is meant.
            on_up: called for each life, the first time at once if it is up.
            on_down: called with the reason, never without an `on_up` before it.
            on_close: called when the port closes.
            is_wanted: asked now and again whether to go on, so that a follower that has lost interest in another thread
                need not call `unfollow` in this one.
        Returns: a number for `unfollow`.
        Raises: ForeignRefError, for an actor of another system; LimitReachedError, when its host cannot be asked;
            ActorDeadError, when the port is closed.
        """
        with self._port.lock:
            self._port.check_open()
            ref.belong_to(self._port.network.system)
            follow = Follow(
                ref.host,
                ref.name,
                hint=ref.serial,
                on_up=on_up,
                on_down=on_down,
                on_close=on_close,
                is_wanted=is_wanted,
            )
            return self._follows.add(follow)

    def unfollow(self, number: int) -> None:
        """Call none of the follow's functions any more; of no effect if it was removed before."""
        with self._port.lock:
            self._follows.remove(number)

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        """Call `fn()` in some thread after `delay` seconds; then this port looks which of its follows are still wanted."""
        self._port.call_later(delay, fn)

    def ask_again(self, ref: ActorPath, message: Encoded, sender: bytes) -> Future[Any]:
        """Ask a successor, in the name of the actor `sender`.

        The question goes outside the window, because it is asked by whoever reads the port and hears that the successor is
        up: that one cannot wait for room. `PatientAsk` bounds how many there are.

        Returns: a future, which fails with ActorDeadError when the successor is gone again.
        """
        port = self._port
        future: Future[Any] = Future()
        with port.lock:
            future.port = port
            try:
                route = port.route(ref)
            except ActorDeadError as error:
                future.resolve(None, error)
                return future
            if route is None:
                future.resolve(None, ActorDeadError(f"{ref} not found"))
                return future
            port.send(
                route.address,
                Kind.ASK,
                port.asks.expect(future, route.serial, route),
                flags=message.flags | EXEMPT,
                target=route.target,
                sender=sender,
                body=message.body,
                extras=message.extras,
            )
        return future
