"""Puts the configured bootstrap peers into the address book: those with an IP address at once, names once they resolve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from peerage.actors.name_lookups import NAME_TIMEOUT_S, Answer, answer_of
from peerage.actors.runtime import Timer
from peerage.actors.runtime.log import get_logger
from peerage.wire.errors import AddressError
from peerage.wire.net_address import NetAddress, id_in, name_in
from peerage.wire.remote_text import shown

__all__ = ["BootstrapPeers"]

log = get_logger("peerage.addrbook")

FIRST_PAUSE_S = (
    30.0  # after a name that does not resolve; it doubles: the name server may start later than the node
)
LONGEST_PAUSE_S = 600.0


class Lookups(Protocol):
    """Looks names up: see NameLookups."""

    def begin(self, host: str) -> Answer: ...

    def close(self) -> None: ...


class BootstrapPeers:
    """Addresses to begin with, which are nothing else from then on: neither seeds nor persistent peers.

    Args: texts, as configured; own_id, which is left out: all nodes of a network may share one list; call_threadsafe,
        call_later, of the actor's loop; take, called as that actor with addresses.
    """

    def __init__(
        self,
        texts: Iterable[str],
        own_id: str,
        lookups: Lookups,
        *,
        call_threadsafe: Callable[..., None],
        call_later: Callable[..., Timer],
        take: Callable[[Sequence[NetAddress]], None],
    ) -> None:
        self._texts = tuple(dict.fromkeys(text for text in texts if id_in(text) != own_id))
        self._lookups, self._take = lookups, take
        self._call_threadsafe, self._call_later = call_threadsafe, call_later

    def start(self) -> None:
        """Hand over those with an IP address, and look the others up."""
        plain: list[NetAddress] = []
        for text in self._texts:
            try:
                name = name_in(text)
                if name is None:
                    plain.append(NetAddress.parse(text))
                else:
                    self._look_up(text, name, FIRST_PAUSE_S)
            except (
                AddressError
            ) as error:  # a host that is neither an IP address nor a name; the rest is checked at the start
                log.warning("bootstrap peer left out", address=shown(text), cause=str(error))
        if plain:
            self._take(plain)

    def close(self) -> None:
        """Call nobody any more."""
        self._lookups.close()

    def _look_up(self, text: str, name: str, pause: float) -> None:
        answer = self._lookups.begin(name)
        answer.add_done_callback(lambda _answer: self._answered(text, name, pause, answer))

    def _answered(self, text: str, name: str, pause: float, answer: Answer) -> None:
        """In the thread that looked it up."""
        if not answer.cancelled():  # it is when the actor stops
            self._call_threadsafe(self._resolved, text, name, pause, answer)

    def _resolved(self, text: str, name: str, pause: float, answer: Answer) -> None:
        try:
            address = NetAddress.parse(text, lambda _name: answer_of(answer, NAME_TIMEOUT_S))
        except AddressError as error:
            if pause == FIRST_PAUSE_S:  # said once
                log.warning("bootstrap peer not found yet", address=shown(text), cause=str(error))
            self._call_later(pause, self._look_up, text, name, min(2 * pause, LONGEST_PAUSE_S))
        else:
            self._take([address])
