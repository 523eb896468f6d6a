"""What the actors of a process are doing at this moment, as the frames of its threads show it.

It is read off the stacks of Python, when somebody asks, so that no handler pays for it: the frames of a cell hold the
message and when it came. It works in the middle of a handler that computes or sleeps, where the host itself answers nobody.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from types import FrameType
from typing import Any, NamedTuple, Protocol

from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.loop import Loop
from peerage.actors.runtime.host.report import row
from peerage.actors.runtime.host.residents import Residents
from peerage.actors.runtime.mail.process import current_process

__all__ = ["Doing", "doing", "doing_here"]

MOST_ACTORS = 200  # of a process, those that are doing something first
MOST_FRAMES = 60  # of one actor, the innermost

_ENTRIES = frozenset(
    function.__code__
    for function in (
        ActorCell.run,
        ActorCell.call,
        ActorCell._handle,  # noqa: SLF001 - the frames of a cell's methods are what is looked for
        ActorCell._handle_tell,  # noqa: SLF001
        ActorCell._handle_ask,  # noqa: SLF001
        ActorCell._handle_batch,  # noqa: SLF001
        ActorCell._handle_uncounted,  # noqa: SLF001
        ActorCell._receive_packed,  # noqa: SLF001
    )
)


class Doing(NamedTuple):
    """One actor.

    Attributes:
        actor, class_path, state, waits_for, mailbox, oldest_age, handled: as of ActorFacts.
        message: the class of the message that is being handled, or the callback that runs; empty if there is none.
        age: seconds since the message came, or a callback's turn began.
        stack: `file:line function` from the handler inwards.
    """

    actor: str
    class_path: str
    state: str
    waits_for: str
    mailbox: int
    oldest_age: float
    handled: int
    message: str
    age: float
    stack: tuple[str, ...]


class Host(Protocol):
    """A thread that runs a loop with actors."""

    @property
    def loop(self) -> Loop[ActorCell]: ...

    @property
    def residents(self) -> Residents: ...


def doing_here(interrupted: FrameType | None = None) -> list[Doing]:
    """What the actors of this process do.

    Args: interrupted, the frame of this thread that a signal's handler has interrupted: its own are left out.
    """
    process = current_process()
    if process is None:
        return []
    frames = dict(sys._current_frames())  # noqa: SLF001 - there is no other way to them
    if interrupted is not None:
        frames[threading.get_ident()] = interrupted
    hosts: list[Any] = [host for host in process.hosts.values() if hasattr(host, "residents")]
    return doing(hosts, frames)


def doing(hosts: Iterable[Host], frames: Mapping[int, FrameType]) -> list[Doing]:
    """What the actors of these hosts do. Those that are idle, with nothing waiting, are left out.

    Args: frames, the innermost of each thread, by its identifier.
    """
    now = time.monotonic()
    found: list[Doing] = []
    for host in hosts:
        stacks = _stacks_of_cells(frames.get(host.loop.thread.ident or 0))
        busy = list(host.loop.stack)
        for cell in (*reversed(busy), *host.residents.cells.values()):
            if cell in busy or cell.mailbox.items:
                found.append(_doing(cell, stacks.get(id(cell), []), host.loop.now, now))
            if cell in busy:
                busy.remove(cell)
                stacks.pop(id(cell), None)
    return _each_once(found)[:MOST_ACTORS]


def _each_once(found: Iterable[Doing]) -> list[Doing]:
    """An actor that is busy and has messages waiting was found twice: the first time it was busy."""
    known: dict[str, Doing] = {}
    for each in found:
        known.setdefault(each.actor, each)
    return list(known.values())


def _doing(cell: ActorCell, stack: list[FrameType], turn_began: float, now: float) -> Doing:
    facts = row(cell, now)
    message, came = _message(stack)
    age = max(0.0, now - (turn_began if came is None else came)) if message else 0.0
    inner = [frame for frame in stack if frame.f_code not in _ENTRIES]
    return Doing(
        facts.name,
        facts.class_path,
        facts.state,
        facts.waits_for,
        facts.mailbox,
        facts.oldest_age,
        facts.handled,
        message,
        age,
        tuple(
            f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
            for frame in inner[-MOST_FRAMES:]
        ),
    )


def _stacks_of_cells(innermost: FrameType | None) -> dict[int, list[FrameType]]:
    """The frames of each cell, outermost first: from the one in which it was entered to where the next one was."""
    stacks: dict[int, list[FrameType]] = {}
    current: list[FrameType] = []
    for frame in reversed(list(_outwards(innermost))):
        if frame.f_code in _ENTRIES and isinstance(cell := frame.f_locals.get("self"), ActorCell):
            current = stacks.setdefault(id(cell), [])
        current.append(frame)
    return stacks


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _message(stack: list[FrameType]) -> tuple[str, float | None]:
    """What the frames of a cell hold: the kind of message or the callback, and when it came."""
    message, came = "", None
    for number, frame in enumerate(stack):
        if frame.f_code not in _ENTRIES:
            continue
        held = frame.f_locals
        came = held.get("_arrived", came)
        if "value" in held:
            message = type(held["value"]).__name__
        elif frame.f_code is ActorCell.call.__code__:
            message, came = f"callback {_name(held.get('fn'))}", None
        elif frame.f_code is ActorCell._handle_batch.__code__:  # noqa: SLF001 - as above
            message = _argument(stack[number + 1 :]) or message
    return message, came


def _argument(inner: list[FrameType]) -> str:
    """The message of a batch is what its handler was called with."""
    for frame in inner:
        names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        if frame.f_code.co_name in {"on_receive", "receive"} and len(names) > 1:
            return type(frame.f_locals.get(names[1])).__name__
    return ""


def _name(function: Any) -> str:
    function = getattr(function, "func", function)  # of a partial
    return str(getattr(function, "__qualname__", type(function).__name__))
