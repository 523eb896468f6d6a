"""Adding inbound peers to the book: each at once, so that the next node that asks is told about it; under load, together."""

from __future__ import annotations

from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.manager.agenda import Agenda
from peerage.actors.discovery.manager.effects import Effects, Heard
from peerage.actors.discovery.manager.load import Load
from peerage.actors.discovery.manager.settings import Pace
from peerage.wire.net_address import NetAddress


class Arrivals:
    """Tells the book where each inbound peer says it listens."""

    def __init__(self, effects: Effects, agenda: Agenda, pace: Pace) -> None:
        self._effects = effects
        self._agenda = agenda
        self._together_s = pace.arrivals
        self._arrived: list[NetAddress] = []
        self._load = Load(pace.load_per_second)

    def note(self, reported: NetAddress | None) -> None:
        """A node has connected to us and says that it listens at this address."""
        if reported is None:
            return
        self._arrived.append(reported)
        if not self._load.is_high(self._agenda.now.at):
            self._tell_book()
        elif len(self._arrived) == 1:
            self._agenda.after(self._together_s, self._tell_book)

    def _tell_book(self) -> None:
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            self._effects.ask_book(self._heard, AddrBook.add_each, arrived)

    def _heard(self, added: Added) -> None:
        self._effects.emit(Heard(None, added))
