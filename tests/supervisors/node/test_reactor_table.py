"""The reactors of a node, by name."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.reactors.reactor import Reactor
from peerage.actors.reactors.relay import Relay
from peerage.supervisors.node.errors import UnknownReactorError
from peerage.supervisors.node.parts import PEX_REACTOR, PROGRAM_RELAY
from peerage.supervisors.node.reactor_table import ReactorTable
from peerage.supervisors.spec import Start
from peerage.wire.channel import ChannelDescriptor


class Alpha(Reactor):
    channels = (ChannelDescriptor(id=0x70), ChannelDescriptor(id=0x71))


class Beta(Reactor):
    channels = (ChannelDescriptor(id=0x72),)


def test_channels_are_in_the_order_of_registration_and_know_their_reactor() -> None:
    """It is the order in which a node announces them."""
    table = ReactorTable({"B": Beta, "A": Alpha}, pex=False)
    assert [descriptor.id for descriptor in table.channels] == [0x72, 0x70, 0x71]
    assert table.routes == {0x72: "B", 0x70: "A", 0x71: "A"}
    assert table.names == ("B", "A")


def test_peer_exchange_comes_first() -> None:
    """It is a reactor like others, and there if the configuration says so."""
    table = ReactorTable({"A": Alpha}, pex=True)
    assert table.names == ("PEX", "A")
    assert dict(table.starts())["PEX"] == Start.of(PEX_REACTOR)


def test_a_reactor_may_have_arguments() -> None:
    """They are its constructor's."""
    table = ReactorTable({"A": (Alpha, 1, "two")}, pex=False)
    assert dict(table.starts()) == {"A": Start.of(Alpha, 1, "two")}


def test_no_name_and_no_channel_is_used_twice() -> None:
    """The error says whose it is already."""
    with pytest.raises(ValueError, match="reactor name 'PEX' is taken"):
        ReactorTable({"PEX": Alpha}, pex=True)
    with pytest.raises(ValueError, match="channel 0x70 of reactor 'B' belongs to 'A'"):
        ReactorTable({"A": Alpha, "B": Alpha}, pex=False)


def test_modules_are_named_once_and_the_program_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are imported where the parts run."""
    monkeypatch.setattr(Beta, "__module__", "__main__")
    assert ReactorTable({"A": Alpha, "B": Beta}, pex=True).modules == (__name__,)


def test_an_unknown_name_is_a_mistake_that_lists_the_others() -> None:
    """A known one is none."""
    table = ReactorTable({"A": Alpha}, pex=False)
    table.check("A")
    with pytest.raises(UnknownReactorError, match="there are: 'A'"):
        table.check("B")


def test_channels_of_the_program_have_a_relay() -> None:
    """Their messages come to it, and those of any reactor that is a relay."""
    own = ChannelDescriptor(id=0x73)

    class Passing(Relay):
        channels = (ChannelDescriptor(id=0x74),)

    table = ReactorTable({"A": Alpha, "P": Passing}, pex=True, own_channels=[own])
    assert table.names == ("PEX", "A", "P", "PROGRAM")
    assert dict(table.starts())["PROGRAM"] == Start.of(PROGRAM_RELAY)
    assert sorted(table.relayed) == [0x73, 0x74]
    assert table.relayed[0x73] is own
    assert PROGRAM_RELAY.module not in table.modules
    with pytest.raises(ValueError, match="'PROGRAM' is taken by the relay"):
        ReactorTable({"PROGRAM": Alpha}, pex=True, own_channels=[own])
    with pytest.raises(ValueError, match="channel 0x72 of reactor 'PROGRAM' belongs to 'B'"):
        ReactorTable({"B": Beta}, pex=True, own_channels=[ChannelDescriptor(id=0x72)])


@pytest.mark.parametrize(
    "spec", [int, Alpha(), "Alpha", None, (5, "argument")], ids=lambda spec: str(type(spec).__name__)
)
def test_what_is_no_class_of_a_reactor_is_a_mistake_that_says_what_is_expected(spec: Any) -> None:
    """An object of one as well: it could not be started anew."""
    with pytest.raises(
        TypeError, match=r"reactor 'A' is .*; a class derived from peerage.Reactor is expected"
    ):
        ReactorTable({"A": spec}, pex=False)


@pytest.mark.parametrize(
    "channels", [[0x50], ChannelDescriptor(id=0x50), None], ids=["number", "one", "none"]
)
def test_what_are_no_channels_is_a_mistake_that_says_what_is_expected(channels: Any) -> None:
    """With the reactor whose they should be."""
    wrong = type("Wrong", (Reactor,), {"channels": channels})
    with pytest.raises(
        TypeError, match=r"reactor 'W': channels is .*; a list of ChannelDescriptor is expected"
    ):
        ReactorTable({"W": wrong}, pex=False)


def test_reactors_without_names_are_a_mistake_that_says_what_is_expected() -> None:
    """As a list of classes is."""
    with pytest.raises(
        TypeError, match=r"reactors is \[<class .*Alpha'>\]; classes by their names are expected"
    ):
        ReactorTable([Alpha], pex=False)  # type: ignore[arg-type]  # that is the mistake


@pytest.mark.parametrize("name", [5, None, ""])
def test_what_is_no_name_of_a_reactor_is_a_mistake_that_says_what_is_expected(name: Any) -> None:
    """Nobody could ask for it by an empty one."""
    with pytest.raises(TypeError, match=f'a reactor is called {name!r}; a name is expected, such as "ECHO"'):
        ReactorTable({name: Alpha}, pex=False)


@pytest.mark.parametrize("channels", [[0x50], 5])
def test_what_are_no_channels_of_the_program_is_a_mistake_too(channels: Any) -> None:
    """It is told when the node is made."""
    with pytest.raises(TypeError, match=r"channels is .*; a list of ChannelDescriptor is expected"):
        ReactorTable({}, pex=False, own_channels=channels)


def test_an_unknown_channel_is_a_mistake_that_lists_the_others() -> None:
    """What is sent there would reach nobody."""
    table = ReactorTable({"A": Alpha, "B": Beta}, pex=False)
    table.check_channel(0x71)
    with pytest.raises(ValueError, match=r"channel 0x77 is of no reactor .*: 0x70, 0x71, 0x72"):
        table.check_channel(0x77)
    with pytest.raises(ValueError, match=r"channel 'ECHO' is of no reactor .*: none"):
        ReactorTable({}, pex=False).check_channel("ECHO")  # type: ignore[arg-type]  # as a program may call it
