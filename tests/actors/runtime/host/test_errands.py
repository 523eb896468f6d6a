"""Errands: done in every other process of the system, before whatever waits in its mailboxes."""

from __future__ import annotations

import os
from typing import Any

import pytest

from peerage.actors.runtime import PROCESS, THREAD, ActorDeadError, ProcessActor
from tests.actors.runtime.cast import Worker, refuse_errand, whereabouts


class Sender(ProcessActor):
    """Sends an errand; answers with what each host has answered."""

    def on_receive(self, message: Any) -> Any:
        answers = self.runtime.send_errands(message)
        found: dict[str, Any] = {}
        for host, answer in answers.items():
            try:
                found[host] = answer.get(timeout=5)
            except ActorDeadError:
                found[host] = None
            except ValueError as error:
                found[host] = str(error)
        return found


@pytest.mark.usefixtures("system")
def test_every_other_process_does_it_and_answers() -> None:
    """Also one whose actor has not handled what was sent to it; not the process of the sender."""
    worker = Worker.options(place=PROCESS).start()
    sender = Sender.options(name="errands", place=THREAD).start()
    try:
        found = sender.ask(whereabouts, timeout=10)
        assert found[worker.host] == (worker.host, worker.pid())
        assert os.getpid() not in {pid for _, pid in found.values()}
    finally:
        sender.stop()


@pytest.mark.usefixtures("system")
def test_what_it_raises_is_the_answer() -> None:
    worker = Worker.options(place=PROCESS).start()
    sender = Sender.options(name="errands", place=THREAD).start()
    try:
        assert sender.ask(refuse_errand, timeout=10)[worker.host] == "not here"
    finally:
        sender.stop()
