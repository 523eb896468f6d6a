"""actors/peers/addressees.py: refs that are made once."""

from __future__ import annotations

from peerage.actors.names import NodeNames
from peerage.actors.peers.addressees import Addressees
from tests.actors.peers.recorded_refs import recorded

NAMES = NodeNames("n/", ("ONE", "TWO"), 2)


def test_they_are_those_of_the_node() -> None:
    addressees = Addressees(NAMES)
    assert (addressees.switch, addressees.reactors) == (NAMES.switch, NAMES.reactors)
    for name in NAMES.reactors:
        assert addressees.reactor(name) == NAMES.reactor(name)
        assert addressees.reactor(name) is addressees.reactor(name)


def test_what_is_gathered_is_told_to_all_in_order_and_once() -> None:
    addressees = Addressees(NAMES)
    with recorded() as told:
        addressees.gather("came")
        addressees.gather("went")
        assert told == []
        addressees.flush()
        addressees.flush()
    heard = {name: [message for to, message in told if to == name] for name, _message in told}
    assert heard == {"n/reactor-ONE": ["came", "went"], "n/reactor-TWO": ["came", "went"]}


def test_whoever_tells_a_reactor_something_else_does_so_behind_it() -> None:
    addressees = Addressees(NAMES)
    with recorded() as told:
        addressees.gather("came")
        addressees.reactor("TWO").tell("said")
    assert told == [("n/reactor-ONE", "came"), ("n/reactor-TWO", "came"), ("n/reactor-TWO", "said")]
