"""What follows when a hook about a peer raises."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.message import DecodeError

from peerage.actors.discovery.book.offences import Offence
from peerage.actors.messages import Charge, StopPeer
from peerage.actors.reactors.peer_faults import PeerFaults
from peerage.wire.errors import PexKindError
from tests.actors.reactors.stage import ANNA, Heard, peer


def stopped(error: Exception, *, decodes: bool) -> tuple[list[Any], list[Any]]:
    """What the peer actor and the address book are told when `receive` raises this."""
    connection, book = Heard(), Heard()
    node: Any = SimpleNamespace(names=SimpleNamespace(addrbook=book))
    faults = PeerFaults("TESTED", node, lambda *_args: None, decodes=decodes)
    faults.stop(peer(connection), "receive", error)
    return connection.told, book.told


def test_a_fault_of_ours_stops_the_peer_and_is_not_charged() -> None:
    """It may be honest; the reason names the hook and the error."""
    told, charged = stopped(ValueError("as told"), decodes=False)
    assert told == [StopPeer("reactor TESTED: receive raised ValueError: as told", is_error=True)]
    assert charged == []


@pytest.mark.parametrize(
    ("error", "decodes"), [(PexKindError(), False), (DecodeError("x"), True)], ids=["ours", "protobuf's"]
)
def test_what_nobody_could_read_is_charged(error: Exception, decodes: bool) -> None:
    """The peer has sent it."""
    told, charged = stopped(error, decodes=decodes)
    assert len(told) == 1
    assert charged == [Charge(Offence.UNDECODABLE_MESSAGE, ANNA, "127.0.0.1")]
