"""What the calling thread knows of actors without asking them: for whoever chooses between several for each message."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from peerage.actors.runtime.errors import ActorDeadError, Timeout
from peerage.actors.runtime.mail.codec import Encoded, encode
from peerage.actors.runtime.mail.deadlines import ends_at
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.mail.patience import PatientAsk
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.system import STATISTICS_TIMEOUT_S, ActorStatistics

__all__ = ["ask_next", "ends_at", "has_host", "statistics_of", "under_way_to", "wait_for_room"]


def has_host(ref: ActorRef[Any]) -> bool:
    """Whether a host of this actor's is alive, as far as this process has heard. No message is sent."""
    return current_port().table.resolve(ref.host, ref.serial) is not None


def ask_next(ref: ActorRef[Any], message: Any, patience: float) -> Future[Any]:
    """Ask the next actor of this name that is up, and none after it. Args: as of `ask`. As there, it waits in no window."""
    port, answer = current_port(), Future[Any]()
    answer.port = port  # whose mailbox is read by those who wait for the answer
    once = Encoded(*encode(message))
    until = ends_at(patience, "patience")
    PatientAsk(answer, port.lives, ref, once, port.sender, until, lives=1).failed(
        ActorDeadError(f"{ref} not found")
    )
    return answer


def under_way_to(ref: ActorRef[Any]) -> int:
    """How many messages of the calling thread, or of its actors, the actor is not known to have handled."""
    route = current_port().routes.by_key.get(ref.way)
    return 0 if route is None else route.window.messages + route.window.exempt


def wait_for_room(refs: Sequence[ActorRef[Any]], timeout: float | None) -> ActorRef[Any] | None:
    """Wait until one of several mailboxes is no longer full for the calling thread, or its actor has died.

    Args: timeout, seconds; None, for as long as it takes.
    Returns: that actor; None when the time is over.
    """
    port = current_port()

    def with_room() -> ActorRef[Any] | None:
        for ref in refs:
            route = port.routes.by_key.get(ref.way)
            if route is None or route.window.has_room(0) or port.table.is_dead(route.serial):
                return ref
        return None

    port.wait(lambda: with_room() is not None, timeout)
    return with_room()


def statistics_of(refs: Iterable[ActorRef[Any]]) -> dict[ActorRef[Any], ActorStatistics]:
    """What the hosts of these actors say about them; those whose hosts do not answer within a second are left out."""
    port = current_port()
    asked = []
    for ref in refs:  # all are asked before the first answer is waited for
        serial = port.table.resolve(ref.host, ref.serial)
        if serial is not None:
            asked.append((ref, port.requests.ask(serial << THREAD_BITS, Kind.QUERY, "actors")))
    found = {}
    for ref, answer in asked:
        with contextlib.suppress(ActorDeadError, Timeout):
            for row in answer.get(timeout=STATISTICS_TIMEOUT_S):
                statistics = ActorStatistics(*row)
                if statistics.actor == ref.name:
                    found[ref] = statistics
    return found
