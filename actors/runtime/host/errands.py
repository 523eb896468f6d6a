"""Errands: something quick that every process of a system is to do, whatever its actors are busy with.

They are read with the answers to asks, so that one is done also while an actor of the host waits for something, and before
all that waits in its mailbox. A host that computes does it when it reads next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS, HostFacts
from peerage.actors.runtime.mail.requests import Requests

__all__ = ["Errand", "send_errands"]


class Errand(NamedTuple):
    """Attribute: work, called with the name of the host, in its thread; the result is the answer."""

    work: Callable[[str], Any]


def send_errands(
    requests: Requests, live: dict[int, HostFacts], own_pid: int, work: Callable[[str], Any]
) -> dict[str, Future[Any]]:
    """Ask one host of each other process to do it. Returns: the answers, by name of host.

    Args: live, the hosts of the system; own_pid, of the calling process, which is left out.
    """
    hosts = {
        facts.pid: facts
        for serial, facts in sorted(live.items(), reverse=True)  # the first of a process counts
        if serial != ROOT_SERIAL and facts.pid != own_pid
    }
    return {
        facts.name: requests.ask(facts.serial << THREAD_BITS, Kind.QUERY, Errand(work))
        for facts in hosts.values()
    }
