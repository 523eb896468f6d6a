"""Who comes in at one peer host, as far as it can decide: by the register of all hosts, the bans and the switch's notes.

The switch is asked where it alone knows: two connections to one ID, IDs that the operator has named, the operator's
filters; and before this host has heard of bans and notes, a moment after its start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from peerage.actors.ban_filter import BanFilter
from peerage.actors.context import NodeContext
from peerage.actors.crowding import ip_limits_of
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.messages import Admission, BansChanged, ConnectionFacts, SwitchNotes
from peerage.actors.peers.newcomers import Newcomer
from peerage.actors.peers.register import STRANGER, Place, Register, RegisterBusyError, Rules
from peerage.actors.peers.switch_news import SwitchNews
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.ip_ranges import packed_ip
from peerage.wire.keys import NodeID
from peerage.wire.net_address import id_in

__all__ = ["HostGate"]


class HostGate:
    """See the module's text.

    Attributes: context, of the node; bans, as far as this host has heard; notes, the newest of the switch.

    Args:
        register: descriptor of the memory that the hosts share.
        index: of this host.
        evict: called with the index of a host: another peer has got the place of one of its peers.
        news: for the switch and the reactors. The ID of a peer is free when they have been told that it has ended.
    """

    def __init__(
        self,
        context: NodeContext,
        register: int,
        index: int,
        evict: Callable[[int], object] = lambda _host: None,
        news: SwitchNews | None = None,
    ) -> None:
        self._register = Register(register, index, context.names.peer_hosts, rules_of(context), evict)
        if news is not None:
            news.on_told, self._register.tell_ends = self._register.let_go, news.flush
        self._knows_bans = self._knows_notes = False
        self.bans = BanFilter()
        self.notes = SwitchNotes()
        self.configure(context)

    @property
    def is_informed(self) -> bool:
        """Whether book and switch have said what they know of whom to let in."""
        return self._knows_bans and self._knows_notes

    @property
    def asks_first(self) -> bool:
        """Whether the switch is to be asked about each accepted connection."""
        return self.context.has_connection_filters or not self.is_informed

    def learn_bans(self, bans: Iterable[Ban]) -> None:
        """These are all the bans that there are."""
        self.bans.update(BansChanged(tuple(bans), whole=True))
        self._knows_bans = True

    def keep(self, notes: SwitchNotes) -> None:
        """Go by these from now on, unless newer ones have been here."""
        self._knows_notes = True
        if notes.revision >= self.notes.revision:
            self.notes = notes
            self.configure(self.context)

    def configure(self, context: NodeContext) -> None:
        """Go by this configuration from now on, and by the notes."""
        self.context = context
        p2p, notes = context.config.p2p, self.notes
        self._register.rules = rules_of(context)
        unconditional = notes.unconditional.union(p2p.unconditional_peer_ids)
        self._named = {*map(id_in, (*p2p.persistent_peers, *notes.persistent)), *unconditional}
        # Whoever a stranger proves to be: a seed answers it, and an unconditional peer needs no free place.
        self._is_seed = context.answers_seed_requests
        self._needs_place = not self._is_seed and not unconditional

    def enter(self, facts: ConnectionFacts) -> Place | Refusal:
        """A connection was accepted. Returns: its place among those of all hosts, or why it gets none.

        When there is none among the peers, it is turned away at once, unless it may be somebody who needs none.
        """
        refusal = self.bans.refusal(ip=facts.remote_ip)
        if refusal is None and self._needs_place:
            refusal = self._register.lack(packed_ip(facts.remote_ip))
        if refusal is not None:
            return refusal
        try:
            return self._register.enter(facts.remote_ip, facts.remote_port)
        except RegisterBusyError:
            return Refusal(RefusalReason.STOPPING, "another peer host is frozen", is_ours=True)

    def refusal_of(self, place: Place, peer_id: NodeID) -> Refusal | None:
        """A newcomer has proved its ID. Returns: why it need not hear of us at all.

        Who is refused before our NodeInfo has failed to connect, and waits before it tries again; after it, it has lost a
        peer and dials at once.
        """
        refusal = self.bans.refusal(peer_id)
        if refusal is None and peer_id not in self._named and not self._is_seed:
            refusal = place.lack(peer_id)
        return refusal

    def note_dial(self, facts: ConnectionFacts) -> Place | None:
        """This host dials. Returns: the place of the connection, None when the host has no more."""
        return self._register.note_dial(facts.remote_ip, facts.remote_port)

    def judge(self, newcomer: Newcomer, peer_id: NodeID) -> Admission | Refusal | None:
        """A newcomer has proved its ID. Returns: our verdict, None when the switch is to be asked."""
        if not self.is_informed or self.context.has_peer_filters or peer_id in self._named:
            return None
        objection = newcomer.place.claim(peer_id, newcomer.facts.connection)
        if isinstance(objection, Refusal):
            return objection
        return STRANGER if objection is None else None


def rules_of(context: NodeContext) -> Rules:
    """What the configuration allows."""
    return Rules(context.config.p2p.max_num_inbound_peers, ip_limits_of(context.config))
