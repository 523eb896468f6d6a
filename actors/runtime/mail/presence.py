"""Whether an actor is there, and in which process: what its host says, or the host table."""

from __future__ import annotations

from peerage.actors.runtime.errors import ActorDeadError, ForeignRefError, LimitReachedError, Timeout
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.process import current_host, current_port, current_process

ALIVE_TIMEOUT_S = 0.5  # a host that does not answer for so long is busy, not dead


def is_there(actor: ActorPath) -> bool:
    """Whether the actor is known to its host, and can be reached from here. A host too busy to say counts as alive."""
    process = current_process()
    if process is None or process.closed:
        return False
    try:
        actor.belong_to(process.system)
    except ForeignRefError:
        return False
    serial = process.table.resolve(actor.host, actor.serial)
    if serial is None:
        return False
    host = current_host()
    if host is not None and host.serial == serial:
        return actor.name.encode() in host.cells
    try:
        question = current_port().requests.ask(
            serial << THREAD_BITS, Kind.QUERY, None, target=actor.name.encode()
        )
        return bool(question.get(timeout=ALIVE_TIMEOUT_S))
    except LimitReachedError:  # its host is alive, as far as we know
        return True
    except ActorDeadError:
        return False
    except Timeout:
        return True


def pid_of(actor: ActorPath, port: Port) -> int:
    """The process that the actor lives in. Raises: ActorDeadError."""
    serial = port.table.resolve(actor.host, actor.serial)
    facts = port.table.live.get(serial) if serial is not None else None
    if facts is not None:
        return facts.pid
    if serial is not None:  # younger than the news of it
        return int(port.requests.ask(serial << THREAD_BITS, Kind.QUERY, "pid").get(timeout=5.0))
    raise ActorDeadError(f"{actor} not found")
