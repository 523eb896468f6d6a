"""Answering requests for addresses: of peers, and of nodes that connect to a seed only to ask. Some have to wait."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import partial

from peerage.actors.discovery.manager.agenda import Agenda, Entry
from peerage.actors.discovery.manager.answer_selection import AnswerSelection
from peerage.actors.discovery.manager.effects import (
    AnswerSeedRequest,
    Ban,
    Disconnect,
    Effects,
    Judged,
    RefuseSeedRequest,
    SendAnswer,
    Standing,
)
from peerage.actors.discovery.manager.events import ConnectedPeer, SeedRequest, Told, group_at
from peerage.actors.discovery.manager.exchange import SEED_BIAS, Answer, Ignore, PeerExchange, StopPeer
from peerage.actors.discovery.manager.turns import Turn
from peerage.wire.keys import NodeID
from peerage.wire.pex import PexAddrs, decode_pex

ONE_ADDRESS_BYTES = 100  # an answer that is longer has two addresses or more
ONCE_MORE = StopPeer("called once more over another connection")
MOST_SCARCE = 256  # groups; when more are close to their limit, all requests are judged here
CROWDED = StopPeer("too many wait for their turn")


@dataclass(slots=True)
class _Waiting:
    """A seed request that waits for its answer."""

    request: SeedRequest
    turn: Turn
    entry: Entry


class Answering:
    """Answers at once, later, or not at all, as the exchange judges.

    Args:
        peers: the connected peers.
        never_banned: persistent and unconditional IDs, which the operator wants connected whatever they do.
        visit_back: called with each seed request that is answered at once. (A node whose request is early was visited
            when it asked the time before.)
        alone_s: how many seconds a seed request waits when we know no other node to tell it about.
        renewal_s: how many seconds peer hosts may go on with an answer that is shared no longer.
    """

    def __init__(
        self,
        effects: Effects,
        agenda: Agenda,
        exchange: PeerExchange,
        selection: AnswerSelection,
        *,
        peers: Mapping[NodeID, ConnectedPeer],
        never_banned: Container[str] = (),
        visit_back: Callable[[SeedRequest], None] = lambda _request: None,
        alone_s: float,
        renewal_s: float,
    ) -> None:
        self._effects = effects
        self._agenda = agenda
        self._exchange = exchange
        self._selection = selection
        self._peers = peers
        self._never_banned = never_banned
        self._visit_back = visit_back
        self._alone_s = alone_s
        self._renewal_s = renewal_s
        self._delayed: dict[NodeID, Entry] = {}  # answers to peers that asked early
        self._waiting: dict[NodeID, _Waiting] = {}

    # --- peers ---

    def request(self, peer: ConnectedPeer) -> None:
        """A peer asks for addresses."""
        if self._peers.get(peer.id) is not peer:
            return
        group = None if peer.is_outbound else group_at(peer.address)
        outcome = self._exchange.receive_request(peer.id, outbound=peer.is_outbound, group=group)
        if isinstance(outcome, StopPeer):
            self._effects.emit(Judged(outcome.reason))
            self._effects.stop(peer, outcome)
        elif isinstance(outcome, Ignore):
            self._effects.emit(Judged("ignored"))
        elif outcome.turn is None:
            self._answer(peer, outcome)
        else:
            self._effects.emit(Judged("early"))
            self._delayed[peer.id] = self._agenda.after(
                outcome.after, partial(self._answer_in_turn, peer, outcome, outcome.turn)
            )

    def peer_removed(self, peer: ConnectedPeer) -> None:
        """A peer is gone: drop the answer that it was waiting for."""
        delayed = self._delayed.pop(peer.id, None)
        if delayed is not None:
            self._agenda.cancel(delayed)

    def _answer_in_turn(self, peer: ConnectedPeer, answer: Answer, turn: Turn) -> None:
        del self._delayed[peer.id]
        if self._exchange.has_come(turn):
            self._answer(peer, answer)
        elif answer.then_stop:  # it has asked again over another connection
            self._effects.emit(Disconnect(peer))

    def _answer(self, peer: ConnectedPeer, answer: Answer) -> None:
        self._effects.emit(Judged("answered"))
        self._selection.select(answer.bias, partial(self._send, peer, answer.then_stop))

    def _send(self, peer: ConnectedPeer, then_disconnect: bool, told: Told) -> None:
        if self._peers.get(peer.id) is peer:
            self._effects.emit(SendAnswer(peer, told, then_disconnect))

    # --- nodes that connect to a seed only to ask ---

    def seed_request(self, request: SeedRequest) -> None:
        """A node asks this seed for addresses.

        If it asks again while it waits, it waits on the new connection from then on: the earlier one may be dead.
        """
        before = self._waiting.get(request.id)
        if before is not None:
            self._end(before)
            self._refuse(before.request, ONCE_MORE)
        outcome = self._exchange.receive_call(request.id, group=group_at(request.address))
        if isinstance(outcome, StopPeer):
            self._refuse(request, outcome)
        elif outcome.turn is not None:
            self._effects.emit(Judged("early"))
            self._delay(request, outcome, outcome.turn, outcome.after)
        else:
            self._visit_back(request)
            self._selection.select(outcome.bias, partial(self._answer_or_delay, request, outcome))

    def answered_unasked(self, request: SeedRequest) -> None:
        """A peer host has answered the first request of this node."""
        self._effects.emit(Judged("answered"))
        self._exchange.call_answered(request.id, group=group_at(request.address))
        self._selection.count(SEED_BIAS)
        self._visit_back(request)

    def seed_request_left(self, peer_id: NodeID, connection: str) -> None:
        """The node that asked over this connection has hung up: if it was waiting, free its place for others."""
        waiting = self._waiting.get(peer_id)
        if waiting is not None and waiting.request.connection == connection:
            self._end(waiting)
            self._exchange.leave(waiting.turn)

    def _delay(self, request: SeedRequest, answer: Answer, turn: Turn, seconds: float) -> None:
        """Answer when this turn has come."""

        def go_on() -> None:
            self._end(waiting)
            if self._exchange.has_come(turn):
                self._selection.select(answer.bias, partial(self._answer_seed_request, request))
            else:
                self._refuse(request, ONCE_MORE)

        waiting = _Waiting(request, turn, self._agenda.after(seconds, go_on))
        self._waiting[request.id] = waiting

    def _end(self, waiting: _Waiting) -> None:
        self._agenda.cancel(waiting.entry)
        if self._waiting.get(waiting.request.id) is waiting:
            del self._waiting[waiting.request.id]

    def _answer_or_delay(self, request: SeedRequest, answer: Answer, told: Told) -> None:
        """Answer, or if we know no other node, wait until one has come.

        Of two nodes that ask at about the same time, the second is told about the first. If the first came back right away
        and were told about the second, they would dial each other at the same moment, and CometBFT's nodes would both
        hang up.
        """
        if not _names_nobody_but(request.id, told):
            self._answer_seed_request(request, told)
            return
        turn = self._exchange.hold(request.id, group=group_at(request.address))
        if turn is None:
            self._refuse(request, CROWDED)
        else:
            self._delay(request, answer, turn, self._alone_s)

    def _answer_seed_request(self, request: SeedRequest, told: Told) -> None:
        self._effects.emit(Judged("answered"))
        self._effects.emit(AnswerSeedRequest(request, told, self._standing(told)))

    def _standing(self, told: Told) -> Standing | None:
        """Whom else this answer is for: nobody, unless load is high, and it names more nodes than one."""
        fresh_until = self._selection.shared_until(SEED_BIAS, told)
        if (
            fresh_until <= self._agenda.now.at
            or not isinstance(told, bytes)
            or len(told) <= ONE_ADDRESS_BYTES
        ):
            return None
        scarce = self._exchange.scarce_groups()
        if len(scarce) > MOST_SCARCE:
            return None
        return Standing(fresh_until, fresh_until + self._renewal_s, scarce)

    def _refuse(self, request: SeedRequest, offence: StopPeer) -> None:
        self._effects.emit(Judged(offence.reason))
        if offence.ban_s > 0 and request.id not in self._never_banned:
            self._effects.emit(Ban(request.id, offence.ban_s, offence.reason))
        self._effects.emit(RefuseSeedRequest(request, offence.reason, offence.offence))


def _names_nobody_but(peer_id: NodeID, told: Told) -> bool:
    """Whether an answer holds no address other than that of the node that asked."""
    if not isinstance(told, bytes):
        return all(address.id == peer_id for address in told)
    if len(told) > ONE_ADDRESS_BYTES:
        return False
    answer = decode_pex(told)
    return isinstance(answer, PexAddrs) and all(address.id == peer_id for address in answer.addresses)
