"""Whether an actor is there, and in which process: what its host says, or the host table.

The table knows hosts only. Which actors a host has, it must be asked. Pykka's `is_alive` never waits and never raises; this
one waits for that answer, but not long, and does not raise either.
"""

from __future__ import annotations

from peerage.actors.runtime.errors import ActorDeadError, ForeignRefError, LimitReachedError, Timeout
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.process import Process, current_host, current_port, current_process

ALIVE_TIMEOUT_S = 0.5  # a host that does not answer within this is busy; if it had died, asking would fail


def is_there(actor: ActorPath) -> bool:
    """Whether the actor is known to its host, and can be reached from here. A host too busy to answer counts as alive.

    Raises nothing: every reason why it cannot be asked is an answer.
    """
    process = current_process()
    if process is None or process.closed:  # no system runs here, or it has ended
        return False
    try:
        actor.belong_to(process.system)
    except ForeignRefError:  # it may be alive, but not for anybody here
        return False
    serial = process.table.resolve(actor.host, actor.serial)
    if serial is None:  # there is no such host, as far as this process has heard
        return False
    host = current_host()
    # Its own host cannot answer while one of its actors waits here.
    if host is not None and host.serial == serial:
        return actor.name.encode() in host.cells
    # Outside the window: that of a busy actor may be full, and the question is for its host, not for its mailbox.
    try:
        question = current_port().requests.ask(
            serial << THREAD_BITS, Kind.QUERY, None, target=actor.name.encode()
        )
        return bool(question.get(timeout=ALIVE_TIMEOUT_S))
    except LimitReachedError:  # no room to ask; its host is alive, as far as we know
        return True
    except ActorDeadError:  # the host has died while we asked
        return False
    except Timeout:  # busy: see ALIVE_TIMEOUT_S
        return True


def kill_far_process(process: Process, serial: int) -> bool:
    """Kill the process on a cluster that an actor has, for which a thread of this process stands.

    Args: serial, of the thread's host. Returns: False, if it is no such thread.
    """
    loop = process.hosts.get(serial)
    if loop is None or loop.killer is None:
        return False
    loop.call_threadsafe(None, loop.killer)
    return True


def pid_of(actor: ActorPath, port: Port) -> int:
    """The process that the actor lives in, by the number that the operating system knows it by.

    Raises: ActorDeadError, when its host is not there; Timeout.
    """
    serial = port.table.resolve(actor.host, actor.serial)
    facts = port.table.live.get(serial) if serial is not None else None
    if facts is not None:
        return facts.pid
    if serial is not None:  # the ref has come before the news of its host, which knows its own number
        return int(port.requests.ask(serial << THREAD_BITS, Kind.QUERY, "pid").get(timeout=5.0))
    raise ActorDeadError(f"{actor} not found")
