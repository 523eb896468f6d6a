"""The nodes that `peerage conform` is run against: ours, and CometBFT's of several lines, each as its command starts it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.started_node import PROGRAM, StartedNode, make_home
from tests.interop.cometnode import CometNode, CometNodeError

__all__ = ["OURS", "VERSIONS", "Place", "conform", "running"]

OURS = "peerage"
# The newest of each line that the Go module proxy serves.
VERSIONS = ("v0.34.35", "v0.37.18", "v0.38.26", "v0.39.4", "v0.40.0", "v1.0.1")
TIMEOUT_S = 300.0
TRIES = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node is. Args: address, ID@host:port; rpc, its URL."""

    address: str
    rpc: str


@contextlib.contextmanager
def running(name: str) -> Iterator[Place]:
    """A node with its default timeouts. Args: name, OURS or a version of CometBFT."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as directory:
        home = Path(directory) / "home"
        if name == OURS:
            make_home(home)
            with StartedNode(home, reactor=None, rpc__unsafe="true") as ours:
                yield Place(ours.address, ours.rpc)
            return
        theirs = _started(home, name)
        try:
            yield Place(theirs.address, f"http://127.0.0.1:{theirs.rpc_port}")
        finally:
            theirs.stop()


def _started(home: Path, version: str) -> CometNode:
    """Started, or once more: somebody else may have taken its port meanwhile."""
    for attempt in range(TRIES):
        node = CometNode(home / str(attempt), version=version, keys={("rpc", "unsafe"): True})
        try:
            return node.start()
        except CometNodeError:
            if attempt == TRIES - 1:
                raise
    raise AssertionError


def conform(place: Place, *flags: str) -> Mapping[str, Any]:
    """The report of `peerage conform --json`. Raises: AssertionError: there is none."""
    command = [sys.executable, "-c", PROGRAM, "conform", place.address, "--json", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode in {0, 1}, done.stderr
    report: Mapping[str, Any] = json.loads(done.stdout)
    return report


def failed(report: Mapping[str, Any]) -> Sequence[str]:
    """The cases that failed, as `group: case`."""
    return [f"{case['group']}: {case['name']}" for case in report["cases"] if case["result"] == "fail"]
