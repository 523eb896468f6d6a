"""Who has asked, and may be gone: threads of other processes, whose end nobody tells but their mailboxes.

An actor that has asked is watched, as any actor may be. A thread that runs no actors has no name to be watched by: it ends
by saying goodbye to those that it has sent to, or with its process.
"""

from __future__ import annotations

from collections.abc import Callable

Gone = Callable[[], object]


class Callers:
    """What is to be done when a mailbox is gone. Belongs to a host's port, which tells it of goodbyes and deaths."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[int, dict[object, Gone]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def watch(self, address: int, gone: Gone) -> Callable[[], None]:
        """Have `gone()` called once when the mailbox at an address is. It is called by whoever reads the port, and must be
        quick.

        Returns: what ends the watch.
        """
        mark = object()
        self._waiting.setdefault(address, {})[mark] = gone

        def unwatch() -> None:
            calls = self._waiting.get(address)
            if calls is not None and calls.pop(mark, None) is not None and not calls:
                del self._waiting[address]

        return unwatch

    def forget(self, is_gone: Callable[[int], bool]) -> None:
        """Call what waits for those that have gone.

        Args: is_gone, whether nobody reads the mailbox at an address any more.
        """
        for address in [address for address in self._waiting if is_gone(address)]:
            for call in list(self._waiting.pop(address).values()):
                call()
