"""Finding asks that wait for themselves.

An actor blocked in an ask for longer than `PROBE_AFTER_S` sends a probe along the asks. Each host whose
actor is itself blocked passes it on with its name added; when it comes back to its initiator, the circle is
closed (Chandy, Misra and Haas, 1983, for the AND model). A probe names the ask it travels along, and goes on
only while that ask is still open: an edge that has gone cannot be part of a cycle.

All that is looked at is the stack of a loop: the actors in the middle of something, the running one last. An actor on it
cannot go on before those above it have returned, so their asks are its asks.

Without this, such a cycle would last until a timeout, and for ever where none was given. One of its asks fails with an
AskCycleError that names all actors on the way; the others can then be answered. Several actors of a cycle may send probes at
the same time, so more than one of its asks may fail.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Protocol

from peerage.actors.runtime.errors import AskCycleError
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.ref import ActorRef

Actor = tuple[str, str]  # name and host: a name alone may be another actor's, in another host

PROBE_AFTER_S = 0.2  # long enough that asks which are answered cost no probes; probes are repeated as often
MAX_PATH = 64  # longer chains of blocking asks are not followed: a probe must not travel and grow without end


class Route(Protocol):
    """The way of an ask. `address` is that of the asked actor's host, `local` says whether that is the asker's own host."""

    @property
    def address(self) -> int: ...

    @property
    def target(self) -> bytes: ...

    @property
    def local(self) -> bool: ...


class Asked(Protocol):
    """What was asked. `route` is None for what no actor answers, such as a future that was made by hand."""

    @property
    def number(self) -> int: ...

    @property
    def route(self) -> Route | None: ...


class Answer(Protocol):
    """The answer that a handler is blocked on."""

    @property
    def asked(self) -> Asked: ...

    @property
    def done(self) -> bool: ...

    def resolve(self, value: Any, error: BaseException | None = ..., /) -> object: ...


class Blocked(Protocol):
    """An actor on the stack."""

    @property
    def name(self) -> bytes: ...

    @property
    def ref(self) -> ActorRef[Any]: ...

    @property
    def waiting(self) -> Answer | None: ...

    @property
    def open_asks(self) -> Collection[tuple[int, int]]: ...


class Port(Protocol):
    """The mailbox of the host."""

    @property
    def address(self) -> int: ...

    def send(self, address: int, kind: int, /, *, target: bytes, body: bytes) -> None: ...

    def abandon(self, future: Any, /) -> None:
        """Give up on an answer."""


class Probe(NamedTuple):
    """Travels along blocked asks.

    Attributes: initiator, the (address, correlation) of the ask that it was sent for, where it has to come back to; edge,
    the same of the ask that it has just travelled along; path, the actors that it came by, the first one first.
    """

    initiator: tuple[int, int]
    edge: tuple[int, int]
    path: tuple[Actor, ...]


def at_once(stack: Sequence[Blocked], asked: Asked) -> AskCycleError | None:
    """Whether the ask waits for an actor that is already on this stack: it can never be answered.

    No probe is needed for such a cycle, which lies in one host: the error comes before the handler begins to wait.
    """
    if asked.route is None or not asked.route.local:
        return None
    above = _from(stack, asked.route.target)
    if not above:
        return None
    actors = [_actor(cell) for cell in above]
    return AskCycleError(_names([*actors, actors[0]]))


def _from(stack: Sequence[Blocked], name: bytes) -> Sequence[Blocked]:
    """The actor of this name and those above it; empty if it is not on the stack."""
    for index, cell in enumerate(stack):
        if cell.name == name:
            return stack[index:]
    return ()


def _actor(cell: Blocked) -> Actor:
    return cell.ref.name, cell.ref.host


def _names(path: Sequence[Actor]) -> list[str]:
    """Their names, with the host where that tells one from another."""
    hosts: dict[str, set[str]] = {}
    for name, host in path:
        hosts.setdefault(name, set()).add(host)
    return [name if len(hosts[name]) == 1 else f"{name} in {host}" for name, host in path]


def send_probe(port: Port, cell: Blocked, answer: Answer) -> None:
    """Start a probe for the answer that this actor is blocked on. Sent again and again while the wait lasts.

    A single one could be too early: where it ends at an actor that is not blocked yet, the cycle closes only afterwards.
    """
    edge = (port.address, answer.asked.number)
    _forward(port, answer, Probe(edge, edge, (_actor(cell),)))


def _forward(port: Port, answer: Answer, probe: Probe) -> None:
    if answer.asked.route is not None and not answer.done:
        port.send(
            answer.asked.route.address,
            Kind.PROBE,
            target=answer.asked.route.target,
            body=codec.dumps(tuple(probe)),
        )


def on_probe(stack: Sequence[Blocked], port: Port, target: bytes, body: Raw) -> None:
    """Close the circle, pass the probe on, or let it end here.

    Args: stack, of the loop that has received it; target, the actor that was asked, which may have ended.
    """
    probe = Probe(*codec.decode(0, body, ()))
    above = _from(stack, target)
    # The ask may have been answered while the probe was under way. Then nobody waits on this edge, though the same two
    # actors may be waiting for each other again by a later ask, which has a probe of its own.
    if not above or probe.edge not in above[0].open_asks or len(probe.path) >= MAX_PATH:
        return
    path = list(probe.path)
    for blocked in above:
        path.append(_actor(blocked))
        answer = blocked.waiting
        if answer is None or answer.done:
            continue
        edge = (port.address, answer.asked.number)
        if edge == probe.initiator:
            port.abandon(answer)
            answer.resolve(None, AskCycleError(_names(path)))
            return
        # It has been here already: it goes round in a cycle that its initiator is no part of. Whoever is part of that one
        # has probes of its own.
        if _actor(blocked) not in probe.path:
            _forward(port, answer, Probe(probe.initiator, edge, tuple(path)))
