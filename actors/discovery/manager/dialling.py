"""Dials of a node: to addresses of its book, to its seeds, and feelers; and what their ends say about the addresses."""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Sequence
from functools import partial

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.manager.agenda import Agenda
from peerage.actors.discovery.manager.backoff import Verdict
from peerage.actors.discovery.manager.effects import (
    Dial,
    DialEffect,
    DialSeed,
    Effects,
    Feel,
    GiveUp,
    NoSeedReached,
)
from peerage.actors.discovery.manager.events import DialEnd, DialOutcome
from peerage.actors.discovery.manager.peer_manager import BAN_S, PeerManager
from peerage.actors.discovery.manager.seed_visits import SeedVisits
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.wire.net_address import NetAddress, id_in

# A name may take 10 s to be given up, when no name server answers. With five seeds, one after the other, the node would be
# alone for a minute; where name servers work, a seed has been reached by then.
NAMED_SEED_PATIENCE_S = 2.0


class Dialling:
    """Asks for dials, and reports their ends to the back-off and the book.

    Args:
        peers: the connected peers.
        pauses: between visits to a seed. They hold for addresses from the book too, for a seed's address is in the book
            like any other.
        on_end: called when a dial to an address of the book has ended.
    """

    def __init__(
        self,
        effects: Effects,
        agenda: Agenda,
        rng: random.Random,
        manager: PeerManager,
        seeds: SeedList,
        pauses: SeedVisits,
        *,
        peers: Container[str],
        persistent_ids: Container[str] = (),
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._effects = effects
        self._agenda = agenda
        self._rng = rng
        self._manager = manager
        self._seeds = seeds
        self._pauses = pauses
        self._peers = peers
        self._persistent_ids = persistent_ids
        self._on_end = on_end
        self._seeds_left: dict[
            str, Sequence[str]
        ] = {}  # seed that is being dialled → the seeds to dial if it cannot be reached
        self.under_way = 0

    def dial(self, address: NetAddress) -> None:
        """Dial an address of the book."""
        if self._seeds.is_seed(address.id):
            self._pauses.begin(address.id)
        self.under_way += 1
        self._effects.emit(Dial(address))

    def visit(self, address: NetAddress, *, asks: bool = True) -> None:
        """Dial an address of the book, unless its node is a peer or its pause is not over; or give it up.

        Args: asks, whether the node becomes a peer that can be asked; if not, this is a feeler, to see who answers there.
        """
        if address.id in self._peers:
            return
        verdict = self._manager.may_dial(address, persistent=address.id in self._persistent_ids)
        if verdict is Verdict.DIAL and not asks:
            self._effects.emit(Feel(address))
        elif verdict is Verdict.DIAL:
            self.dial(address)
        elif verdict is Verdict.GIVE_UP:
            self.give_up(address)

    def give_up(self, address: NetAddress) -> None:
        """Stop dialling an address that failed too often."""
        self._effects.emit(GiveUp(address.id, BAN_S, "too many failed dials"))

    def feel(self) -> None:
        """Dial an address only to learn whether it answers, if the book has one that should be tried."""
        self._effects.ask_book(self._feel, DialChooser.feeler)

    def _feel(self, address: NetAddress | None) -> None:
        if address is not None and address.id not in self._peers:
            self._effects.emit(Feel(address))

    def leave_alone(self, peer_id: str, *, alone: bool) -> bool:
        """Whether this is a seed whose pause is not over. Args: alone, whether we have no peer."""
        return self._seeds.is_seed(peer_id) and not self._pauses.may_begin(peer_id, alone=alone)

    def dial_all_seeds(self) -> None:
        """Dial all seeds in random order until one connects. One with a name does not hold up the others for long."""
        self._dial_seeds(self._seeds.order(self._rng))

    def dial_seeds(self, *, alone: bool) -> None:
        """Dial those seeds whose pause is over, in random order until one connects."""
        seeds = self._seeds.order(self._rng)
        self._dial_seeds([seed for seed in seeds if not self.leave_alone(id_in(seed), alone=alone)])

    def _dial_seeds(self, seeds: Sequence[str]) -> None:
        if seeds:
            seed = seeds[0]
            self._seeds_left[seed] = seeds[1:]
            self._pauses.begin(id_in(seed))
            self._effects.emit(DialSeed(seed))
            if seed in self._seeds.names and len(seeds) > 1:
                self._agenda.after(NAMED_SEED_PATIENCE_S, partial(self._overtake, seed))

    def _overtake(self, seed: str) -> None:
        """A seed takes long: dial the next one beside it."""
        if left := self._seeds_left.get(seed):
            self._seeds_left[seed] = ()
            self._dial_seeds(left)

    def ended(self, dial: DialEffect, end: DialEnd) -> None:
        """A dial has ended. A node that was reached is reported by `peer_added`; all other ends are noted here."""
        if isinstance(dial, DialSeed):
            self._seed_ended(dial.seed, end)
        elif isinstance(dial, Feel):
            self._note(dial.address, end)
            if end.outcome is DialOutcome.REACHED:
                address = dial.address
                self._manager.dial_succeeded(address)
                self._effects.ask_book(None, AddrBook.mark_good, address.id, address, end.latency)
        else:
            self.under_way -= 1
            self._note(dial.address, end)
            self._on_end()

    def _seed_ended(self, seed: str, end: DialEnd) -> None:
        left = self._seeds_left.pop(seed, None)
        if end.outcome is DialOutcome.INCOMPATIBLE:
            self._pauses.let_be(id_in(seed))
        if end.outcome in {DialOutcome.REACHED, DialOutcome.CONNECTED_BEFORE}:
            self._seeds_left.clear()  # whatever becomes of those beside it
        elif left:
            self._dial_seeds(left)
        elif left is not None and not self._seeds_left:
            self._effects.emit(NoSeedReached())

    def _note(self, address: NetAddress, end: DialEnd) -> None:
        """Note an end that speaks against the address."""
        outcome = end.outcome
        if outcome is DialOutcome.FAILED or outcome is DialOutcome.IMPOSTOR:
            ban_s = self._manager.dial_failed(address, authentication=outcome is DialOutcome.IMPOSTOR)
            if ban_s > 0:
                self._effects.emit(GiveUp(address.id, ban_s, end.detail))
            else:
                self._effects.ask_book(None, AddrBook.mark_attempt, address.id, address)
        elif outcome is DialOutcome.INCOMPATIBLE:
            self._pauses.let_be(address.id)
            self._effects.ask_book(None, AddrBook.mark_incompatible, address.id, address)
