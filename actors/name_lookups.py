"""Host names to IP addresses, in threads that nobody has to wait for.

`getaddrinfo` cannot be interrupted and may take a minute when name servers do not answer. So names are looked up in a few
threads that do nothing else, whoever asks waits as long as it likes, and no thread that is stuck keeps its process alive.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, wait

from peerage.wire.net_address import Resolve

__all__ = ["NAME_TIMEOUT_S", "NameLookups", "resolve_host", "resolved_within"]

# Longer than the 5 s after which the system's resolver turns to its second server: one dead server of two is common.
NAME_TIMEOUT_S = 10.0
THREADS = 16  # names that may be stuck without holding up others
WAITING = 256  # names that wait for a thread
LOOK_S = 0.1  # between two looks at whether anybody still waits

Answer = Future[Sequence[str]]


def resolve_host(host: str) -> list[str]:
    """All IP addresses of a host name, in the system's order; empty when it does not resolve."""
    try:
        entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in entries))


class NameLookups:
    """Looks names up, a few at a time, and each name once at a time however many ask for it.

    The threads are daemons: a `ThreadPoolExecutor` would wait for its own at the end of the process. They end when there is
    nothing to look up.

    Args: resolve, may block; threads, names at a time; waiting, names that may wait for a thread.
    """

    def __init__(
        self, resolve: Resolve = resolve_host, *, threads: int = THREADS, waiting: int = WAITING
    ) -> None:
        self._resolve, self._most_threads, self._most_waiting = resolve, threads, waiting
        self._lock = threading.Lock()
        self._asked: dict[str, list[Answer]] = {}  # by name, waiting for a thread or being looked up
        self._waiting: deque[str] = deque()
        self._threads = 0
        self._is_closed = False

    def begin(self, host: str) -> Answer:
        """Begin to look up a name. Never blocks.

        Returns: its addresses, once they are known, or an OSError. Cancel it when nobody waits for it any more: a name that
            nobody waits for is not looked up.
        """
        answer: Answer = Future()
        with self._lock:
            if self._is_closed:
                answer.cancel()
                return answer
            if (others := self._asked.get(host)) is not None:
                others[:] = [*filter(_is_wanted, others), answer]
                return answer
            if len(self._waiting) >= self._most_waiting:
                self._drop_unwanted()
            if len(self._waiting) >= self._most_waiting:
                answer.set_exception(OSError(f"{self._most_waiting} other names are being looked up"))
                return answer
            self._asked[host] = [answer]
            self._waiting.append(host)
            if self._threads < self._most_threads:
                self._start_thread()
        return answer

    def close(self) -> None:
        """Look up nothing more. Every answer that is not there is cancelled; a lookup under way is left to itself."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()
            answers = [answer for asked in self._asked.values() for answer in asked]
        for answer in answers:
            answer.cancel()

    def _drop_unwanted(self) -> None:
        for host in [host for host in self._waiting if not any(map(_is_wanted, self._asked[host]))]:
            self._waiting.remove(host)
            del self._asked[host]

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, name="names", daemon=True).start()
        # There can be no more threads; with one at work, the name waits for that.
        except RuntimeError as error:
            if not self._threads:
                for answer in self._asked.pop(self._waiting.pop()):
                    answer.set_exception(OSError(str(error)))
        else:
            self._threads += 1

    def _work(self) -> None:
        while (host := self._next()) is not None:
            found: Sequence[str] | Exception
            try:
                found = self._resolve(host)
            except Exception as error:
                found = error if isinstance(error, OSError) else OSError(str(error))
            with self._lock:
                answers = self._asked.pop(host)
            for answer in answers:
                if not answer.set_running_or_notify_cancel():
                    continue
                if isinstance(found, Exception):
                    answer.set_exception(found)
                else:
                    answer.set_result(found)

    def _next(self) -> str | None:
        """The name to look up next; None when this thread is to end."""
        with self._lock:
            self._drop_unwanted()
            if self._waiting:
                return self._waiting.popleft()
            self._threads -= 1
            return None


def _never() -> bool:
    return False


def resolved_within(
    timeout: float,
    hosts: Iterable[str],
    resolve: Resolve = resolve_host,
    is_over: Callable[[], bool] = _never,
) -> Resolve:
    """Look names up, all at once, and wait for the answers.

    Args: is_over, asked ten times a second whether nobody needs the answers any more: then it returns.
    Returns: a `Resolve` that has the answers. For a name without one it raises OSError.
    """
    lookups = NameLookups(resolve)
    answers = {host: lookups.begin(host) for host in hosts}
    until = time.monotonic() + timeout
    pending: Collection[Answer] = answers.values()
    while pending and not is_over() and (left := until - time.monotonic()) > 0:
        pending = wait(pending, min(left, LOOK_S)).not_done
    lookups.close()

    def find(host: str) -> Sequence[str]:
        return answer_of(answers[host], timeout)

    return find


def answer_of(answer: Answer, timeout: float) -> Sequence[str]:
    """The addresses that an answer has by now. Raises: OSError. Args: timeout, seconds that it was waited for."""
    if not answer.done() or answer.cancelled():
        raise OSError(f"no answer of a name server within {timeout:g} s")
    return answer.result()


def _is_wanted(answer: Answer) -> bool:
    return not answer.cancelled()
