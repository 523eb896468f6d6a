"""actors/names.py: names outlive processes."""

import pickle

import pytest

from peerage.actors.names import NodeNames


@pytest.mark.parametrize("prefix", ["", "node-2/"])
def test_every_part_has_a_name_of_its_own(prefix: str) -> None:
    """The prefix tells nodes in one embedding process apart."""
    names = NodeNames(prefix, ("PEX", "ECHO"), 2)
    parts = [
        names.addrbook,
        names.switch,
        names.metrics,
        *map(names.reactor, names.reactors),
        *names.transports,
    ]
    assert [ref.name for ref in parts] == [
        prefix + part
        for part in ("addrbook", "switch", "metrics", "reactor-PEX", "reactor-ECHO", "peers-0", "peers-1")
    ]
    assert names.transport(1) == names.transports[1]
    assert (names.events.name, names.events.host) == (prefix + "rpc/events", prefix + "rpc")


def test_refs_to_a_name_are_equal_wherever_they_were_made() -> None:
    """A context that travelled names the same actors."""
    names = NodeNames("", ("ECHO",), 1)
    assert pickle.loads(pickle.dumps(names)).switch == names.switch
    assert names.reactor("ECHO") != names.switch
