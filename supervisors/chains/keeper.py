"""Keeps the chains of a seed running: starts them, starts again what has ended, passes signals on, and awaits their end.

It runs in one thread, which waits for the ends of processes and for what they print, and never for a chain.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from peerage.actors.runtime.log import get_logger
from peerage.actors.seconds import Seconds
from peerage.supervisors.chains.chain_process import ChainProcess
from peerage.supervisors.chains.restarts import Restarts

__all__ = ["ChainKeeper", "ChainState", "ChainStatus", "KeptChain"]

CLEARING_LOOK_S: Final = 0.01  # pause between two looks at what is left of a chain
STOP_TIMEOUT_S: Final = 60.0  # an address book that is written on a slow disk may take half of that

_log = get_logger("peerage.chains")


class ChainState(Enum):
    """What the keeper knows of a chain."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"  # to be started again
    RESTING = "resting"  # given up, for now
    CLEARING = "clearing"  # its main process has ended, others of its processes not yet
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """How a chain stands. Attributes: address, ID@host:port, once it has been known; pid, 0 for none; cause, of its last
    end.
    """

    chain: str
    state: ChainState
    address: str
    pid: int
    restarts: int
    cause: str = ""


@dataclass(slots=True)
class KeptChain:
    """A chain, and what becomes of it. Args: command, that runs its node; directory, where."""

    id: str
    command: Sequence[str]
    directory: Path
    restarts: Restarts = field(default_factory=Restarts)
    state: ChainState = ChainState.WAITING
    process: ChainProcess | None = None
    due: float = 0.0  # of its next start
    address: str = ""
    is_reload_due: bool = False
    cause: str = ""  # of its last end
    took: float = 0.0  # seconds, of a start that failed

    @property
    def status(self) -> ChainStatus:
        pid = self.process.pid if self.process is not None else 0
        return ChainStatus(self.id, self.state, self.address, pid, self.restarts.count, self.cause)


class ChainKeeper:
    """Args: chains; on_up, called with a chain's ID and address when it listens; on_end, called when the keeper has ended.

    Both are called in the keeper's thread.
    """

    def __init__(
        self,
        chains: Iterable[KeptChain],
        on_up: Callable[[str, str], object] = lambda _chain, _address: None,
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        self._chains = {chain.id: chain for chain in chains}
        self._on_up, self._on_end = on_up, on_end
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._woken)
        self._stop_until = 0.0  # not 0: it stops, and kills then whoever is left
        self._asked_to_stop = self._asked_to_reload = False
        self.has_failed = False  # the keeper itself
        self._turn = threading.Event()  # the loop has come round
        self.gave_up: tuple[str, ...] = ()  # all chains, when it ended for that
        self._thread = threading.Thread(target=self._run, name="chains", daemon=True)

    def start(self) -> None:
        """Start every chain, side by side."""
        self._thread.start()

    def stop(self) -> None:
        """Stop every chain, from any thread or signal's handler; returns at once."""
        self._asked_to_stop = True
        self._wake()

    def reload(self) -> None:
        """Have every chain read its configuration again, and start those that wait or rest at once."""
        self._asked_to_reload = True
        self._wake()

    def wait(self) -> None:
        """Until all have ended."""
        if self._thread.ident is not None:
            self._thread.join()

    def responds(self, seconds: float) -> bool:
        """Whether its thread does its work."""
        self._turn.clear()
        self._wake()
        return self._turn.wait(seconds)

    def statuses(self) -> list[ChainStatus]:
        """How every chain stands, from any thread."""
        return [chain.status for chain in self._chains.values()]

    # --- in its own thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._is_over():
                self._start_due()
                for key, _ in self._selector.select(self._pause()):
                    key.data()
                self._turn.set()
                self._heed()
                self._clear()
        except Exception:
            self.has_failed = True
            _log.error("keeper of the chains failed", exc_info=True)
            for chain in self._chains.values():
                if chain.process is not None:
                    chain.process.kill()
                    if chain.process.pidfd >= 0:
                        chain.process.reap()
        finally:
            writer, self._wake_writer = (
                self._wake_writer,
                -1,
            )  # so that a late `_wake` writes into no other file
            os.close(writer)
            os.close(self._wake_reader)
            self._selector.close()
            self._on_end()

    def _is_over(self) -> bool:
        chains = self._chains.values()
        if self._stop_until:
            return all(chain.process is None for chain in chains)
        if all(chain.state is ChainState.RESTING for chain in chains):
            self.gave_up = tuple(self._chains)
            return True
        return False

    def _pause(self) -> float | None:
        """Seconds until something is due."""
        chains = self._chains.values()
        if any(chain.process is not None and chain.process.pidfd < 0 for chain in chains):
            return CLEARING_LOOK_S
        due = [chain.due for chain in chains if chain.process is None]
        if self._stop_until:
            due = [self._stop_until]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _heed(self) -> None:
        if self._asked_to_reload and not self._stop_until:
            self._asked_to_reload = False
            for chain in self._chains.values():
                if chain.process is None:
                    chain.due = 0.0
                elif chain.state is ChainState.RUNNING:
                    chain.process.reload()
                else:  # until it heeds the signal, that would kill it
                    chain.is_reload_due = True
        if self._asked_to_stop and not self._stop_until:
            self._stop_until = time.monotonic() + STOP_TIMEOUT_S
            for chain in self._chains.values():
                chain.state = ChainState.STOPPED
                if chain.process is not None:
                    chain.process.stop()
        if self._stop_until and time.monotonic() >= self._stop_until:
            for chain in self._chains.values():
                if chain.process is not None:
                    _log.error("chain killed", chain=chain.id, why=f"not stopped within {STOP_TIMEOUT_S:g} s")
                    chain.process.kill()
            self._stop_until = time.monotonic() + STOP_TIMEOUT_S

    def _start_due(self) -> None:
        if self._stop_until or self._asked_to_stop:
            return
        now = time.monotonic()
        for chain in self._chains.values():
            if chain.process is None and chain.due <= now:
                self._start(chain)

    def _start(self, chain: KeptChain) -> None:
        try:
            chain.process = process = ChainProcess(chain.command, chain.directory)
        except OSError as error:
            self._ended(chain, f"not started: {error}", 0.0)
            return
        chain.state = ChainState.STARTING
        self._selector.register(process.pidfd, selectors.EVENT_READ, lambda: self._process_ended(chain))
        self._selector.register(process.stdout, selectors.EVENT_READ, lambda: self._printed(chain))

    def _printed(self, chain: KeptChain) -> None:
        process = chain.process
        if process is None or process.pidfd < 0:  # its end was seen in the same turn
            return
        if not process.read():
            self._selector.unregister(process.stdout)
        if process.address and chain.state is ChainState.STARTING:
            chain.state, chain.address = ChainState.RUNNING, process.address
            took = Seconds(time.monotonic() - process.began)
            _log.info("chain up", chain=chain.id, address=chain.address, pid=process.pid, took=took)
            self._on_up(chain.id, chain.address)
            if chain.is_reload_due:
                chain.is_reload_due = False
                process.reload()

    def _process_ended(self, chain: KeptChain) -> None:
        process = chain.process
        assert process is not None
        for descriptor in (process.pidfd, process.stdout):
            with contextlib.suppress(KeyError):
                self._selector.unregister(descriptor)
        chain.took = 0.0 if process.address else time.monotonic() - process.began
        chain.cause = _cause(process.reap())
        if not self._stop_until:
            chain.state = ChainState.CLEARING

    def _clear(self) -> None:
        """Forget the processes of which nothing is left, and decide what comes next."""
        for chain in self._chains.values():
            process = chain.process
            if process is not None and process.pidfd < 0 and process.cleared():
                chain.process = None
                if not self._stop_until:
                    self._ended(chain, chain.cause, chain.took)

    def _ended(self, chain: KeptChain, cause: str, took: float) -> None:
        """Decide about its next start. The other chains are not asked, nor told."""
        chain.cause = cause
        again = chain.restarts.ended(time.monotonic(), took)
        chain.due = time.monotonic() + again.delay
        chain.state = ChainState.RESTING if again.gave_up else ChainState.WAITING
        delay = Seconds(again.delay)
        if again.gave_up:
            limit = chain.restarts.limit
            _log.error("chain given up", chain=chain.id, cause=cause, limit=limit, next_try=delay)
        else:
            attempt = again.attempt
            _log.warning("chain ended", chain=chain.id, cause=cause, attempt=attempt, restart=delay)

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_reader, 64)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # a full pipe wakes just as well
            os.write(self._wake_writer, b"\0")


def _cause(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
