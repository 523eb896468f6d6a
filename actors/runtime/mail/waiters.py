"""Who waits for a future: functions that are called, and threads that are woken, once it is resolved."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

# Held while a future is pickled for the first time, while it arrives, and while somebody begins or ends to wait for it.
CLAIMING = threading.RLock()

Callback = Callable[[], object]


class Waker(Protocol):
    """Somebody who waits for a future without reading the mailbox that its answer comes to."""

    def set(self) -> object: ...


class Waiters:
    """Those who wait for one future. True while there is anybody."""

    __slots__ = ("_callbacks", "_wakers")

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []
        self._wakers: list[Waker] = []

    def __bool__(self) -> bool:
        return bool(self._callbacks or self._wakers)

    def add(self, callback: Callback) -> None:
        self._callbacks = [*self._callbacks, callback]

    def drop(self, callback: Callback) -> bool:
        """Returns: whether no callback is left."""
        with CLAIMING:
            self._callbacks = [other for other in self._callbacks if other is not callback]
            return not self._callbacks

    @contextlib.contextmanager
    def woken(self, waker: Waker) -> Iterator[None]:
        """Have a waker set meanwhile, should the future be resolved."""
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
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
