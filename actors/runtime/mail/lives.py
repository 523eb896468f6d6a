"""The lives of other actors as one port hears of them: it watches for ends, follows names, and asks successors."""

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
    """The port that hears of them."""

    @property
    def network(self) -> Network: ...
    @property
    def lock(self) -> threading.RLock: ...
    @property
    def table(self) -> HostTable: ...
    @property
    def asks(self) -> Asks: ...
    def later(self, fn: Callable[[], None]) -> None: ...
    def route(self, ref: ActorPath) -> Route | None: ...
    def call_later(self, delay: float, fn: Callable[[], object]) -> None: ...
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
    """What a port does to hear of others, in its own record of watches and follows."""

    def __init__(self, port: Port, watches: Watches, follows: Follows) -> None:
        self._port, self._watches, self._follows = port, watches, follows

    def watch(self, ref: ActorPath, on_down: OnDown, *, before_hooks: bool = False) -> int:
        """Have `on_down(ref, reason)` called once when the actor ends, at once if it is not there.

        Args: before_hooks, whether to be told before its `on_stop` or `on_failure`, which may take their time.
        Returns: a number for `unwatch`.
        Raises: ActorDeadError, when the port is closed.
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
                # It may have ended between its start and this watch: then the true reason is still known.
                ended = ended or port.table.end_of(ref.serial, ref.name)
                ended = ended or DownReason("noproc", f"{ref} not found")
                port.later(lambda: self._watches.end(number, ended))
            else:
                number = self._watches.add(ref, route.serial, on_down)
                body = BEFORE_HOOKS if before_hooks else b""
                port.send(route.address, Kind.WATCH, number, target=route.target, body=body)
            return number

    def unwatch(self, number: int) -> None:
        """Forget a watch; of no effect once it has ended."""
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

        Called as well: `on_close()` when the port closes, `is_wanted()` now and again, whether to go on.

        Returns: a number for `unfollow`.
        Raises: ForeignRefError; LimitReachedError; ActorDeadError, when the port is closed.
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
        """Call neither any more."""
        with self._port.lock:
            self._follows.remove(number)

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        """Call `fn()` in some thread after so many seconds, then look who has lost interest."""
        self._port.call_later(delay, fn)

    def ask_again(self, ref: ActorPath, message: Encoded, sender: bytes) -> Future[Any]:
        """Ask a successor, for the actor `sender`: outside the window, and before all that waits in line."""
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
