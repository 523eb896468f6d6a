"""Keeps a node connected to the cluster, so that no fault there is one of the node.

It has the member (`member.py`) run in a process of its own, and starts another when that one has ended, after pauses that
grow. This is not left to the node's supervisor: a cluster may be away for days, and the ends of a process that cannot reach
it say nothing about the node. Meanwhile the node's own book answers, as that of any node does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.cluster.messages import ClusterStatus, GetClusterStatus
from peerage.actors.context import NodeContext
from peerage.actors.runtime import ActorRef, ActorStartError, DownReason, ProcessActor
from peerage.actors.runtime.log import get_logger
from peerage.actors.runtime.named_actor import NamedActor

__all__ = ["ClusterKeeper"]

MEMBER = NamedActor("peerage.actors.cluster.member:ClusterMember")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
log = get_logger("peerage.cluster")


class ClusterKeeper(ProcessActor):
    """Lives in a thread: it waits most of the time.

    Args: log_setup, of the member's process.
    """

    def __init__(self, log_setup: Callable[[], None] | None = None) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context, self._log_setup = context, log_setup
        self._status = ClusterStatus()
        self._pause = FIRST_PAUSE_S
        self._said: str | None = None  # the cause of being alone that was logged last; None: it is not alone

    def on_start(self) -> None:
        self._said = ""
        self._start()

    def _start(self) -> None:
        starter = MEMBER.options(
            name=self._context.names.of("cluster-member"),
            extra=self._context,
            linked_to=self.actor_ref,
            log_setup=self._log_setup,
        )
        try:
            member = starter.start(self.actor_ref)
        except ActorStartError as error:
            self._is_alone(str(error))
            self._again()
        else:
            self.runtime.watch(member)

    def _again(self) -> None:
        self.runtime.call_later(self._pause, self._start)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)

    def on_down(self, _ref: ActorRef[Any], reason: DownReason) -> None:
        """The member has given up, or its process was ended."""
        self._is_alone(self._status.cause or str(reason))
        self._again()

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, GetClusterStatus):
            return self._status
        if isinstance(message, ClusterStatus):
            if message.nodes:
                self._is_not_alone(message)
            self._status = message
        return None

    def _is_not_alone(self, status: ClusterStatus) -> None:
        self._pause = FIRST_PAUSE_S
        before = self._status
        if self._said is not None or (status.book_at, status.nodes) != (before.book_at, before.nodes):
            self._said = None
            log.info("address book shared", book_at=status.book_at, nodes=status.nodes)

    def _is_alone(self, cause: str) -> None:
        self._status = ClusterStatus(cause=cause)
        if cause != self._said:
            self._said = cause
            log.warning("address book not shared, the node goes on by itself", cause=cause)
