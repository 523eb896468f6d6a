"""What stands around the handlers of all actors of a process: measuring, tracing. Nothing does unless it was asked for.

An actor's `on_receive` is looked up on the actor for each message. An instrument puts a function of its own there, on the
instance, when the actor is constructed. So whoever has installed none pays nothing, not even a look whether there is one.

What is installed before the system is made is installed in all its processes: their first call is to do the same.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL
from peerage.actors.runtime.mail.process import current_process
from peerage.actors.runtime.mail.ref import ActorRef

Receive = Callable[[Any], Any]
# By which an actor gets its messages: its own method, and Pykka's for the messages of proxies.
WAYS = ("on_receive", "_handle_receive")


class Instrument(Protocol):
    """Something around handlers."""

    def around(self, ref: ActorRef[Any], receive: Receive) -> Receive:
        """What is called with each message of an actor in place of `receive`, which it calls in turn."""

    def finish(self) -> None:
        """The process of a host ends: let go of what is still held back."""


_installed: dict[str, tuple[Instrument, Callable[[], object]]] = {}


def install(name: str, instrument: Instrument, again: Callable[[], object]) -> None:
    """Put an instrument around the handlers of all actors that this process starts from now on.

    Args: name, of the kind: it takes the place of one of the same name; again, pickled, has it installed in the processes of
        a system that is made here.
    Raises: RuntimeError, when this process has a system already: its hosts would not have it.
    """
    process = current_process()
    if process is not None and process.serial == ROOT_SERIAL and not process.closed:
        raise RuntimeError(f"{name} has to begin before the first actor is started, or System() is made")
    _installed[name] = instrument, again


def remove(name: str) -> None:
    """Actors that are started from now on do without it."""
    _installed.pop(name, None)


def installed(name: str) -> Instrument | None:
    """The instrument of this kind, None when there is none."""
    return _installed.get(name, (None, None))[0]


def packed_setup(log_setup: Callable[[], None] | None) -> bytes:
    """What a host process has to call first, pickled; empty if nothing. Raises: what pickling raises."""
    if not _installed:
        return b"" if log_setup is None else codec.dumps(log_setup)
    return codec.dumps(
        functools.partial(_set_up, log_setup, tuple(again for _, again in _installed.values()))
    )


def _set_up(log_setup: Callable[[], None] | None, installs: tuple[Callable[[], object], ...]) -> None:
    if log_setup is not None:
        log_setup()
    for install_again in installs:
        install_again()


def attach(actor: HostedActor, ref: ActorRef[Any]) -> None:
    """Put what is installed around the handlers of an actor that has been constructed."""
    for instrument, _again in _installed.values():
        for way in WAYS:
            vars(actor)[way] = instrument.around(ref, _receive_of(actor, way))


def _receive_of(actor: HostedActor, way: str) -> Receive:
    receive = vars(actor).get(way)
    if receive is not None:
        return receive  # type: ignore[no-any-return]  # another instrument's, or one that the actor has set itself
    # Not a bound method: the actor would hold itself, and would go when the collector finds it instead of at once.
    weak, method = weakref.ref(actor), getattr(type(actor), way)

    def call(message: Any) -> Any:
        return method(weak(), message)

    return call


def finish() -> None:
    """The process ends: whatever an instrument raises must not keep it."""
    for name, (instrument, _again) in _installed.items():
        try:
            instrument.finish()
        except Exception:
            logger().exception("instrument failed", instrument=name)
