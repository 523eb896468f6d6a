"""A Ray cluster of two nodes on this machine, for the tests that need one; without Ray those are not collected."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.actors.runtime.cluster.ray_nodes import RayNodes

NEED_RAY = ["test_lost_node.py", "test_outpost.py", "test_page.py", "test_reactor_there.py", "test_relay.py"]
collect_ignore = [] if find_spec("ray") is not None else NEED_RAY


@pytest.fixture(scope="session")
def nodes() -> Iterator[RayNodes]:
    """The nodes; this process is connected as their driver."""
    from tests.actors.runtime.cluster.ray_nodes import RayNodes

    with RayNodes() as nodes:
        yield nodes
