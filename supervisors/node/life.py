"""The lives of a node, from a start to an end each: what it holds meanwhile, and how it ended.

A node that is started again has another life; nothing of the first one is left in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peerage.actors.context import NodeContext
from peerage.actors.runtime import ActorDeadError, ActorRef, Future, LimitReachedError, Timeout
from peerage.actors.runtime.errors import FutureCancelledError
from peerage.actors.seconds import Seconds
from peerage.config import Config
from peerage.config.home_lock import HomeLock
from peerage.config.node_socket import listen_for_commands
from peerage.supervisors.node.errors import NodeNotRunningError
from peerage.supervisors.node.listening import PeerPlace, listen_for_http, names_to_listen_on


class StartCalledOffError(Exception):
    """The end of the node was asked for while it started, and nothing of it runs. Never leaves this package.

    Attribute: life, that is over.
    """

    def __init__(self, life: NodeLife) -> None:
        super().__init__(life)
        self.life = life


@dataclass(slots=True, eq=False)
class NodeLife:
    """What a node holds between its start and its end."""

    node_id: str
    lock: HomeLock
    takes_commands: bool = False  # also where there is no RPC
    address: str = ""  # ID@host:port, once it listens
    told_also: tuple[str, ...] = ()  # ID@host:port, what peers of another family are told
    listeners: list[socket.socket] = field(default_factory=list)  # for peers, that of p2p.laddr first
    http_listeners: dict[str, list[socket.socket]] = field(default_factory=dict)  # a restart keeps the port
    socket_file: Path | None = None  # where it takes commands
    unsteerable: str = ""  # why it has no such socket
    fds: list[int] = field(default_factory=list)
    context: NodeContext | None = None  # what every part is told
    supervisor: ActorRef[Any] | None = None  # once every child is up
    stopping: bool = False
    call_off: Callable[[], None] = lambda: None
    ended: threading.Event = field(default_factory=threading.Event)
    failure: str | None = None  # why it ended by itself
    asked: set[Future[Any]] = field(default_factory=set)  # answers that somebody waits for
    watchers: set[Callable[[], None]] = field(default_factory=set)  # are called, from any thread, at the end

    began: float = field(default_factory=time.monotonic)
    _pid: int = field(default_factory=os.getpid)  # of the process that it is in

    def __post_init__(self) -> None:
        _lives.add(self)

    @property
    def is_running(self) -> bool:
        """Whether every part is up and none has been told to stop."""
        return self.supervisor is not None and not self.stopping and not self.ended.is_set()

    @property
    def age(self) -> Seconds:
        """How long ago it began."""
        return Seconds(time.monotonic() - self.began)

    def why_not(self) -> str:
        """Return why it does not run."""
        if self.failure is not None:
            return f"it has failed: {self.failure}"
        return "it has been stopped" if self.ended.is_set() else "it is being stopped"

    def listen(self, config: Config, is_over: Callable[[], bool] = lambda: False) -> None:
        """Take every port that the configuration names.

        Args: is_over, whether the node need not start any more.
        Raises: ListenError; StartCalledOffError.
        """
        instrumentation, rpc = config.instrumentation, config.rpc
        metrics = instrumentation.prometheus_listen_addr if instrumentation.prometheus else ""
        resolve = names_to_listen_on((config.p2p.laddr, rpc.laddr, metrics), is_over)
        if is_over():
            raise StartCalledOffError(self)
        for place in PeerPlace.all_of(config):
            self.listeners.append(place.listen(resolve))
        if rpc.laddr:
            self.http_listeners["rpc"] = listen_for_http("rpc.laddr", rpc.laddr, resolve)
        if rpc.laddr or self.takes_commands:
            try:
                self.http_listeners["control"] = [listen_for_commands(config.home.node_socket)]
                self.socket_file = config.home.node_socket
            except OSError as error:  # a directory that cannot be written, say: the node can do without
                self.unsteerable = str(error)
        if metrics:
            self.http_listeners["metrics"] = listen_for_http(
                "instrumentation.prometheus_listen_addr", metrics, resolve
            )

    def listen_fds(self) -> dict[str, int]:
        """Return the descriptors of the sockets that peers connect to, by the names that peer hosts find them under."""
        return {f"listen-{i}": listener.fileno() for i, listener in enumerate(self.listeners)}

    def http_fds(self, name: str) -> dict[str, int]:
        """Return the descriptors of a server's sockets, by the names that it finds them under."""
        return {
            f"{name}-{i}": listener.fileno() for i, listener in enumerate(self.http_listeners.get(name, ()))
        }

    def ask(self, part: ActorRef[Any], message: Any, timeout: float) -> Any:
        """Ask a part of the node, or its successor when it dies meanwhile: each question may be put twice.

        Raises: what the part raises; NodeNotRunningError, when the node ends first; Timeout; ActorDeadError, when there is
            no successor in that time.
        """
        until = time.monotonic() + timeout
        try:
            with self._question(part, message, timeout) as answer:
                return answer.get(timeout=max(0.0, until - time.monotonic()))
        except LimitReachedError:
            raise
        except ActorDeadError as error:
            if self.ended.wait(max(0.0, until - time.monotonic())):
                raise NodeNotRunningError(self.node_id, self.why_not()) from error
            raise

    async def ask_async(self, part: ActorRef[Any], message: Any, timeout: float) -> Any:  # noqa: ASYNC109 - as of `ask`
        """As `ask`, awaited: the loop goes on meanwhile."""
        until = time.monotonic() + timeout
        try:
            with self._question(part, message, timeout) as answer:
                try:
                    async with asyncio.timeout(timeout) as limit:
                        return await answer
                except TimeoutError as error:
                    if limit.expired():
                        raise Timeout(f"{timeout} seconds") from error
                    raise  # the part's own
        except LimitReachedError:
            raise
        except ActorDeadError as error:
            if await self.has_ended(max(0.0, until - time.monotonic())):
                raise NodeNotRunningError(self.node_id, self.why_not()) from error
            raise

    @contextlib.contextmanager
    def _question(self, part: ActorRef[Any], message: Any, timeout: float) -> Iterator[Future[Any]]:
        """Give the answer to come, which the node's end cancels."""
        answer = part.ask(message, block=False, timeout=timeout, patience=timeout)
        self.asked.add(answer)
        try:
            if self.ended.is_set():  # just now: nobody will cancel it
                raise NodeNotRunningError(self.node_id, self.why_not())
            yield answer
        except FutureCancelledError as error:
            raise NodeNotRunningError(self.node_id, self.why_not()) from error
        finally:
            self.asked.discard(answer)
            answer.cancel()

    async def has_ended(self, seconds: float | None) -> bool:
        """Wait for the end without holding the loop up. Args: seconds, at most. Returns: whether it has."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # that loop has been closed
                loop.call_soon_threadsafe(_set, waiter)

        self.watchers.add(wake)
        try:
            if not self.ended.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(waiter, seconds)
            return self.ended.is_set()
        finally:
            self.watchers.discard(wake)

    def release(self) -> None:
        """Give back what the operating system lent. May be called twice."""
        _lives.discard(self)
        if self.socket_file is not None and self._pid == os.getpid():  # a forked child has only a copy
            with contextlib.suppress(OSError):  # it is gone with its directory
                self.socket_file.unlink()
        self.socket_file = None
        while self.http_listeners:
            for listener in self.http_listeners.popitem()[1]:
                listener.close()
        while self.listeners:
            self.listeners.pop().close()
        while self.fds:
            os.close(self.fds.pop())
        self.lock.release()

    def over(self, failure: str | None) -> None:
        """It has ended, by itself if there is a failure."""
        self.failure = failure
        self.call_off()
        self.release()
        self.ended.set()
        for answer in list(self.asked):
            answer.cancel()
        for wake in list(self.watchers):
            wake()


class Lives:
    """The lives of one node, one after the other, and the process that it lives in."""

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._life: NodeLife | None = None  # this one, or the last
        self._switching = threading.RLock()  # one start or stop at a time; a signal's handler may stop, too
        self._is_starting = self._stop_is_due = False
        self._pid = 0  # of the process that started it

    @property
    def is_elsewhere(self) -> bool:
        """Whether it lives in the process that this one is a forked child of."""
        has_begun = self._is_starting or (self._life is not None and not self._life.ended.is_set())
        return has_begun and self._pid != os.getpid()

    @property
    def stop_is_due(self) -> bool:
        """Whether the end was asked for while it starts."""
        return self._stop_is_due

    @property
    def is_running(self) -> bool:
        """Whether it runs here."""
        return self._life is not None and self._life.is_running and not self.is_elsewhere

    @property
    def state(self) -> str:
        """What becomes of the node, in a word or two."""
        life = self._life
        if self.is_elsewhere:
            return f"in process {self._pid}"
        if self.is_running:  # also while the start that brought it about has its last words
            return "running"
        if self._is_starting:
            return "starting"
        return "not started" if life is None else life.why_not().removeprefix("it ")

    def check_process(self) -> None:
        """Before anything else: a forked child has not the threads that do what it would wait for, and holds their locks.

        Raises: NodeNotRunningError.
        """
        if self.is_elsewhere:
            raise NodeNotRunningError(
                self._node_id,
                f"it runs in process {self._pid}, of which this process is a forked child; make a node of its own here, "
                "with a home of its own",
            )

    def running(self) -> NodeLife:
        """Return the life that the node is in. Raises: NodeNotRunningError."""
        life = self.last()
        if not life.is_running:
            raise NodeNotRunningError(self._node_id, life.why_not())
        return life

    def last(self) -> NodeLife:
        """Return the life that the node is in, or has been in. Raises: NodeNotRunningError, before the first start."""
        self.check_process()
        if self._life is None:
            raise NodeNotRunningError(self._node_id, "it has not been started")
        return self._life

    def start(self, live: Callable[[], object], stop: Callable[[], object]) -> None:
        """Call `live`, which calls `enter`, unless the node lives. If its end is asked for meanwhile, call `stop`."""
        self.check_process()
        with self._switching:
            if self._is_starting or (self._life is not None and not self._life.ended.is_set()):
                return
            self._pid = os.getpid()
            self._is_starting, self._stop_is_due = True, False
            try:
                live()
            except StartCalledOffError as called_off:
                called_off.life.over(None)
                self.enter(called_off.life)
                return
            finally:
                self._is_starting = False
            if self._stop_is_due:
                stop()

    def call_off(self) -> None:
        """Have a start that goes on in another thread end as soon as it can, and the node with it."""
        if self._is_starting:
            self._stop_is_due = True

    def enter(self, life: NodeLife) -> None:
        """Every part of the node is up."""
        self._life = life

    @contextlib.contextmanager
    def stop(self) -> Iterator[NodeLife | None]:
        """Give the life that is to be stopped now, None if there is none or `start` will see to it."""
        self.check_process()
        with self._switching:
            self._stop_is_due = self._is_starting  # called from a handler
            life = self._life
            if self._is_starting or life is None or life.supervisor is None or life.ended.is_set():
                yield None
            else:
                life.stopping = True
                yield life


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


_lives: set[NodeLife] = set()  # of this process's nodes


def _let_go_after_fork() -> None:
    """A child that outlives its parent must not keep ports from the parent's successor."""
    for life in list(_lives):
        life.release()


os.register_at_fork(after_in_child=_let_go_after_fork)
