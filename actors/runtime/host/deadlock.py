"""Finding asks that wait for themselves.

An actor blocked in an ask for longer than `PROBE_AFTER_S` sends a probe along the asks. Each host whose
actor is itself blocked passes it on with its name added; when it comes back to its initiator, the circle is
closed (Chandy, Misra and Haas, 1983, for the AND model). A probe names the ask it travels along, and goes on
only while that ask is still open: an edge that has gone cannot be part of a cycle.

All that is looked at is the stack of a loop: the actors in the middle of something, the running one last. An actor on it
cannot go on before those above it have returned, so their asks are its asks.
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

PROBE_AFTER_S = 0.2
MAX_PATH = 64  # longer chains of blocking asks are not followed


class Route(Protocol):
    """The way of an ask."""

    @property
    def address(self) -> int: ...

    @property
    def target(self) -> bytes: ...

    @property
    def local(self) -> bool: ...


class Asked(Protocol):
    """What was asked."""

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
    """Travels along blocked asks. `edge` is the (address, correlation) of the ask it has just travelled."""

    initiator: tuple[int, int]
    edge: tuple[int, int]
    path: tuple[Actor, ...]


def at_once(stack: Sequence[Blocked], asked: Asked) -> AskCycleError | None:
    """Whether the ask waits for an actor that is already on this stack: it can never be answered."""
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
    """Start a probe for the answer that this actor is blocked on."""
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
    """Close the circle, pass the probe on, or let it end here."""
    probe = Probe(*codec.decode(0, body, ()))
    above = _from(stack, target)
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
        if _actor(blocked) not in probe.path:
            _forward(port, answer, Probe(probe.initiator, edge, tuple(path)))
