"""Wait for what becomes true. A small module of its own: each host imports what the module of its actor imports."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from peerage.actors.runtime import ActorDeadError

PATIENCE_S = 10.0
POLL_S = 0.01


def wait_until(condition: Callable[[], Any], timeout: float = PATIENCE_S, what: str = "") -> Any:
    """Return what `condition` returns as soon as that is true; an actor that is being restarted means: not yet.

    Raises: AssertionError when the time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        cause: ActorDeadError | None = None
        try:
            if result := condition():
                return result
        except ActorDeadError as error:
            cause = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what or condition}") from cause
        time.sleep(POLL_S)
