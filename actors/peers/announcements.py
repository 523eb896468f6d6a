"""What one connection tells the other actors: the switch, its peer host, and the reactors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from peerage.actors import transfer
from peerage.actors.messages import (
    ConnectionEnded,
    Credits,
    PeerInfo,
    PeerStarted,
    RemovePeer,
    SeedRequestDropped,
)
from peerage.actors.peers.addressees import Addressees
from peerage.actors.peers.switch_news import SwitchNews
from peerage.actors.runtime import ActorRef, packed
from peerage.wire.keys import NodeID

__all__ = ["Announcements"]


class Announcements:
    """The connection's words to others. None of them counts against a mailbox: they are few, and none may be lost.

    Args: names, of the node's actors; connection, its name; news, of its host for the switch.
    """

    def __init__(self, names: Addressees, connection: str, news: SwitchNews) -> None:
        self._names = names
        self._connection = connection
        self._news = news

    def introduce(self, reactor: str, info: PeerInfo, credits_: tuple[tuple[int, int], ...]) -> None:
        """Tell a reactor that was restarted of this peer, and how much it may send."""
        self._names.reactor(reactor).tell(PeerStarted(replace(info, credits=credits_)), exempt=True)

    def started(self, info: PeerInfo) -> None:
        """Tell all reactors of the peer, and then the switch. Args: info, with the credits of all reactors."""
        self._news.started(info)

    def tell_host(self, info: PeerInfo) -> None:
        """The same to the transport, from another process."""
        ActorRef.to(info.host).tell(info, exempt=True)

    def hand_over(
        self, reactor: str, places: Sequence[transfer.Place], frames: Sequence[bytes | memoryview]
    ) -> None:
        """Give a reactor messages that arrived; its window bounds them."""
        self._names.reactor(reactor).tell(transfer.received(self._connection, places, frames), exempt=True)

    def grant(self, by_reactor: Mapping[str, Mapping[int, int]]) -> None:
        """Tell reactors how many messages they may have sent by now. Args: by_reactor, channel → total of each."""
        for reactor, totals in by_reactor.items():
            self._names.reactor(reactor).tell(Credits(self._connection, totals), exempt=True)

    def removed(self, reason: str) -> None:
        """Tell the reactors that the peer is gone; `ended` follows.

        Until they have been told, its ID is not free: another host would tell them of its next connection, and a reactor
        that heard of this one later would take it for the newer. So the place in the register is withdrawn first, and left
        when all is told.
        """
        self._names.gather(packed(RemovePeer(self._connection, reason)))

    def request_dropped(self, reactor: str, peer_id: NodeID) -> None:
        """Tell a seed's PEX reactor that the remote does not wait for its addresses any more."""
        self._names.reactor(reactor).tell(SeedRequestDropped(peer_id, self._connection), exempt=True)

    def ended(self, message: ConnectionEnded) -> None:
        """Tell the switch, which redials or forgets."""
        self._news.tell(message)
