"""The channel of peer exchange."""

from peerage.actors.reactors.pex import PexReactor
from peerage.actors.reactors.pex_channel import PEX_DESCRIPTOR
from peerage.wire.pex import PEX_CHANNEL


def test_the_reactor_has_this_channel() -> None:
    """A node lists it without the reactor."""
    assert PexReactor.channels == (PEX_DESCRIPTOR,)
    assert PEX_DESCRIPTOR.id == PEX_CHANNEL
