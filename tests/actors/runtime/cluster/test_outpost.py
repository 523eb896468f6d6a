"""The process that an actor has on the cluster."""

from __future__ import annotations

import psutil
import pytest

from peerage.actors.runtime import RAY
from tests.actors.runtime.cluster.cast import Traveller
from tests.actors.runtime.cluster.ray_nodes import RayNodes
from tests.processes import is_alive
from tests.waiting import wait_until

pytestmark = [pytest.mark.timeout(300)]


def test_it_is_gone_with_its_actor(nodes: RayNodes) -> None:
    """With all processes that belong to it: nothing is left on the node."""
    place = RAY(num_cpus=0, resources={"a": 1})
    ref = Traveller.options(place=place, start_timeout=90.0).start()
    pid = ref.ask(("pid",))
    family = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    ref.stop()
    wait_until(lambda: not any(map(is_alive, family)), timeout=20.0)
