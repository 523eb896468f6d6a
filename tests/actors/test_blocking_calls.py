"""actors/blocking_calls.py: what blocks does not block the loop."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from peerage.actors.blocking_calls import Background, resolve_host
from peerage.actors.runtime import THREAD, ProcessActor, System


def entry(address: str) -> tuple[Any, ...]:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))


def test_addresses_come_in_the_systems_order_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zone is dropped: it means nothing to anybody else (reference 1)."""
    found = [entry(each) for each in ("10.0.0.2", "fe80::1%eth0", "10.0.0.2", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    assert resolve_host("host.example") == ["10.0.0.2", "fe80::1", "10.0.0.1"]


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")]
)
def test_a_name_that_does_not_resolve_has_no_addresses(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whether the system says so or the name cannot even be asked for."""

    def fail(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert resolve_host("host.example") == []


def test_literal_addresses_need_no_name_server() -> None:
    """Both families."""
    assert resolve_host("127.0.0.1") == ["127.0.0.1"]
    assert resolve_host("::1") == ["::1"]


class Asker(ProcessActor):
    """Runs work in the background; what comes back is noted with the thread it came back in."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self._background = Background(self.runtime, threads=2)
        self._gate = gate
        self._results: list[tuple[Any, bool]] = []
        self._loop = threading.get_ident()

    def on_receive(self, message: Any) -> Any:
        if message == "results":
            return [(result, same) for result, same in self._results]
        if message == "close":
            return self._background.close()
        return self._background.run(lambda: self._work(message), self._note)

    def _work(self, message: Any) -> Any:
        if message == "wait":
            assert self._gate.wait(10.0)
        if isinstance(message, Exception):
            raise message
        return message

    def _note(self, result: Any) -> None:
        self._results.append((repr(result), threading.get_ident() == self._loop))


GATE = threading.Event()


class GatedAsker(Asker):
    def __init__(self) -> None:
        super().__init__(GATE)


def test_results_and_errors_come_back_to_the_loop_which_goes_on_meanwhile() -> None:
    """One call blocks, the actor answers, the other calls are done."""
    asker = GatedAsker.options(place=THREAD).start()
    try:
        for work in ("wait", "quick", ValueError("no")):
            asker.tell(work)
        quick: list[Any] = []
        while len(quick) < 2:
            quick = asker.ask("results", timeout=10.0)
        assert sorted(quick) == [("'quick'", True), ("ValueError('no')", True)]
        GATE.set()
        while len(quick) < 3:
            quick = asker.ask("results", timeout=10.0)
        assert quick[-1] == ("'wait'", True)
        asker.ask("close")
    finally:
        GATE.set()
        System.current().shutdown()
