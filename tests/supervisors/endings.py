"""All ways for a program to end, again and again: `python -m tests.supervisors.endings [ROUNDS [SECONDS]]`.

The child with INFINITY takes SECONDS, 6 by default: longer than the grace of actors that stop nobody but themselves.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.processes import processes_of_session
from tests.supervisors.ending_program import differences
from tests.supervisors.test_ending import WAYS, end, start, what_is_left

LEFT_WAIT_S = 2.0


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 6.0
    faults = 0
    for _ in range(rounds):
        for name, way in WAYS.items():
            with tempfile.TemporaryDirectory() as place:
                journal = Path(place) / "journal"
                program = start(way.argument, journal, seconds)
                directory, began = end(way, program), time.monotonic()
                ended = what_is_left(name, program, journal, directory)
                took = time.monotonic() - began
            time.sleep(LEFT_WAIT_S)
            fault = differences(ended.journal)
            if ended.code != way.code:
                fault += f" exit code {ended.code}"
            if directory.exists() or processes_of_session(program.pid):
                fault += " something is left"
            faults += bool(fault)
            print(f"{name}: {took:.1f} s {fault or 'as it must be'}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
