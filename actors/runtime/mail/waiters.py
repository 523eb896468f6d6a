"""Who waits for a future: functions that are called, and threads that are woken, once it is resolved.

Apart from the future, because most futures need none of this: the thread that asked reads the answer from its own mailbox.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

# Held while a future is pickled for the first time, while it arrives, while somebody begins or ends to wait for it, and
# while its outcome is unpickled. One for all futures: these moments are rare, and a lock of its own would make each future
# dearer. Reentrant, since an outcome that is unpickled may bring other futures along.
CLAIMING = threading.RLock()

Callback = Callable[[], object]


class Waker(Protocol):
    """Somebody who waits for a future without reading the mailbox that its answer comes to."""

    def set(self) -> object: ...


class Waiters:
    """Those who wait for one future. True while there is anybody."""

    __slots__ = ("_callbacks", "_wakers")

    def __init__(self) -> None:
        # The lists are replaced and never changed: whoever goes through one, without a lock, goes through one moment's.
        self._callbacks: list[Callback] = []
        self._wakers: list[Waker] = []

    def __bool__(self) -> bool:
        return bool(self._callbacks or self._wakers)

    def add(self, callback: Callback) -> None:
        """Have it called. The caller then looks whether the future was resolved meanwhile, and if so, calls `call`."""
        self._callbacks = [*self._callbacks, callback]

    def drop(self, callback: Callback) -> bool:
        """Forget a callback. Returns: whether none is left."""
        with CLAIMING:
            self._callbacks = [other for other in self._callbacks if other is not callback]
            return not self._callbacks

    @contextlib.contextmanager
    def woken(self, waker: Waker) -> Iterator[None]:
        """For a `with` block: have a waker set if the future is resolved meanwhile. What was before, the caller looks at."""
        with CLAIMING:
            self._wakers = [*self._wakers, waker]
        try:
            yield
        finally:
            with CLAIMING:
                self._wakers = [other for other in self._wakers if other is not waker]

    def tell(self) -> None:
        """The future is resolved: wake the threads, and call each function once."""
        for waker in self._wakers:
            waker.set()
        if self._callbacks:
            self.call()

    def call(self) -> None:
        """Call each function that has not been called yet; one that is added by another of them waits for the next time."""
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
