"""A real CometBFT node and ours, connected for as long as the tests of this folder run.

A worker of pytest-xdist that only looks at them looks at those of another one.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.started_node import StartedNode, make_home
from tests.interop.cometnode import CometNode, free_port
from tests.interop.gobuild import GoMissingError

MONIKER = "tested node"


def new_home(parent: Path) -> Path:
    """A home made by `peerage init`."""
    home = parent / "peerage"
    make_home(home)
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


@dataclass(frozen=True)
class Sight:
    """What can be seen of a pair from another process. Its moment is of the clock that all processes share."""

    our_id: str
    our_rpc: str
    their_rpc: str
    since: float

    @classmethod
    def of(cls, pair: Pair) -> Sight:
        theirs = f"http://127.0.0.1:{pair.theirs.rpc_port}"
        return cls(pair.ours.node_id, pair.ours.rpc, theirs, pair.since)

    def our_peers(self) -> list[Mapping[str, Any]]:
        """Who our node is connected to, as its net_info says."""
        return _peers(self.our_rpc)

    def their_peers(self) -> list[Mapping[str, Any]]:
        """Likewise the real node's."""
        return _peers(self.their_rpc)


def _peers(rpc: str) -> list[Mapping[str, Any]]:
    with urllib.request.urlopen(f"{rpc}/net_info", timeout=10.0) as answer:
        found: list[Mapping[str, Any]] = json.load(answer)["result"]["peers"]
        return found


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, shared_place: Path, go_version: str) -> Iterator[Pair]:
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
        found = Pair(ours, theirs, theirs.wait_for_peer(ours.node_id), time.monotonic())
        stack.enter_context(_shown(shared_place, Sight.of(found)))
        yield found


@pytest.fixture(scope="session")
def shared_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of this run that all workers of pytest-xdist know; each of them has one of its own below it."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture
def sight(request: pytest.FixtureRequest, shared_place: Path) -> Iterator[Sight]:
    """Of the pair that is there, whoever has it, and keeps it until the test ends; else of one of our own."""
    with _lock(shared_place, fcntl.LOCK_SH):
        note = _note(shared_place)
        yield (
            Sight(**json.loads(note.read_text()))
            if note.exists()
            else Sight.of(request.getfixturevalue("pair"))
        )


@contextmanager
def _shown(place: Path, sight: Sight) -> Iterator[None]:
    """Let others look; it ends when nobody does any more."""
    note = _note(place)
    partial = note.with_suffix(".part")
    partial.write_text(json.dumps(asdict(sight)))
    partial.replace(note)
    try:
        yield
    finally:
        with _lock(place, fcntl.LOCK_EX):
            note.unlink(missing_ok=True)


@contextmanager
def _lock(place: Path, kind: int) -> Iterator[None]:
    with (place / "pair.lock").open("a") as lock:
        fcntl.flock(lock, kind)
        yield


def _note(place: Path) -> Path:
    return place / "pair.json"
