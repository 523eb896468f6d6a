"""What switch and reactors hear of the connections of one host: who came and who went, several at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.messages import ConnectionEnded, PeerInfo, PeerStarted
from peerage.actors.peers.addressees import Addressees
from peerage.actors.peers.last_refusals import LastRefusals
from peerage.actors.runtime import packed

__all__ = ["SwitchNews"]

DELAY_S = 0.005  # nobody waits for others to hear of an accepted connection
# Where so many came and went meanwhile, the next wait longer: each telling wakes the switch and every reactor.
MANY, LONGER_DELAY_S = 4, 0.02
MOST = 100


class SwitchNews:
    """Told in the order in which it happened; what is told of a dial, and all before it, at once: somebody waits for that.

    What is lost with this process is lost with the connections that it was about.

    The reactors hear what has gathered for them before the switch hears anything.

    Args: addressees, who is told; call_later, of the host's loop.

    Attributes: refusals, the last of them; on_told, called when everybody has been told everything.
    """

    def __init__(self, addressees: Addressees, call_later: Callable[..., object]) -> None:
        self._addressees = addressees
        self._call_later = call_later
        self.on_told: Callable[[], object] = _nobody_waits
        self._delay = DELAY_S
        self.refusals = LastRefusals()
        self._gathered: list[Any] = []

    def started(self, info: PeerInfo) -> None:
        """A peer runs."""
        news = packed(PeerStarted(info))  # once for all that hear of it
        self._addressees.gather(news)
        self._gather(news, at_once=info.is_outbound)

    def tell(self, news: ConnectionEnded) -> None:
        """A connection has ended."""
        if news.refusal is not None:
            self.refusals.note(news, news.refusal)
        self._gather(news, at_once=news.facts.is_outbound)

    def _gather(self, news: Any, *, at_once: bool) -> None:
        self._gathered.append(news)
        if at_once or len(self._gathered) >= MOST:
            self.flush()
        elif len(self._gathered) == 1:
            self._call_later(self._delay, self.flush)

    def flush(self) -> None:
        """Tell what has gathered."""
        self._addressees.flush()
        news, self._gathered = self._gathered, []
        if len(news) == 1:
            self._addressees.switch.tell(news[0], exempt=True)
        elif news:
            self._addressees.switch.tell_many(news, exempt=True)
        if news:
            self._delay = LONGER_DELAY_S if len(news) >= MANY else DELAY_S
        self.on_told()


def _nobody_waits() -> None:
    """Until somebody says otherwise."""
