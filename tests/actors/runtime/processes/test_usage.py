"""What the kernel knows of a process."""

from __future__ import annotations

import os
import time

from peerage.actors.runtime.processes.usage import usage_of

NO_PID = 2**22 + 1  # above the highest that Linux gives


def test_our_own_process_is_counted() -> None:
    """In steps of the kernel's tick."""
    usage = usage_of(os.getpid())
    assert usage is not None
    assert abs(usage.processor_time - time.process_time()) < 1.0
    assert usage.memory > 1_000_000


def test_a_process_that_is_not_there_has_used_nothing() -> None:
    """It may just have ended."""
    assert usage_of(NO_PID) is None
