"""Many connections at once, or one after the other."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from peerage.conformance.case import Act, Group
from peerage.conformance.visitor import Visitor, WrongAnswerError

__all__ = ["GROUP"]

SOME = 8  # connections at once
BACK_S = 10.0  # to be let in again after we have left
CONTEST_S = 4.0  # until it is clear which of two connections stays
PAUSE_S = 0.2

GROUP = Group("Connections", "connections")


def nothing(_visitor: Visitor) -> None:
    """Only connected."""


def beside(step: Callable[[Visitor], object]) -> Act:
    """An honest peer beside some connections that have come as far as that."""

    def act(visitor: Visitor) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(SOME):
                step(stack.enter_context(visitor.again()))
            visitor.join()
            visitor.confirm()

    return act


def after_others(visitor: Visitor) -> None:
    """An honest peer behind some connections that were given up."""
    for _ in range(SOME):
        visitor.again().reset()
    visitor.join()


def same_key(visitor: Visitor) -> None:
    """A second connection of a peer that is there, and answers pings: one of the two goes on."""
    ended: list[bool] = []
    with visitor.again() as first:
        first.key = visitor.key
        first.join()
        first.confirm()
        listening = threading.Thread(target=lambda: ended.append(first.wait_for_the_end(CONTEST_S)))
        listening.start()
        goes_on = _joins(visitor)
        listening.join()
        if goes_on and not ended[0]:
            raise WrongAnswerError("both connections of one ID are served")
        (visitor if ended[0] else first).confirm()
    visitor.sock.close()


def _joins(visitor: Visitor) -> bool:
    try:
        visitor.join()
        visitor.confirm()
    except OSError:
        return False
    return not visitor.wait_for_the_end(PAUSE_S)


def comes_back(visitor: Visitor) -> None:
    """A peer that has left, with the same key."""
    with visitor.again() as first:
        first.key = visitor.key
        first.join()
        first.confirm()
    deadline = time.monotonic() + BACK_S
    while True:
        time.sleep(PAUSE_S)
        with contextlib.suppress(OSError), visitor.again() as second:
            second.key = visitor.key
            second.join()
            second.confirm()
            break
        if time.monotonic() > deadline:
            raise WrongAnswerError(f"a peer that left is not let in again within {BACK_S:g} s")
    visitor.sock.close()


GROUP.about("5", "a slow handshake holds up no other", takes_two=True)
GROUP.goes_on(f"an honest peer beside {SOME} connections that say nothing", beside(nothing))
GROUP.goes_on(f"an honest peer beside {SOME} that stop behind the key", beside(Visitor.exchange_keys))
GROUP.about("5", "a connection that its remote has closed is given up", takes_two=True)
GROUP.goes_on(f"an honest peer after {SOME} connections that were reset", after_others)
GROUP.about("3", "an ID has one connection: of two, one is refused", takes_two=True, is_of_peers=True)
GROUP.leaves("a peer's key once more, while it is connected", same_key)
GROUP.about("6", "a peer that was removed can come again", takes_two=True)
GROUP.leaves("a peer's key once more, when it has left", comes_back)
