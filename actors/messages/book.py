"""What the address book tells those who let connections in, and what it is asked by those who have no book's code."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.messages.switch import ConnectionEnded
from peerage.wire.keys import NodeID

__all__ = ["BansChanged", "Charge", "CountAddresses", "Trust"]


class BansChanged(Struct, frozen=True):
    """address book → switch, PEX reactor: whose connections to refuse, and no longer to.

    Args:
        bans: new ones, and those that changed.
        lifted: subjects of those that are gone.
        whole: the bans are all there are; whatever was known before is void.
    """

    bans: tuple[Ban, ...]
    lifted: tuple[str, ...] = ()
    whole: bool = False


class Charge(Struct, frozen=True):
    """anyone → address book: a remote has done wrong. It is told, not asked, so that it never counts twice.

    Args:
        id: if it is proved.
        ip: "" when it is not to be blamed: somebody at an address that others told us, who has proved no ID.
    """

    offence: Offence
    id: NodeID | None
    ip: str = ""

    @classmethod
    def of(cls, ended: ConnectionEnded) -> Self | None:
        """What a connection that has ended is to be charged, if anything."""
        facts, refusal = ended.facts, ended.refusal
        peer_id, offence = ended.peer_id, ended.offence
        if refusal is not None:
            offence, peer_id = refusal.offence, refusal.offender
        ip = "" if facts.is_outbound and peer_id is None else facts.remote_ip
        return cls(offence, peer_id, ip) if offence is not None and (peer_id or ip) else None


class Trust(Struct, frozen=True):
    """switch → address book: these were added while the node runs, and nothing is counted against them.

    Args: see `Misbehaviour.trust`.
    """

    ids: tuple[str, ...]
    addresses: tuple[str, ...] = ()


class CountAddresses(Struct, frozen=True):
    """node → address book: an ask. Answer: how many addresses it knows."""
