"""A reactor on the cluster: the connections of its node stay where they are."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import RAY
from peerage.supervisors import Start
from peerage.testing import Probe, connected_nodes
from tests.actors.runtime.cluster.ray_nodes import RayNodes
from tests.actors.runtime.cluster.reactors import CHANNEL, Answering, Hearing

pytestmark = [pytest.mark.timeout(240)]

PATIENCE_S = 60.0


def test_it_speaks_with_the_peers_of_its_node(nodes: RayNodes, tmp_path: Path) -> None:
    """It gets what they send, answers them, and its successor finds them connected after a kill."""
    place = RAY(num_cpus=0, resources={"a": 1})
    with Probe() as there, Probe() as here:
        start = Start.of(Answering, there.ref).using(place=place, start_timeout=90.0)
        reactors: list[Any] = [{"X": start}, {"X": (Hearing, here.ref)}]
        with connected_nodes(2, reactors, home=tmp_path) as (_edge, other):
            _, pid = there.expect(lambda told: told[0] == "added", timeout=PATIENCE_S)
            assert pid != os.getpid()
            for number in range(50):
                other.broadcast(CHANNEL, b"%d" % number)
            for number in range(50):
                here.expect(b"%d: %d" % (pid, number), timeout=PATIENCE_S)
            large = os.urandom(1_000_000)
            other.broadcast(CHANNEL, large)
            here.expect(b"%d: %s" % (pid, large), timeout=PATIENCE_S)

            os.kill(pid, signal.SIGKILL)
            _, successor = there.expect(lambda told: told[0] == "added", timeout=PATIENCE_S)
            assert successor != pid
            other.broadcast(CHANNEL, b"again")
            here.expect(b"%d: again" % successor, timeout=PATIENCE_S)
