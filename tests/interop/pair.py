"""A real CometBFT node and ours, connected for as long as the tests of this folder run."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.started_node import StartedNode, peerage
from tests.interop.cometnode import CometNode, free_port
from tests.interop.gobuild import GoMissingError

MONIKER = "tested node"


def new_home(parent: Path) -> Path:
    """A home made by `peerage init`."""
    home = parent / "peerage"
    assert peerage("init", "--home", str(home), "--network", "test", stdout=subprocess.DEVNULL).wait() == 0
    return home


def started(home: Path, port: int) -> StartedNode:
    """Our node, always on the same port."""
    return StartedNode(home, moniker=MONIKER, p2p__laddr=f"tcp://127.0.0.1:{port}")


@dataclass(frozen=True)
class Pair:
    """Two nodes that are connected."""

    ours: StartedNode
    theirs: CometNode
    seen: Mapping[str, Any]
    since: float


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, go_version: str) -> Iterator[Pair]:
    """One connection from the first test that wants it on: while its ping round goes by, others run."""
    parent = tmp_path_factory.mktemp("pair")
    with ExitStack() as stack:
        ours = stack.enter_context(started(new_home(parent), free_port()))
        try:
            theirs = CometNode(parent / "comet", version=go_version, persistent_peers=[ours.address])
        except GoMissingError as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))
        stack.enter_context(theirs)
        yield Pair(ours, theirs, theirs.wait_for_peer(ours.node_id), time.monotonic())
