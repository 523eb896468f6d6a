"""One life of a node, from its start to its end: what it holds meanwhile, and how it ended.

A node that is started again has another life; nothing of the first one is left in it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from peerage.actors.runtime import ActorRef
from peerage.config.home_lock import HomeLock

__all__ = ["NodeLife", "NodeNotRunningError", "UnknownReactorError"]


class NodeNotRunningError(Exception):
    """A node was asked that does not run here; the text says whether it has not been started, was stopped, has failed, or
    runs in the process that this one is a forked child of.
    """

    def __init__(self, node_id: str, why: str) -> None:
        super().__init__(node_id, why)
        self.node_id, self.why = node_id, why

    def __str__(self) -> str:
        return f"node {self.node_id} does not run: {self.why}"


class UnknownReactorError(KeyError):
    """A node has no reactor of this name. Attributes: name; known, the names that there are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        listed = ", ".join(map(repr, self.known)) or "none"
        return f"no reactor is named {self.name!r}; there are: {listed}"


@dataclass(slots=True, eq=False)
class NodeLife:
    """What a node holds between its start and its end."""

    lock: HomeLock
    address: str = ""  # ID@host:port, once it listens
    listener: socket.socket | None = None
    http_listeners: dict[str, list[socket.socket]] = field(default_factory=dict)  # a restart keeps the port
    fds: list[int] = field(default_factory=list)
    supervisor: ActorRef[Any] | None = None  # once every child is up
    stopping: bool = False
    call_off: Callable[[], None] = lambda: None
    ended: threading.Event = field(default_factory=threading.Event)
    failure: str | None = None  # why it ended by itself

    def __post_init__(self) -> None:
        _lives.add(self)

    @property
    def is_running(self) -> bool:
        return self.supervisor is not None and not self.stopping and not self.ended.is_set()

    def why_not(self) -> str:
        """Why it does not run."""
        if self.failure is not None:
            return f"it has failed: {self.failure}"
        return "it has been stopped" if self.ended.is_set() else "it is being stopped"

    def release(self) -> None:
        """Give back what the operating system lent. May be called twice."""
        _lives.discard(self)
        while self.http_listeners:
            for listener in self.http_listeners.popitem()[1]:
                listener.close()
        if self.listener is not None:
            self.listener.close()
        while self.fds:
            os.close(self.fds.pop())
        self.lock.release()

    def over(self, failure: str | None) -> None:
        """It has ended, by itself if there is a failure."""
        self.failure = failure
        self.call_off()
        self.release()
        self.ended.set()


_lives: set[NodeLife] = set()  # of this process's nodes


def _let_go_after_fork() -> None:
    """A child that outlives its parent must not keep ports from the parent's successor."""
    for life in list(_lives):
        life.release()


os.register_at_fork(after_in_child=_let_go_after_fork)
