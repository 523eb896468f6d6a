"""The actor system that the parts of nodes run in: one for all nodes of a process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from peerage.actors.runtime import ActorRef, System, watch
from peerage.actors.runtime.log import signature
from peerage.config import Config
from peerage.config.node_logging import CHAIN
from peerage.supervisors.node.host_setup import HostSetup
from peerage.supervisors.node.parts import PRELOAD

_making_system = threading.Lock()
os.register_at_fork(after_in_child=_making_system._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001 - another thread's


def ensure_system(config: Config, modules: Iterable[str]) -> None:
    """Make the process's actor system, unless the embedder has made one.

    Hosts start with our modules loaded, and with those of the reactors, so that a reactor that is restarted need not import
    them again.
    """
    with _making_system:  # nodes may be started by several threads
        if not System.is_running():
            setup = HostSetup(config.log_settings, chain=signature().get(CHAIN, ""))
            System(preload=(*PRELOAD, *modules), log_setup=setup)


def uninterrupted(start: Callable[[], ActorRef[Any]]) -> ActorRef[Any]:
    """Return what `start` starts. Ctrl-C interrupts only the wait for it, and ends it: half a node would hold names and
    files.
    """
    with ThreadPoolExecutor(1, "node-start") as pool:
        starting = pool.submit(start)
        try:
            return starting.result()
        except BaseException:
            if starting.exception() is None:
                started = watch(starting.result())
                started.ref.stop()
                started.wait()
            raise
