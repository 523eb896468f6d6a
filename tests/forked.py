"""What a function does in a forked child of the test's process."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONGEST_S = 30  # then the child is killed


def in_a_fork(run: Callable[[], T]) -> T:
    """What `run()` returns there. The child ends with it, and is reaped. Raises: AssertionError, if it did not end well."""
    reads, writes = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # from 3.12 on: we have threads, which is the point
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.write(writes, pickle.dumps(run()))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writes)
    with open(reads, "rb") as stream:  # noqa: PTH123 - a descriptor
        if not select.select([stream], [], [], LONGEST_S)[
            0
        ]:  # perhaps it has not even come back from the fork
            os.kill(pid, signal.SIGKILL)
        data = stream.read()
    status = os.waitpid(pid, 0)[1]
    assert os.waitstatus_to_exitcode(status) == 0, "the child failed, or did not end in time"
    value: T = pickle.loads(data)
    return value
