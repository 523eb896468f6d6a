"""Two seeds of one chain that share their book and their crawl, on a Ray cluster of their own; and what they survive.

The cluster has a head, at which the seeds' processes are connected and which has no room for actors, and two nodes that
have.
The tests follow each other: each begins where the one before ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from peerage.wire.keys import NodeKey
from peerage.wire.net_address import NetAddress
from tests.actors.cluster.crowd import Crowd, crowd
from tests.actors.cluster.edges import Edge
from tests.actors.runtime.cluster.ray_nodes import RayNodes
from tests.nodes import wait_until

pytestmark = [pytest.mark.timeout(300)]

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    with RayNodes(is_driver=False, head_cpus=0) as nodes:
        nodes.add("b")
        yield nodes


class Pair:
    """Two seeds, each with a home that outlives its process. The first one has the shared book started."""

    def __init__(self, cluster: str, homes: list[Path], stack: ExitStack) -> None:
        self._cluster, self._homes, self._stack = cluster, homes, stack
        self.edges = [self._run(0)]
        self.edges[0].wait_for_status(nodes=1)
        self.edges.append(self._run(1))
        self.wait_until_both_share()

    def _run(self, number: int) -> Edge:
        return self._stack.enter_context(Edge(self._homes[number], self._cluster))

    def start_again(self, number: int) -> None:
        """One that was killed; returns when it shares again."""
        self.edges[number] = self._run(number)
        self.wait_until_both_share()

    def wait_until_both_share(self, **fields: object) -> None:
        """And have told each other all."""
        for edge in self.edges:
            edge.wait_for_status(nodes=2, visits=2, is_level=True, is_kept=True, **fields)


@pytest.fixture(scope="module")
def pair(nodes: RayNodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        homes = [tmp_path_factory.mktemp("edge") for _ in range(2)]
        yield Pair(nodes.address, homes, stack)


def somewhere(number: int) -> NetAddress:
    """An address where nobody is."""
    return NetAddress(NodeKey.generate().node_id, f"127.0.{number}.1", 1)


def wait_for_visits(visited: Crowd, times: int = 1) -> None:
    """Until everybody was visited that often."""
    for address in visited.addresses:
        wait_until(
            lambda: sum(visited.visitors_of(address).values()) >= times,  # noqa: B023 - called here
            PATIENCE_S,
        )


def test_what_one_learns_and_bans_is_known_to_the_other(pair: Pair) -> None:
    """And a ban ends at both when it is lifted at either."""
    one, other = pair.edges
    learnt, banned = somewhere(1), somewhere(2)
    one.add(learnt, banned)
    other.wait_for(True, "has", learnt.id)
    other.wait_for(True, "has", banned.id)
    one.order("ban", banned.id, 600)
    other.wait_for([banned.id], "banned")
    assert not other.order("has", banned.id)
    other.order("unban", banned.id)
    one.wait_for([], "banned")
    one.wait_for(True, "has", banned.id)


def test_the_crawl_visits_each_address_once_between_both(pair: Pair) -> None:
    """Both have a part of it, and both know of each who was reached."""
    one, other = pair.edges
    with crowd(24) as visited:
        one.add(*visited.addresses)
        wait_for_visits(visited)
        for address in visited.addresses:
            one.wait_for(True, "good", address.id)
            other.wait_for(True, "good", address.id)
        guests = [visited.visitors_of(address) for address in visited.addresses]
    assert [list(each.values()) for each in guests] == [[1]] * 24
    assert {guest for each in guests for guest in each} == {one.id, other.id}


def test_a_node_that_dies_gives_back_its_share(pair: Pair) -> None:
    """The other one visits all then. The shared book stays: it belongs to the other one."""
    one, other = pair.edges
    other.kill()
    with crowd(12) as visited:
        one.add(*visited.addresses)
        wait_for_visits(visited)
        assert all(visited.visitors_of(address) == {one.id: 1} for address in visited.addresses)
    one.wait_for_status(nodes=1)
    pair.start_again(1)


def test_the_book_of_a_node_that_dies_is_taken_over(pair: Pair) -> None:
    """It ends with the node that had it started, and the other one has another started, which knows all again."""
    one, other = pair.edges
    learnt, banned = somewhere(3), somewhere(4)
    one.add(learnt)
    one.order("ban", banned.id, 600)
    other.wait_for([banned.id], "banned")
    one.kill()
    other.wait_for_status(nodes=1, is_level=True)
    pair.start_again(0)
    newcomer = pair.edges[0]
    assert newcomer.order("has", learnt.id)
    assert newcomer.order("banned") == other.order("banned") == [banned.id]


def test_a_killed_cluster_node_takes_no_fact_with_it(pair: Pair, nodes: RayNodes) -> None:
    """The book is back on the other node, with all that was told; what was learnt meanwhile is told when it is back."""
    one, other = pair.edges
    before = somewhere(5)
    one.add(before)
    other.wait_for(True, "has", before.id)
    at = one.order("status")["book_at"]
    nodes.kill(nodes.name_of(at))
    meanwhile = somewhere(6)
    other.add(meanwhile)
    one.wait_for(True, "has", meanwhile.id)
    pair.wait_until_both_share()
    assert one.order("status")["book_at"] != at
    assert one.order("has", before.id)


def test_without_a_cluster_each_goes_on_by_itself(pair: Pair, nodes: RayNodes) -> None:
    """Both answer, learn, and visit everybody."""
    for name in nodes.names:
        nodes.kill(name)
    for edge in pair.edges:
        edge.wait_for_status(nodes=0)
    with crowd(6) as visited:
        for edge in pair.edges:
            edge.add(*visited.addresses)
        wait_for_visits(visited, times=2)
        ids = {edge.id: 1 for edge in pair.edges}
        assert all(visited.visitors_of(address) == ids for address in visited.addresses)
    assert not any("restarted" in edge.log for edge in pair.edges)
