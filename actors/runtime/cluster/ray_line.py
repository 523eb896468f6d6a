"""How notes travel between home and an outpost: by calls of one Ray actor, which home makes.

Nobody can call a Ray driver. So home always has one call of `collect` open, which returns when the outpost has something to
say, and whose failure is the news of the outpost's death. What home has to say goes by calls of `deliver`, of which few are
open at a time: what comes meanwhile travels together. The outpost takes them in the order of their numbers, because Ray
promises no order for an actor with several threads.

This is the one module that calls Ray at home, and it imports it when the first actor is started there.
"""

from __future__ import annotations

import atexit
import contextlib
import pickle
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from peerage.actors.runtime.cluster.notes import Note, pack, take, unpack
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.system import System

OPEN_DELIVERIES = 2  # one is on its way while the other is being handled
_connecting = threading.Lock()


class ClusterError(Exception):
    """The cluster cannot be used: Ray is not installed, or there is no cluster at the address."""


class Started:
    """What becomes of a start on the cluster.

    Attributes: failure, the packed exception of the actor; error, why Ray could not do it; node, pid, where it runs.
    """

    def __init__(self) -> None:
        self.failure = b""
        self.error: str | None = None
        self.node, self.pid = "", 0
        self._is_done = False

    def is_done(self) -> bool:
        """Whether it is known."""
        return self._is_done

    def is_up(self, failure: bytes, node: str, pid: int) -> None:
        """The outpost has answered. Args: failure, empty if the actor is up."""
        self.failure, self.node, self.pid, self._is_done = failure, node, pid, True

    def failed(self, error: str) -> None:
        """It will not answer."""
        if not self._is_done:
            self.error, self._is_done = error, True


class RayLine:
    """Belongs to the thread of a loop; only what Ray calls back comes from others, and is passed to `call_threadsafe`.

    Args: call_threadsafe, of the loop; received, called with notes from the outpost; lost, called once when it is gone.
    """

    def __init__(
        self,
        call_threadsafe: Callable[..., object],
        received: Callable[[list[Note]], object],
        lost: Callable[[DownReason], object],
    ) -> None:
        self._call, self._received, self._lost = call_threadsafe, received, lost
        self._ray: Any = None
        self._outpost: Any = None
        self._deliver: Any = None  # its methods
        self._collect_one: Any = None
        self._outbox: deque[Note] = deque()
        self._delivered = self._open = 0
        self._is_closed = False

    def open(self, address: str, options: dict[str, Any], boot: dict[str, Any]) -> Started:
        """Have Ray start an outpost, and the actor in it. Returns at once. Raises: ClusterError."""
        self._ray = ray = connect(address)
        from peerage.actors.runtime.cluster.outpost import Outpost

        groups = {"deliver": 1, "collect": 1}
        remote = ray.remote(concurrency_groups=groups, **options)(Outpost)
        self._outpost = remote.remote()
        self._deliver = self._outpost.deliver.options(concurrency_group="deliver")
        self._collect_one = self._outpost.collect.options(concurrency_group="collect")
        started = Started()

        def done(future: Any) -> None:
            self._call(None, self._on_started, started, future)

        self._outpost.start.remote(boot).future().add_done_callback(done)
        self._started = started
        self._collect()
        return started

    def _on_started(self, started: Started, future: Any) -> None:
        error = future.exception()
        if error is None:
            started.is_up(*future.result())
        else:
            self._is_lost(error)

    # To the outpost

    def send(self, outbox: deque[Note]) -> None:
        """Send what is in the outbox, now or as soon as earlier deliveries have arrived."""
        self._outbox = outbox
        while outbox and self._open < OPEN_DELIVERIES and not self._is_closed:
            try:
                batch, large = pack(take(outbox), self._put)
                sent = self._deliver.remote(self._delivered, batch, large)
            except (
                Exception
            ) as error:  # no room in the object store, say: what was taken is lost with the link
                self._is_lost(error)
                return
            self._delivered += 1
            self._open += 1
            sent.future().add_done_callback(lambda future: self._call(None, self._on_delivered, future))

    def _put(self, raw: Raw) -> Any:
        return self._ray.put(
            pickle.PickleBuffer(raw)
        )  # which Ray takes beside the pickle, and so copies once

    def _on_delivered(self, future: Any) -> None:
        self._open -= 1
        if (error := future.exception()) is not None:
            self._is_lost(error)
        else:
            self.send(self._outbox)

    # From the outpost

    def _collect(self) -> None:
        self._collect_one.remote().future().add_done_callback(
            lambda future: self._call(None, self._on_collected, future)
        )

    def _on_collected(self, future: Any) -> None:
        if self._is_closed:
            return
        error = future.exception()
        if error is None:
            batch, large = future.result()
            try:
                notes = unpack(batch, self._ray.get(large) if large else ())
            except self._ray.exceptions.RayError as lost:  # its node has died before we had the frames
                error = lost
            else:
                self._collect()  # before they are handled, so that the next ones travel meanwhile
                self._received(notes)
        if error is not None:
            self._is_lost(error)

    # The end

    def _is_lost(self, error: BaseException) -> None:
        if self._is_closed:
            return
        text = f"{type(error).__name__}: {cause_of(error)}"
        self.close()
        self._started.failed(text)
        self._lost(DownReason("killed", text))

    def close(self, *, orderly: bool = False) -> None:
        """End the outpost, if it is there yet. Nothing is called any more.

        Args: orderly, its actor has ended, and only the rest of the process is to go, which does so by itself; otherwise it
            is killed.
        """
        self._is_closed = True
        outpost, self._outpost = self._outpost, None
        if outpost is None:
            return
        with contextlib.suppress(Exception):  # the cluster itself may be gone
            if orderly:
                outpost.leave.remote()
            else:
                self._ray.kill(outpost, no_restart=True)


def connect(address: str) -> Any:
    """Ray, connected to a cluster.

    Args: address, of the cluster, if this process is not connected yet. Raises: ClusterError.
    """
    try:
        import ray
    except ImportError as error:
        raise ClusterError("place=RAY(…) needs Ray: pip install 'peerage[ray]'") from error
    with _connecting:
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False, logging_level="warning")
            except Exception as error:
                raise ClusterError(f"no Ray cluster at address {address!r}: {cause_of(error)}") from error
        # Exit handlers are called in the reverse order: actors are to end before Ray disconnects, not by it.
        atexit.unregister(_end_actors)
        atexit.register(_end_actors)
    return ray


def _end_actors() -> None:
    if System.is_running():
        System.current().shutdown()


def cause_of(error: BaseException) -> str:
    """One line of what Ray says, whose texts are whole pages."""
    for line in str(error).splitlines():
        if line.strip():
            return line.strip()
    return type(error).__name__
