"""What follows when a hook about a peer raises: that peer is stopped for error, and charged with what was its fault."""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.log_folding import Limits, LineFolding
from peerage.actors.messages import Charge
from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.runtime import DROP
from peerage.actors.runtime.log import get_logger
from peerage.wire.errors import RemoteError
from peerage.wire.remote_text import shown

__all__ = ["PeerFaults"]

log = get_logger("peerage.reactor")

# Per minute: a remote may know how to make a reactor raise.
FAULT_LINES = Limits(subject=1, group=60, total=60)


class PeerFaults:
    """Of one reactor.

    Args: reactor, its name; call_later, has a function called after so many seconds; decodes, whether protobuf may have
        raised an error.
    """

    def __init__(
        self, reactor: str, node: NodeContext, call_later: Callable[..., object], *, decodes: bool
    ) -> None:
        self._reactor, self._node, self._decodes = reactor, node, decodes
        self._lines = LineFolding(call_later, FAULT_LINES)

    def charge(self, peer: Peer, offence: Offence) -> None:
        """Have it counted against a peer."""
        charge = Charge(offence, peer.info.id, peer.info.remote_ip)
        self._node.names.addrbook.tell(charge, when_full=DROP)

    def stop(self, peer: Peer, hook: str, error: Exception) -> None:
        """Stop a peer, because this hook has raised this."""
        if _is_the_peers(error, decodes=self._decodes):  # no fault of ours: the line of its end says it
            self.charge(peer, Offence.UNDECODABLE_MESSAGE)
        else:
            self.log_fault("reactor raised, peer stopped", peer, hook, error)
        peer.stop(f"reactor {self._reactor}: {hook} raised {type(error).__name__}: {shown(str(error))}")

    def log_fault(self, event: str, peer: Peer, hook: str, error: Exception) -> None:
        """Log it."""
        common = {"reactor": self._reactor, "hook": hook}
        about = peer.info.connection
        self._lines.say(log.error, event, about, common, **common, peer=peer.id, exc_info=error)


def _is_the_peers(error: Exception, *, decodes: bool) -> bool:
    """Whether it means that the peer sent what nobody could read. Args: decodes, whether protobuf may have raised it."""
    if not decodes:
        return isinstance(error, RemoteError)
    from google.protobuf.message import DecodeError  # here alone: reactors without protobuf start without it

    return isinstance(error, (RemoteError, DecodeError))
