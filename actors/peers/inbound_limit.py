"""Letting connections in at a seed without asking the switch, which knows nothing that the peer hosts do not know."""

from __future__ import annotations

from peerage.actors.ban_filter import BanFilter
from peerage.actors.messages import ConnectionFacts
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.refusal import Refusal, RefusalReason

__all__ = ["InboundLimit"]


class InboundLimit:
    """Judges an inbound connection as the switch would: bans, and the most inbound connections of the node.

    Args:
        shut_out: the bans that this host knows.
        load: counts the inbound connections of all hosts, the judged one included.
        most: inbound connections of the node.
        hosts: of the node. Two of them may take the last place at the same moment, so each leaves one for every other.
    """

    def __init__(self, shut_out: BanFilter, load: LoadTable, most: int, hosts: int) -> None:
        self._shut_out = shut_out
        self._load = load
        self._most = most
        self._hosts = hosts

    def refusal(self, facts: ConnectionFacts) -> Refusal | None:
        """Why it is not let in; None when it is."""
        refusal = self._shut_out.refusal(ip=facts.remote_ip)
        if refusal is None and self._load.inbound() > self._most - (self._hosts - 1):
            refusal = Refusal(RefusalReason.INBOUND_LIMIT, f"at most {self._most} inbound connections")
        return refusal
