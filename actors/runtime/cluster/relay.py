"""The home end of an actor on the cluster: it has the actor's name, mailbox and watchers, and its place in a supervisor."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

from peerage.actors.runtime.cluster.link import Link
from peerage.actors.runtime.cluster.ray_line import ClusterError, RayLine
from peerage.actors.runtime.cluster.stand_in import StandIn
from peerage.actors.runtime.errors import ActorStartError
from peerage.actors.runtime.host.host import Host
from peerage.actors.runtime.host.stand_in_cell import StandInCell
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.process import current_host
from peerage.actors.runtime.mail.ref import from_identity

THE_ACTOR = b""  # the key of the actor that was sent to the cluster


class Cluster(Protocol):
    """See `cluster_starter.py`."""

    @property
    def address(self) -> str: ...

    def options(self) -> dict[str, Any]: ...


class Relay(StandIn):
    """Starts the actor on the cluster and stands for it here. It lives in a thread of its own.

    It ends with the actor, for the actor's reason, or with `killed` when the actor's process or node is lost. If it is
    ended itself (its owner has ended, say), the actor's process is killed.

    Args: cluster, the place; class_path, of the actor; packed, its class, arguments, extra and log_setup; patience, seconds
    until it must be up.
    """

    def __init__(self, cluster: Cluster, class_path: str, packed: bytes, patience: float) -> None:
        host = current_host()
        assert isinstance(host, Host)
        # Nobody leaves definitions out of what is sent here: it goes on to a process that has none.
        host.process.kept[host.serial] = set()
        self._host = host
        self.link = Link(host.port, self._at_home, lambda _sender: self.actor_ref.identity, self._post)
        self._line = RayLine(host.call_threadsafe, self.link.receive, self._lost)
        super().__init__(self.link, THE_ACTOR)
        self._class_path, self._packed, self._patience = class_path, packed, patience
        self._cluster = cluster
        self._sends_soon = False
        self._is_whole = False  # whether the actor is up and nothing has come between it and us

    def on_start(self) -> None:
        """Start the actor. Raises: what its constructor and `on_start` raise; ActorStartError."""
        name, host = self.actor_ref.name, self.actor_ref.host
        cell = self._host.cell
        assert isinstance(cell, StandInCell)
        self._host.killer = self._kill
        self.link.stands_in(THE_ACTOR, cell)
        boot = {
            "name": name,
            "host": host,
            "home": self._host.system,
            "packed": self._packed,
            "patience": self._patience,
        }
        self._packed = b""
        try:
            started = self._line.open(self._cluster.address, self._cluster.options(), boot)
        except ClusterError as error:
            raise ActorStartError(name, str(error)) from error
        # The loop turns meanwhile: the actor may ask others already in its constructor.
        self._host.port.wait(started.is_done, self._patience, nested=True)
        if not started.is_done():
            raise ActorStartError(
                name, f"the cluster has not started it within {self._patience:g} s: {self._cluster}"
            )
        if started.error is not None:
            raise ActorStartError(name, started.error)
        if started.failure:
            raise codec.decode_failure(started.failure)
        self._is_whole = True
        logger().debug("actor on the cluster", actor=name, cluster_node=started.node, pid=started.pid)

    def _at_home(self, key: bytes) -> ActorPath:
        ref = from_identity(key, self._host.system)
        assert ref is not None
        return ref

    def _post(self) -> None:
        if not self._sends_soon:  # once a turn: what comes in one turn travels together
            self._sends_soon = True
            self._host.loop.call_soon(None, self._send)

    def _send(self) -> None:
        self._sends_soon = False
        self._line.send(self.link.outbox)

    def _lost(self, reason: DownReason) -> None:
        """The process of the actor, or its node, is gone."""
        self._is_whole = False
        for cell in list(self._host.cells.values()):
            if cell.instance is self:
                cell.end(reason)

    def _kill(self) -> None:
        """Somebody wants its process killed, as `ref.kill()` does at home."""
        self._lost(DownReason("killed", "killed on the cluster"))

    def gone(self, reason: DownReason) -> None:
        """As `StandIn.gone`: whatever is left of the actor is ended."""
        super().gone(reason)
        with contextlib.suppress(Exception):
            self.link.close()
        self._line.close(orderly=self._is_whole)
