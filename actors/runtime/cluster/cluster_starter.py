"""How an actor on the cluster is started: its relay is, in a thread of the starting process, and starts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from peerage.actors.runtime.cluster.relay import Relay
from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.host.start_request import StartRequest
from peerage.actors.runtime.mail import pickling
from peerage.actors.runtime.mail.class_path import path_of
from peerage.actors.runtime.mail.definitions import EVERYTHING
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.starter import Place, Starter

A = TypeVar("A", bound=HostedActor)

# Of the start's time, seconds that are kept for saying that it is over. A thread's start that has begun cannot be killed.
SPARE_S = 1.0


class Cluster(Protocol):
    """What of the place the relay needs."""

    @property
    def address(self) -> str: ...

    def options(self) -> dict[str, Any]: ...


class ClusterStarter(Starter[A]):
    """As a starter for a thread; the class goes on to the cluster, and refs say that they are its."""

    def __init__(
        self,
        cls: type[A],
        cluster: Cluster,
        name: str | None,
        host: str | None,
        extra: Any,
        start_timeout: float,
        linked_to: ActorRef[Any] | None,
        log_setup: Callable[[], None] | None,
    ) -> None:
        super().__init__(cls, name, Place.THREAD, host, {}, None, False, start_timeout, linked_to, None)
        self._cluster, self._for_actor = cluster, (extra, log_setup)

    def _body(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        # As for a new process, which the actor gets: with all definitions as they are now.
        packed = pickling.dumps((self._class, args, kwargs, *self._for_actor), careful=True, anew=True)
        patience = max(SPARE_S, self._timeout - SPARE_S)
        arguments = self._cluster, path_of(self._class), packed, patience
        what = pickling.dumps((Relay, arguments, {}), kept_there=EVERYTHING, careful=True)
        return StartRequest(name, what, None, self._owner).packed()
