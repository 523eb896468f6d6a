"""What is found out about the code of a reactor before it is started."""

from __future__ import annotations

import pytest

from peerage.actors.reactors.inspection import ReactorInspector, bare
from peerage.actors.runtime import THREAD
from peerage.messages import MEMPOOL
from peerage.testing import run_actor
from peerage.wire.channel import ChannelDescriptor
from tests.nodes import EchoReactor


def fault(module: str, name: str, *channels: ChannelDescriptor) -> str:
    with run_actor(ReactorInspector, module, name, channels, place=THREAD) as inspector:
        found: str = inspector.ask(None)
    return found


HIGH, LOW = EchoReactor.channels


@pytest.mark.parametrize(
    ("name", "channels", "told"),
    [
        ("EchoReactor", (HIGH, LOW), ""),
        ("EchoReactor", (LOW, HIGH), ""),
        ("EchoReactor", (HIGH,), "its channels are 0x50, 0x51, and peers were told 0x50:"),
        ("EchoReactor", (), "its channels are 0x50, 0x51, and peers were told none:"),
        ("EchoReactor", (HIGH, ChannelDescriptor(LOW.id, priority=9)), "channel 0x51 is not as connections"),
        ("StartNode", (), "'StartNode' in 'tests.nodes' is no class derived from peerage.Reactor"),
        ("Nobody", (), "'Nobody' in 'tests.nodes' is no class"),
    ],
)
def test_a_class_must_be_a_reactor_with_the_same_channels(
    name: str, channels: tuple[ChannelDescriptor, ...], told: str
) -> None:
    """In any order."""
    found = fault("tests.nodes", name, *channels)
    assert found.startswith(told)
    assert bool(found) == bool(told)


def test_a_module_that_cannot_be_imported_is_a_fault_of_one_line() -> None:
    """Whatever it raises."""
    assert fault("tests.nowhere", "A").startswith(
        "'tests.nowhere' cannot be imported: ModuleNotFoundError: No"
    )


def test_what_messages_are_decoded_to_may_change() -> None:
    """No peer knows of it."""
    assert bare([MEMPOOL])[0].message is None
    assert bare([MEMPOOL])[0].recv_message_capacity == MEMPOOL.recv_message_capacity
