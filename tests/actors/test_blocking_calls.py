"""actors/blocking_calls.py: what blocks does not block the loop."""

from __future__ import annotations

import threading
from typing import Any

from peerage.actors.blocking_calls import Background
from peerage.actors.runtime import THREAD, ProcessActor, System


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
