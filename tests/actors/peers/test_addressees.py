"""actors/peers/addressees.py: refs that are made once."""

from __future__ import annotations

from peerage.actors.names import NodeNames
from peerage.actors.peers.addressees import Addressees

NAMES = NodeNames("n/", ("ONE", "TWO"), 2)


def test_they_are_those_of_the_node() -> None:
    addressees = Addressees(NAMES)
    assert (addressees.switch, addressees.reactors) == (NAMES.switch, NAMES.reactors)
    for name in NAMES.reactors:
        assert addressees.reactor(name) == NAMES.reactor(name)
        assert addressees.reactor(name) is addressees.reactor(name)
