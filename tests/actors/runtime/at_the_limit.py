"""A program that starts actors until the limit on descriptors refuses: `python -m tests.actors.runtime.at_the_limit 256`.

Prints one line of JSON: how many it started, the refusal, how many of them answer then, and whether a start succeeds when
some have been stopped and when the limit is lifted. With `in-host`, an actor starts the others.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from peerage.actors.runtime import ActorRef, ActorStartError, ProcessActor, StartLimitError, System
from peerage.actors.runtime.mail.process import current_port

STOPPED = 2  # one gives back what one needs, but the first end costs three descriptors: a way by which this thread is woken
AGAIN_S = 10.0  # for the descriptors of those that were stopped to be given back


class Child(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return message


class Starter(ProcessActor):
    """Starts actors from its own process, as many as it is let."""

    def on_receive(self, most: int) -> tuple[list[ActorRef[Child]], str]:
        return start(most)


def start(most: int) -> tuple[list[ActorRef[Child]], str]:
    """Returns: those that were started, and the refusal of the next."""
    started: list[ActorRef[Child]] = []
    while len(started) < most:
        try:
            started.append(Child.start())
        except StartLimitError as error:
            return started, str(error)
    return started, ""


def starts_again() -> bool:
    """Whether one starts, once ZeroMQ's thread has closed what belonged to those that were stopped."""

    def starts() -> bool:
        try:
            return bool(Child.start().ask("new", timeout=10.0) == "new")
        except ActorStartError:
            return False

    return current_port().wait(starts, AGAIN_S)


def main() -> None:
    limit = int(sys.argv[1])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if "lowered" in sys.argv:  # by the program itself, when the system runs
        System.current()
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard if "lowered" in sys.argv else limit))
    most = limit
    started, refusal = Starter.start().ask(most) if "in-host" in sys.argv else start(most)
    answers = sum(ref.ask("x", timeout=10.0) == "x" for ref in started)
    for ref in started[-STOPPED:]:
        ref.stop(timeout=5.0)
    again = starts_again()
    lifted = None
    if "lowered" in sys.argv:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        more = [Child.start() for _ in range(STOPPED + 5)]
        lifted = all(ref.ask("y", timeout=10.0) == "y" for ref in more)
    facts = {
        "started": len(started),
        "refusal": refusal,
        "answers": answers,
        "again": again,
        "lifted": lifted,
    }
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
