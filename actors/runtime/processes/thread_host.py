"""Hosts in threads of a process that is there."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.host.host import Host
from peerage.actors.runtime.log import sign_thread, signature
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, HostFacts
from peerage.actors.runtime.mail.process import Process


def start_host_thread(
    process: Process, name: str, serial: int, *, keep: bool, fds: dict[str, int]
) -> Future[None]:
    """Run a host in a new daemon thread.

    Returns: resolved when its mailbox is bound and the root knows, or with what went wrong before that; then the thread is
    gone, and so are the descriptors.
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
    sign_thread(lines_signed)
    host: Host | None = None
    try:
        host = Host(process, name, serial, keep=keep)
        process.table.up(HostFacts(name, serial, host.pid), process.table.booting)
        host.port.send(ROOT_ADDRESS, Kind.HOST_READY, serial, body=codec.dumps((name, host.pid)))
        host.passed_fds = fds
    except BaseException as error:
        close_all(fds)
        bound.resolve(None, error)
        if host is None:
            return
        host.loop.finished = True
    else:
        bound.resolve(None)
    host.run()
