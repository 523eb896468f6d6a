"""What a reactor has consumed of each peer's messages, told to the peer actors in few words.

A peer actor keeps a window of what its reactors have not consumed. It need not hear of each batch: an eighth of the window
is told at once, less than that after a while. Telling costs both ends as much as a batch does.
"""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.messages import Consumed, PeerInfo
from peerage.actors.transfer import WINDOW_MESSAGES

__all__ = ["REPORT_DELAY_S", "Consumption"]

REPORT_DELAY_S = 0.02  # after the first message that has not been told of
SHARE = 8  # of the window that may gather before; what is left of it is what bounds the messages under way


class Consumption:
    """Gathers what is consumed. All of it is told in the end, except to a peer that is gone.

    Args:
        reactor: its name.
        window: of each peer, in bytes.
        call_later: has a function called after so many seconds.
    """

    def __init__(
        self, reactor: str, window: int, call_later: Callable[[float, Callable[[], None]], object]
    ) -> None:
        self._reactor = reactor
        self._most_bytes = window // SHARE
        self._call_later = call_later
        self._untold: dict[str, tuple[PeerInfo, int, int]] = {}  # by connection: bytes and messages
        self._is_due = False

    def add(self, info: PeerInfo, size: int, messages: int) -> None:
        """Note a batch of this peer as consumed."""
        _info, more_size, more_messages = self._untold.get(info.connection, (info, 0, 0))
        size, messages = size + more_size, messages + more_messages
        if size >= self._most_bytes or messages >= WINDOW_MESSAGES // SHARE:
            self._untold.pop(info.connection, None)
            self._tell(info, size, messages)
            return
        self._untold[info.connection] = info, size, messages
        if not self._is_due:
            self._is_due = True
            self._call_later(REPORT_DELAY_S, self._tell_all)

    def forget(self, connection: str) -> None:
        """The peer is gone."""
        self._untold.pop(connection, None)

    def _tell_all(self) -> None:
        self._is_due = False
        untold, self._untold = self._untold, {}
        for info, size, messages in untold.values():
            self._tell(info, size, messages)

    def _tell(self, info: PeerInfo, size: int, messages: int) -> None:
        info.ref.tell(Consumed(self._reactor, size, messages), exempt=True)
