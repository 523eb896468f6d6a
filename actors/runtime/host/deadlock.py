"""Finding asks that wait for themselves.

An actor blocked in an ask for longer than `PROBE_AFTER_S` sends a probe along the asks. Each host whose
actor is itself blocked passes it on with its name added; when it comes back to its initiator, the circle is
closed (Chandy, Misra and Haas, 1983, for the AND model). A probe names the ask it travels along, and goes on
only while that ask is still open: an edge that has gone cannot be part of a cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from peerage.actors.runtime.errors import AskCycleError
from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.message import Kind

if TYPE_CHECKING:
    from peerage.actors.runtime.host.cell import ActorCell
    from peerage.actors.runtime.host.host import Host
    from peerage.actors.runtime.mail.async_face import Call
    from peerage.actors.runtime.mail.future import Future

Actor = tuple[str, str]  # name and host: a name alone may be another actor's, in another host

PROBE_AFTER_S = 0.2
MAX_PATH = 64  # longer chains of blocking asks are not followed


class Probe(NamedTuple):
    """Travels along blocked asks. `edge` is the (address, correlation) of the ask it has just travelled."""

    initiator: tuple[int, int]
    edge: tuple[int, int]
    path: tuple[Actor, ...]


def at_once(host: Host, future: Future[Any] | Call) -> AskCycleError | None:
    """Whether the ask waits for an actor that is already on this host's stack: it can never be answered."""
    if future.route is None or not future.route.local:
        return None
    target = host.cells.get(future.route.target)
    if target is None or target not in host.loop.stack:
        return None
    actors = [_actor(cell) for cell in host.loop.stack[host.loop.stack.index(target) :]]
    return AskCycleError(_names([*actors, actors[0]]))


def _actor(cell: ActorCell) -> Actor:
    return cell.ref.name, cell.ref.host


def _names(path: Sequence[Actor]) -> list[str]:
    """Their names, with the host where that tells one from another."""
    hosts: dict[str, set[str]] = {}
    for name, host in path:
        hosts.setdefault(name, set()).add(host)
    return [name if len(hosts[name]) == 1 else f"{name} in {host}" for name, host in path]


def send_probe(host: Host, cell: ActorCell, future: Future[Any]) -> None:
    """Start a probe for the ask that this cell is blocked on."""
    edge = (host.port.address, future.corr)
    _forward(host, future, Probe(edge, edge, (_actor(cell),)))


def _forward(host: Host, future: Future[Any], probe: Probe) -> None:
    if future.route is not None and not future.done:
        body = wire.dumps(tuple(probe))
        host.port.send(future.route.address, Kind.PROBE, target=future.route.target, body=body)


def on_probe(host: Host, target: bytes, body: wire.Raw) -> None:
    """Close the circle, pass the probe on, or let it end here."""
    probe = Probe(*wire.decode(0, body, ()))
    cell = host.cells.get(target)
    if cell is None or not cell.busy or probe.edge not in cell.open_asks or len(probe.path) >= MAX_PATH:
        return
    # The target cannot go on before the actors above it on the stack have returned: their asks are its asks.
    path = list(probe.path)
    for blocked in host.loop.stack[host.loop.stack.index(cell) :]:
        path.append(_actor(blocked))
        future = blocked.waiting
        if future is None or future.done:
            continue
        edge = (host.port.address, future.corr)
        if edge == probe.initiator:
            _break_cycle(host, future, path)
            return
        if _actor(blocked) not in probe.path:
            _forward(host, future, Probe(probe.initiator, edge, tuple(path)))


def _break_cycle(host: Host, future: Future[Any], path: Sequence[Actor]) -> None:
    host.port.abandon(future)
    future.resolve(None, AskCycleError(_names(path)))
