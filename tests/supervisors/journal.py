"""A worker that writes down its life, and the journal that tests read it from: across threads and
processes."""

import os
import select
import time
from pathlib import Path
from typing import Any

from peerage.actors.runtime import ProcessActor

PATIENCE_S = 10.0


class Journal:
    """Lines of a named pipe, read in the order they were written; waiting for one is waiting for the event
    itself."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / "journal"
        os.mkfifo(self._path)
        # Open for writing as well: no end of file when no worker happens to have it open.
        self._fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        self._text = ""

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._fd)

    def next(self, timeout: float = PATIENCE_S) -> str:
        """Return the next line. Raises: TimeoutError."""
        deadline = time.monotonic() + timeout
        while "\n" not in self._text:
            ready, _, _ = select.select([self._fd], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"nothing more than {self._text!r} was written")
            self._text += os.read(self._fd, 65536).decode()
        line, _, self._text = self._text.partition("\n")
        return line

    def expect(self, *lines: str) -> None:
        """Wait for these lines, in this order and nothing between them."""
        assert [self.next() for _ in lines] == list(lines)

    def rest(self) -> list[str]:
        """Return what is written already and not yet read."""
        lines = []
        while True:
            try:
                lines.append(self.next(timeout=0.0))
            except TimeoutError:
                return lines

    def gate(self, name: str) -> None:
        """Make the gate at which this worker will hang."""
        os.mkfifo(self.directory / f"release-{name}")

    def release(self, name: str) -> None:
        """Let a hanging worker go on; waits until it hangs."""
        os.close(os.open(self.directory / f"release-{name}", os.O_WRONLY))

    def fail_starts(self, name: str, times: int) -> None:
        """Let the next `times` starts of this worker raise."""
        (self.directory / f"fail-{name}").write_text(str(times))


def write(directory: Path, line: str) -> None:
    """Append a line to the journal in this directory."""
    fd = os.open(directory / "journal", os.O_WRONLY)
    try:
        os.write(fd, f"{line}\n".encode())
    finally:
        os.close(fd)


class Worker(ProcessActor):
    """Writes `start NAME`, `stop NAME`, `fail NAME`; does what it is told.

    Told: "crash" raises; "stop" stops; "hang" blocks until its gate is released; "slow" makes the next
    on_stop do so; "eat" takes 200 MB of memory. Asked: "pid", "ping".
    """

    def __init__(self, directory: Path, name: str, note: str = "") -> None:
        super().__init__()
        self._directory, self._name, self._note = directory, name, note
        self._slow = False
        self._ballast = b""

    def on_start(self) -> None:
        failures = self._directory / f"fail-{self._name}"
        left = int(failures.read_text()) if failures.exists() else 0
        if left:
            failures.write_text(str(left - 1))
            write(self._directory, f"fail {self._name}")
            raise ValueError(f"{self._name} was told not to start")
        write(self._directory, f"start {self._name}{self._note}")

    def on_stop(self) -> None:
        if self._slow:
            write(self._directory, f"stopping {self._name}")
            self._block()
        write(self._directory, f"stop {self._name}")

    def on_receive(self, message: Any) -> Any:
        match message:
            case "crash":
                raise RuntimeError(f"{self._name} was told to crash")
            case "stop":
                self.stop()
            case "hang":
                write(self._directory, f"hang {self._name}")
                self._block()
            case "slow":
                self._slow = True
            case "eat":
                self._ballast = b"x" * 200_000_000
            case "pid":
                return os.getpid()
        return message

    def _block(self) -> None:
        # A named pipe that the test opens when it lets go: no polling, no sleep.
        gate = self._directory / f"release-{self._name}"
        with gate.open("rb"):
            pass
