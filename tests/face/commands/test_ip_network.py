"""IP networks on the command line."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from peerage.commands.exit_status import MistakeError
from peerage.commands.ip_network import Network


@pytest.mark.parametrize(
    ("text", "network"), [("10.1.2.3/8", "10.0.0.0/8"), ("2001:db8::1", "2001:db8::1/128")]
)
def test_an_address_or_a_network(text: str, network: str) -> None:
    """Bits behind the prefix do not matter."""
    assert Network().convert(text, None, None) == ip_network(network)
    assert Network().convert(ip_network(network), None, None) == ip_network(network)


def test_anything_else_is_named() -> None:
    with pytest.raises(MistakeError, match="found 'here', allowed: an IP address or network"):
        Network().convert("here", None, None)
