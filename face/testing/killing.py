"""The sudden end of an actor's process, as a crash would be."""

from __future__ import annotations

import os
from typing import Any

from peerage.actors.runtime import ActorDeadError, ActorRef
from peerage.testing.waiting import TIMEOUT_S, wait_until

__all__ = ["kill"]


def kill(ref: ActorRef[Any], *, wait: bool = True, timeout: float = TIMEOUT_S) -> None:
    """SIGKILL the process of an actor, with all actors in it, and wait until its supervisor has started its successor.

        kill(node.reactor("CHAT"))       # its peers stay; add_peer is called anew for each of them

    Args: ref, by its name, as `node.reactor` and `ActorRef.to` give it; wait, whether there will be a successor to wait for;
        timeout, seconds until it must be up.
    Raises: ActorDeadError, there is no such actor; ValueError, it lives in the test's own process; AssertionError, no
        successor is up in time.
    """
    before = ref.pid()
    if before == os.getpid():
        raise ValueError(
            f"{ref} lives in this process, which would be killed with it: place=PROCESS was expected"
        )
    ref.kill()
    if wait:
        wait_until(lambda: _is_up_again(ref, before), timeout)


def _is_up_again(ref: ActorRef[Any], before: int) -> bool:
    try:
        return ref.pid() != before and ref.is_alive()
    except ActorDeadError:
        return False
