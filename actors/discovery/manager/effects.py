"""What a `Discoverer` wants done: values that its driver carries out, one after the other.

Some of them are questions (`AskBook`, `SelectAnswer`, `CountPeers`, `AdmitSeedRequest`): their answers go to
`Discoverer.answered`. The ends of `Dial`, `DialSeed` and `Feel` go to `Discoverer.dial_ended`. A driver that cannot get an
answer gives none: nothing waits for it for good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.book.calls import Method
from peerage.actors.discovery.manager.events import ConnectedPeer, PeerCounts, SeedRequest, Told
from peerage.actors.discovery.manager.exchange import StopPeer
from peerage.actors.discovery.value import value
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

P = ParamSpec("P")
T = TypeVar("T")


@value
class Dial:
    """Connect to this address; the node there is to be a peer."""

    address: NetAddress


@value
class DialSeed:
    """Connect to a configured seed. Args: seed, as the operator wrote it; a name in it is looked up each time."""

    seed: str


@value
class Feel:
    """Try this address for the book's sake: dial, shake hands, hang up. The node there becomes no peer."""

    address: NetAddress


@value
class SendRequest:
    """Ask a peer for addresses. If it cannot be sent: `Discoverer.request_not_sent`."""

    peer: ConnectedPeer


@value
class SendAnswer:
    """Tell a peer addresses. Args: then_disconnect, whether to end the connection behind them."""

    peer: ConnectedPeer
    told: Told
    then_disconnect: bool = False


@value
class Disconnect:
    """Send what is on its way to this peer, then end the connection. Neither side did anything wrong."""

    peer: ConnectedPeer


@value
class Stop:
    """Stop this peer for error."""

    peer: ConnectedPeer
    reason: str


@value
class Ban:
    """Keep this ID out for so many seconds."""

    id: NodeID
    seconds: float
    reason: str


@value
class GiveUp:
    """Leave the address of this ID alone for so many seconds. The node may connect to us all the same."""

    id: NodeID
    seconds: float
    reason: str


@value
class AskBook:
    """Call this method of the address book or of a part of it, and hand in the answer if `then` is given."""

    method: Method
    args: tuple[Any, ...] = ()
    then: Callable[[Any], None] | None = field(default=None, compare=False, repr=False)


@value
class SelectAnswer:
    """Have the book select addresses to tell, and hand them in.

    Args: bias, percent of new ones; None: however many there are.
    """

    bias: int | None
    then: Callable[[Told], None] = field(compare=False, repr=False)


@value
class CountPeers:
    """Count the peers and hand in the `PeerCounts`, or None when that cannot be told now."""

    then: Callable[[PeerCounts | None], None] = field(compare=False, repr=False)


@value
class AdmitSeedRequest:
    """Hand in None if this node is not banned; else hang up on it, and hand in nothing."""

    request: SeedRequest
    then: Callable[[None], None] = field(compare=False, repr=False)


@value
class AnswerSeedRequest:
    """Tell a node that is no peer addresses, and hang up."""

    request: SeedRequest
    told: Told


@value
class RefuseSeedRequest:
    """Hang up on a node that is no peer."""

    request: SeedRequest
    reason: str


@value
class Judged:
    """For the operator: how a request for addresses was judged."""

    outcome: str


@value
class Heard:
    """For the operator: what became of addresses that a peer told (None: of what inbound peers said of themselves)."""

    peer: ConnectedPeer | None
    added: Added


@value
class NoSeedReached:
    """For the operator: all seeds were dialled in vain."""


Question: TypeAlias = AskBook | SelectAnswer | CountPeers | AdmitSeedRequest
DialEffect: TypeAlias = Dial | DialSeed | Feel
Effect: TypeAlias = (
    Question
    | DialEffect
    | SendRequest
    | SendAnswer
    | Disconnect
    | Stop
    | Ban
    | GiveUp
    | AnswerSeedRequest
    | RefuseSeedRequest
    | Judged
    | Heard
    | NoSeedReached
)


class Effects:
    """The effects of one input, gathered in order. All parts of a discoverer share one."""

    __slots__ = ("_gathered", "emit")

    def __init__(self) -> None:
        self._gathered: list[Effect] = []
        self.emit: Callable[[Effect], None] = self._gathered.append

    def ask_book(
        self,
        then: Callable[[T], None] | None,
        method: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Have a method of the book, or of a part of it, called.

        Args: then, what to do with its answer; kwargs, none: arguments are given by position.
        """
        assert not kwargs
        self.emit(AskBook(method, args, then))

    def stop(self, peer: ConnectedPeer, offence: StopPeer) -> None:
        """Stop a peer for an offence, and ban it unless the operator insists on it."""
        self.emit(Stop(peer, offence.reason))
        if offence.ban_s > 0 and not peer.is_persistent and not peer.is_unconditional:
            self.emit(Ban(peer.id, offence.ban_s, offence.reason))

    def take(self) -> list[Effect]:
        """What is to be done, and no more of it here."""
        if not self._gathered:
            return []
        taken = self._gathered[:]
        self._gathered.clear()  # it stays the same list: `emit` is bound to it
        return taken
