"""What stands around handlers: nothing by default, and otherwise what was installed, in all processes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import ActorRef, ProcessActor
from peerage.actors.runtime.host import instruments
from peerage.actors.runtime.host.instruments import Receive
from peerage.actors.runtime.mail import codec

REF: ActorRef[Any] = ActorRef("a", system="s")
calls: list[Any] = []


class Adder(ProcessActor):
    """Not started here: only its methods count."""

    def on_receive(self, message: Any) -> Any:
        return message + 1


class Noting:
    """Notes what passes, and when its process ends."""

    def __init__(self, name: str, *, is_broken: bool = False) -> None:
        self.name, self.is_broken = name, is_broken

    def around(self, ref: ActorRef[Any], receive: Receive) -> Receive:
        def noted(message: Any) -> Any:
            calls.append((self.name, ref.name, message))
            return receive(message)

        return noted

    def finish(self) -> None:
        calls.append((self.name, "finish"))
        if self.is_broken:
            raise ValueError("boom")


def set_up() -> None:
    calls.append("log_setup")


def again() -> None:
    calls.append("installed again")


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test installs is gone after it, and no system of other tests refuses it."""
    monkeypatch.setattr(instruments, "current_process", lambda: None)
    calls.clear()
    yield
    for name in ("first", "second"):
        instruments.remove(name)


def test_without_an_instrument_an_actor_is_as_it_was() -> None:
    """Its own methods are called, and host processes have nothing more to do."""
    actor = Adder()
    before = dict(vars(actor))
    instruments.attach(actor, REF)
    assert vars(actor) == before
    assert instruments.packed_setup(None) == b""


def test_instruments_stand_around_each_other() -> None:
    """The last one comes first, and the handler last; what it returns is returned."""
    instruments.install("first", Noting("first"), again)
    instruments.install("second", Noting("second"), again)
    actor = Adder()
    instruments.attach(actor, REF)
    assert actor.on_receive(1) == 2
    assert calls == [("second", "a", 1), ("first", "a", 1)]


def test_a_handler_that_the_actor_has_set_itself_is_kept() -> None:
    """On the instance, in its constructor."""
    instruments.install("first", Noting("first"), again)
    actor = Adder()
    vars(actor)["on_receive"] = lambda message: message * 10
    instruments.attach(actor, REF)
    assert actor.on_receive(1) == 10
    assert calls == [("first", "a", 1)]


def test_an_instrument_does_not_keep_the_actor() -> None:
    """It goes as soon as its cell lets it go, and not when the collector finds it."""
    instruments.install("first", Noting("first"), again)
    actor = Adder()
    instruments.attach(actor, REF)
    actor.on_receive(1)
    gone = weakref.ref(actor)
    gc.disable()
    try:
        del actor
        assert gone() is None
    finally:
        gc.enable()


def test_host_processes_install_the_same() -> None:
    """After the log is set up."""
    instruments.install("first", Noting("first"), again)
    codec.decode(0, instruments.packed_setup(set_up), ())()
    assert calls == ["log_setup", "installed again"]
    instruments.remove("first")
    codec.decode(0, instruments.packed_setup(set_up), ())()
    assert calls[2:] == ["log_setup"]


def test_one_that_fails_at_the_end_keeps_nobody() -> None:
    """The others finish, and the process ends."""
    instruments.install("first", Noting("first", is_broken=True), again)
    instruments.install("second", Noting("second"), again)
    instruments.finish()
    assert calls == [("first", "finish"), ("second", "finish")]


def test_it_is_too_late_once_a_system_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hosts would lack it, and the figures would be of some actors only."""

    class Embedder:
        serial, closed = 1, False

    monkeypatch.setattr(instruments, "current_process", Embedder)
    with pytest.raises(RuntimeError, match="has to begin before the first actor is started"):
        instruments.install("first", Noting("first"), again)
