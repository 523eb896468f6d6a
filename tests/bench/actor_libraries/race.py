"""A library in a process of its own, which takes turns with the others."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench.actor_libraries.entrants import LIBRARIES, Library, Pair, Peerage
from tests.bench.actor_libraries.figures import LARGE, PAYLOAD, Figures, medians

WARM_UP = 200  # asks
TURNS = 4  # of each library in a round
START_S = 60.0  # for a library to be ready
TURN_S = 300.0
# Nothing leaves this machine, nothing is written to the user's home.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


def enter(name: str) -> None:
    """Be an entrant: each line that comes is a turn, a line of figures answers it."""
    library = LIBRARIES[name]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # some of them print
    with library.pair() as pair:
        pair.asks(PAYLOAD, WARM_UP)
        pair.tells(library.tells)
        print("ready", file=answers)
        for _line in sys.stdin:
            print(json.dumps(asdict(_measure(library, pair))), file=answers)


def _measure(library: Library, pair: Pair) -> Figures:
    return Figures(
        ask=statistics.median(pair.asks(PAYLOAD, library.asks)) * 1e6,
        tell=pair.tells(library.tells),
        tell_many=pair.tells_many(library.tells) if isinstance(pair, Peerage) else None,
        fan_out=pair.fan_out(library.fan_out) if library.fan_out else None,
        large=statistics.median(pair.asks(LARGE, library.large)) * 1e3 if library.large else None,
    )


class Entrant:
    """A library in a session of its own: nothing of it is left behind.

    Raises (from `take_turn`, and when it does not become ready): RuntimeError with the end of what it said.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._directory = tempfile.TemporaryDirectory()
        self._log = Path(self._directory.name) / "log"
        environment = {**os.environ, **QUIET, "THESPLOG_FILE": f"{self._directory.name}/thespian"}
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.actor_libraries", "--entrant", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        with contextlib.suppress(OSError):
            self._popen.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(START_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        self._popen.stdout.close()
        self._directory.cleanup()

    def wait_until_ready(self) -> None:
        self._line(START_S)

    def take_turn(self) -> Figures:
        assert self._popen.stdin is not None
        self._popen.stdin.write("turn\n")
        self._popen.stdin.flush()
        return Figures(**json.loads(self._line(TURN_S)))

    def _line(self, timeout: float) -> str:
        stdout = self._popen.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], timeout)
        line = stdout.readline() if ready else ""
        if not line:
            said = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self._name}: no figures within {timeout:g} s\n{said}")
        return line


def race(entrants: dict[str, Entrant], turns: int) -> dict[str, Figures]:
    """One round: each library has its turns between the others'."""
    found: dict[str, list[Figures]] = {name: [] for name in entrants}
    for _ in range(turns):
        for name, entrant in entrants.items():
            found[name].append(entrant.take_turn())
    return {name: medians(each) for name, each in found.items()}
