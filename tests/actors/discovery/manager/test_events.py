"""What a discoverer is told of peers."""

from __future__ import annotations

from msgspec import structs
from msgspec.structs import replace

from peerage.actors.discovery.manager.events import SeedRequest, group_at
from tests.actors.discovery.manager.scene import connected
from tests.actors.discovery.nodes import address, node_id


def test_a_peer_is_at_home_where_it_came_from() -> None:
    """At the port it reports. Of any other place it may be wrong, and of none it says nothing."""
    assert connected(1).home == address(1)
    assert connected(1, ip="9.9.9.9").home is None
    assert replace(connected(1), reported=None).home is None
    request = SeedRequest(node_id(1), "c", address(1, port=50_000), address(1))
    assert request.home == address(1)
    assert structs.replace(request, address=address(2)).home is None


def test_what_a_peer_tells_is_kept_in_the_name_of_the_address_it_reports() -> None:
    """Of its connection when it reports none, or one that stands for any."""
    peer = connected(1, ip="9.9.9.9")
    assert peer.source == address(1)
    for reported in (None, address(1, "0.0.0.0")):
        assert replace(peer, reported=reported).source == address(1, "9.9.9.9")


def test_requests_are_counted_by_the_groups_of_routable_addresses() -> None:
    """A local network has none."""
    assert group_at(address(1, "9.8.7.6")) == "9.8.0.0"
    assert group_at(address(1, "10.0.0.1")) is None


def test_two_connections_are_never_the_same() -> None:
    """Not even of one node to one place."""
    assert connected(1) != connected(1)
