"""What a host says of itself and its actors to an observer. It is made when somebody asks, and costs nothing otherwise.

The host answers between two handlers, and also while a handler waits for an answer. While one computes, or sleeps, there is
nobody to answer; the observer shows such a host as silent (`observer.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.child_facts import ChildFacts

MOST_ROWS = 1000  # actors of one host that are shown one by one


class ActorFacts(NamedTuple):
    """One actor.

    Attributes:
        name: of the actor.
        class_path: of its class, as `module:Class`.
        state: `starting` (in its constructor or `on_start`), `waiting` (a handler waits for an answer), `running` (in the
            middle of a handler in which the host looks after others), `ready` (messages wait for their turn), `idle`.
        waits_for: the actor that a handler waits for, empty if there is none.
        owner: the actor that it ends with, as far as its host knows; the owners of whole processes are known to the root.
        mailbox: messages that wait.
        mailbox_bytes: their size.
        oldest_age: seconds since the host took the oldest of them from its socket. What came while a handler computed is
            taken only after it: until then nobody has seen it.
        handled: messages so far, of this life.
        children: of a supervisor; None for all others.
    """

    name: str
    class_path: str
    state: str
    waits_for: str
    owner: str
    mailbox: int
    mailbox_bytes: int
    oldest_age: float
    handled: int
    children: tuple[ChildFacts, ...] | None


class CrowdFacts(NamedTuple):
    """The actors of one class that are not shown one by one: they come and go, or are too many.

    Attributes: class_path, as of ActorFacts; actors, how many; the others are sums, but for oldest_age, the highest of all.
    """

    class_path: str
    actors: int
    mailbox: int
    mailbox_bytes: int
    oldest_age: float
    handled: int


class HostReport(NamedTuple):
    """A host's answer.

    Attributes:
        process_time: seconds of processor time of its process, all threads together.
        loop_time: seconds of its own thread. Hosts in threads of one process are told apart by it.
        dead_letters: messages that the process could not deliver.
        actors: at most 1000 of them, those that are there to stay first.
        crowds: the others, by class.
    """

    process_time: float
    loop_time: float
    dead_letters: int
    actors: tuple[ActorFacts, ...]
    crowds: tuple[CrowdFacts, ...]


def report(cells: Iterable[ActorCell], thread: int, dead_letters: int) -> HostReport:
    """What there is to say now. Args: thread, the identifier of the loop's, which another one may read for."""
    now = time.monotonic()
    rows: list[ActorFacts] = []
    crowds: dict[str, CrowdFacts] = {}
    for cell in tuple(cells):
        if len(rows) < MOST_ROWS and not getattr(cell.instance, "is_short_lived", False):
            rows.append(row(cell, now))
        else:
            _add(crowds, cell, now)
    loop_time = time.clock_gettime(time.pthread_getcpuclockid(thread))
    return HostReport(
        time.process_time(),
        loop_time,
        dead_letters,
        tuple(rows),
        tuple(crowds.values()),
    )


def row(cell: ActorCell, now: float) -> ActorFacts:
    """What there is to say of one actor. Args: now, monotonic seconds."""
    mailbox = cell.mailbox
    waits, waits_for = _waits_for(cell)
    return ActorFacts(
        cell.ref.name,
        cell.ref.class_path,
        _state(cell, waits=waits),
        waits_for,
        cell.owner.name if cell.owner is not None else "",
        mailbox.depth,
        mailbox.size,
        mailbox.oldest_age(now),
        mailbox.handled,
        _children(cell.instance),
    )


def _add(crowds: dict[str, CrowdFacts], cell: ActorCell, now: float) -> None:
    path, mailbox = cell.ref.class_path, cell.mailbox
    known = crowds.get(path) or CrowdFacts(path, 0, 0, 0, 0.0, 0)
    crowds[path] = CrowdFacts(
        path,
        known.actors + 1,
        known.mailbox + mailbox.depth,
        known.mailbox_bytes + mailbox.size,
        max(known.oldest_age, mailbox.oldest_age(now)),
        known.handled + mailbox.handled,
    )


def _waits_for(cell: ActorCell) -> tuple[bool, str]:
    """Whether a handler waits for an answer, and whose."""
    answer = cell.waiting
    if answer is None or answer.done:
        return False, ""
    route = answer.asked.route
    return True, route.ref.name if route is not None else ""


def _state(cell: ActorCell, *, waits: bool) -> str:
    if not cell.is_up:
        return "starting"
    if waits:
        return "waiting"
    if cell.busy:
        return "running"
    return "ready" if cell.mailbox.items else "idle"


def _children(actor: Any) -> tuple[ChildFacts, ...] | None:
    which_children = getattr(actor, "which_children", None)
    return None if which_children is None else tuple(which_children()[:MOST_ROWS])
