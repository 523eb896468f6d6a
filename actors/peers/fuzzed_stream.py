"""Fault injection for tests: a connection that loses what is written, waits, or breaks (`p2p.test_fuzz`).

It misbehaves as CometBFT's FuzzedConnection does: connections that this node has dialled, from ten seconds after the dial.
There a delay is up to a thousand times as long as MaxDelay, which is read in the wrong unit; here MaxDelay is the longest.
"""

from __future__ import annotations

import random
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from peerage.actors.peers.stream import Deadline, Loop, SocketStream
from peerage.config.p2p_subsections import FuzzConfig
from peerage.config.sections import P2PConfig
from peerage.wire.frames import FRAME_SEALED

__all__ = ["FUZZ_AFTER_S", "Fault", "FuzzedStream", "Fuzzer"]

FUZZ_AFTER_S = 10.0  # so that a connection becomes a peer first
DROP_MODE = 0
BROKEN = "broken by p2p.test_fuzz"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one read or write. Args: is_dropped, breaks the connection, delay_s."""

    is_dropped: bool = False
    breaks: bool = False
    delay_s: float = 0.0


NO_FAULT = Fault()


class Fuzzer:
    """Draws the faults of one connection.

    Args: config, the probabilities; rng; begins, the time on the loop's clock from which on there are faults.
    """

    def __init__(self, config: FuzzConfig, rng: random.Random, begins: float) -> None:
        self._config = config
        self._rng = rng
        self._begins = begins

    def draw(self, now: float) -> Fault:
        """What goes wrong with a read or write that comes now."""
        config = self._config
        if now < self._begins:
            return NO_FAULT
        if config.mode != DROP_MODE:
            return Fault(delay_s=self._delay())
        drawn = self._rng.random() - config.prob_drop_rw
        if drawn < 0:
            return Fault(is_dropped=True)
        drawn -= config.prob_drop_conn
        if drawn < 0:
            return Fault(is_dropped=True, breaks=True)
        return Fault(delay_s=self._delay()) if drawn < config.prob_sleep else NO_FAULT

    def _delay(self) -> float:
        return self._rng.random() * self._config.max_delay


class FuzzedStream(SocketStream):
    """A stream with faults.

    Each sealed frame is one write: a lost one makes the remote fail to open the next. A lost read reads nothing, and what
    has arrived is read the next time, as in CometBFT. A delay holds up what comes after it in its direction.
    """

    def __init__(self, sock: socket.socket, loop: Loop, fuzzer: Fuzzer) -> None:
        super().__init__(sock, loop)
        self._fuzzer = fuzzer
        self._waiting: deque[tuple[float, bytes]] = deque()  # frames, and from when on each may be written
        self._writes_at = 0.0  # when the last delay of a write ends
        self._writer_sleeps = self._reader_sleeps = self._reader_slept = self._is_broken = False
        self._wake_writer, self._wake_reader = Deadline(loop), Deadline(loop)

    @property
    def has_unsent(self) -> bool:
        return bool(self._waiting) or super().has_unsent

    def read_into(self, buffer: memoryview) -> int | None:
        self._check()
        if self._reader_sleeps:
            return None
        fault = NO_FAULT if self._reader_slept else self._fuzzer.draw(self._loop.now())
        self._reader_slept = False
        if fault.breaks:
            self._break()
        if fault.delay_s > 0:
            self._let_reader_sleep(fault.delay_s)
        return None if fault.is_dropped or self._reader_sleeps else super().read_into(buffer)

    def send(self, data: bytes) -> bool:
        self._check()
        now = self._loop.now()
        for start in range(0, len(data), FRAME_SEALED):
            fault = self._fuzzer.draw(now)
            if fault.breaks:
                self._break()
            if not fault.is_dropped:
                self._writes_at = max(now, self._writes_at) + fault.delay_s
                self._waiting.append((self._writes_at, data[start : start + FRAME_SEALED]))
        return self.flush()

    def flush(self) -> bool:
        self._check()
        if self._writer_sleeps:
            self._writer_sleeps = self.is_writing = False
        now, due = self._loop.now(), [bytes(self._unsent)]
        while self._waiting and self._waiting[0][0] <= now:
            due.append(self._waiting.popleft()[1])
        self._unsent = memoryview(b"".join(due))
        if not super().flush():
            return False
        if not self._waiting:
            return True
        self._writer_sleeps = self.is_writing = True
        self._wake_writer.set(self._waiting[0][0] - now, self._wake_up_writer)
        return False

    def close(self) -> None:
        self._wake_writer.cancel()
        self._wake_reader.cancel()
        super().close()

    def _poll_reading(self, *, wanted: bool) -> None:
        if not self._reader_sleeps:
            super()._poll_reading(wanted=wanted)

    def _poll_writing(self, *, wanted: bool) -> None:
        if not self._writer_sleeps:
            super()._poll_writing(wanted=wanted)

    def _polled(self) -> tuple[Callable[[], object] | None, Callable[[], object] | None]:
        reader, writer = super()._polled()
        return None if self._reader_sleeps else reader, None if self._writer_sleeps else writer

    def _let_reader_sleep(self, seconds: float) -> None:
        if self.is_reading:
            self._poll_reading(wanted=False)
        self._reader_sleeps = True
        self._wake_reader.set(seconds, self._wake_up_reader)

    def _wake_up_reader(self) -> None:
        self._reader_sleeps, self._reader_slept = False, True
        if self.is_reading:
            self._poll_reading(wanted=True)

    def _wake_up_writer(self) -> None:
        self._on_writable()

    def _check(self) -> None:
        if self._is_broken:
            raise OSError(BROKEN)

    def _break(self) -> None:
        self._is_broken = True
        with suppress(OSError):  # the remote was quicker
            self.sock.shutdown(socket.SHUT_RDWR)
        raise OSError(BROKEN)


def open_stream(sock: socket.socket, loop: Loop, p2p: P2PConfig, *, is_dialled: bool) -> SocketStream:
    """The stream of a new connection. It has faults if the operator asks for them and we have dialled."""
    if not (p2p.test_fuzz and is_dialled):
        return SocketStream(sock, loop)
    rng = random.Random()  # noqa: S311 - draws faults, guards nothing
    return FuzzedStream(sock, loop, Fuzzer(p2p.test_fuzz_config, rng, loop.now() + FUZZ_AFTER_S))
