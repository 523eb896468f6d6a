"""A host in a thread of this process: its start, and what becomes of its reserved name when that fails.

The root has given the host a serial before there is a thread. Until the thread has bound its mailbox nobody else can tell
the root that nothing came of it, so each way out gives the reservation back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from peerage.actors.runtime.errors import ActorStartError, StartLimitError, limit_of, text_of
from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS
from peerage.actors.runtime.mail.process import Process, asking_port
from peerage.actors.runtime.processes.thread_host import start_host_thread


def launch_thread(
    process: Process, host: str, reserved: Future[Any], *, keep: bool, fds: Mapping[str, int]
) -> Future[None]:
    """Start a host in a new thread under a reserved serial.

    Args: reserved, the root's answer; fds, which the thread gets copies of.
    Returns: resolved once its mailbox is bound, or with what prevented that. A failure here is an outcome too and never
        raised, so that both kinds of start have one place to give the reservation back.
    """
    copies: dict[str, int] = {}
    try:
        for key, fd in fds.items():
            copies[key] = os.dup(fd)
        return start_host_thread(process, host, reserved.get(), keep=keep, fds=copies)
    except Exception as error:
        close_all(copies)
        bound: Future[None] = Future()
        bound.resolve(None, error)
        return bound


def check_bound(name: str, bound: Future[None], reserved: Future[Any]) -> None:
    """Wait until a thread has bound its mailbox, a matter of milliseconds. Raises: ActorStartError, StartLimitError."""
    try:
        bound.get()
    except Exception as error:
        give_back(reserved)
        if lack := limit_of(error):
            raise StartLimitError(name, lack) from error
        raise ActorStartError(name, f"its thread cannot be started: {text_of(error)}") from error


def give_back(reserved: Future[Any]) -> None:
    """Have the root forget a reserved host in a thread that was not made: by the message with which a host ends."""
    if reserved.error is None:
        reason = DownReason("killed", "its thread was not started")
        asking_port(reserved).send(
            ROOT_ADDRESS, Kind.HOST_BYE, reserved.get(), body=codec.dumps((reason, {}))
        )
