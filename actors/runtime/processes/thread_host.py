"""Hosts in threads of a process that is there.

The root has given the host its serial before (`HostMaker.reserve`). From there on the process makes it alone, and whoever
starts it sends its start message straight to the new thread: for the actor's start the root is not asked again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.host.host import Host
from peerage.actors.runtime.log import sign_thread, signature
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, ROOT_SERIAL, HostFacts
from peerage.actors.runtime.mail.process import Process


def start_host_thread(
    process: Process, name: str, serial: int, *, keep: bool, fds: dict[str, int]
) -> Future[None]:
    """Run a host in a new daemon thread.

    Returns: resolved when its mailbox is bound and the root knows it, or with what went wrong before that; then the
        thread is gone, and so are the descriptors. It is resolved by the new thread.
    Raises: RuntimeError, when there can be no more threads; the descriptors are the caller's to close then.
    """
    bound: Future[None] = Future()
    thread = threading.Thread(
        target=_run_host_thread,
        args=(process, name, serial, keep, fds, signature(), bound),
        name=f"host {name}",
        daemon=True,
    )
    thread.start()
    return bound


def _run_host_thread(
    process: Process,
    name: str,
    serial: int,
    keep: bool,
    fds: dict[str, int],
    lines_signed: Mapping[str, str],
    bound: Future[None],
) -> None:
    # Log lines of the new thread bear the signature of the one that has started it.
    sign_thread(lines_signed)
    host: Host | None = None
    # Whatever goes wrong is told by `bound`, since whoever waits for that would wait for ever otherwise. A thread that
    # raised would only print a traceback.
    try:
        host = Host(process, name, serial, keep=keep)
        # Before the root tells everybody: threads of this process may send here at once.
        process.table.up_here(HostFacts(name, serial, host.pid))
        host.port.send(ROOT_ADDRESS, Kind.HOST_READY, serial, body=codec.dumps((name, host.pid)))
        # Before `bound`: the start message, which takes them, is sent when that is resolved.
        host.passed_fds = fds
        if process.serial != ROOT_SERIAL:
            # Whoever is told of the actor by its starter may look for its name at once, in the root's process above all.
            # The root answers this question, as any other, when it has handled the message before.
            host.port.requests.ask(ROOT_ADDRESS, Kind.QUERY, "pid").get()
    except BaseException as error:
        close_all(fds)
        bound.resolve(None, error)
        if host is None:
            return
        # It has a mailbox: `run` makes no turn, says goodbye and closes that.
        host.loop.finished = True
    else:
        bound.resolve(None)
    # What this raises ends the thread. The root hears of the host's end in any case: `Host.run` says goodbye first.
    host.run()
