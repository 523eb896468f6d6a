"""Fixtures of the interop tests: peers of the real library that never outlive their test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.cometnode import CometNode
from tests.interop.gobuild import DEFAULT_VERSION, GoBuildError, GoMissingError, build, build_cometbft
from tests.interop.gopeer import GoPeer
from tests.interop.pair import pair, shared_place, sight

__all__ = [
    "StartCometNode",
    "StartGoPeer",
    "comet_node",
    "go_peer",
    "go_version",
    "pair",
    "shared_place",
    "sight",
]

StartGoPeer = Callable[..., GoPeer]
StartCometNode = Callable[..., CometNode]

_HERE = Path(__file__).parent
_version = os.environ.get("PEERAGE_TEST_COMETBFT") or DEFAULT_VERSION


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an interop test."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker("interop")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build before the first test: with cold caches that takes minutes, which no test's time limit should pay."""
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    # A failure comes up again, with its text, in the fixture that needs the program.
    with contextlib.suppress(GoMissingError, GoBuildError):
        if "go_peer" in names:
            build(_version)
        if names & {"comet_node", "pair", "sight"}:
            build_cometbft(_version)


@pytest.fixture(scope="session")
def go_version() -> str:
    """The CometBFT version under test: PEERAGE_TEST_COMETBFT, else v0.38.26."""
    return _version


@pytest.fixture
def go_peer(go_version: str) -> Iterator[StartGoPeer]:
    """Starts peers with the options given (PeerOptions, version); all are gone when the test ends."""
    with contextlib.ExitStack() as stack, _skip_without_go():

        def start(**options: object) -> GoPeer:
            options.setdefault("version", go_version)
            return stack.enter_context(GoPeer(**options))  # type: ignore[arg-type]  # checked by the program itself

        build(go_version)
        yield start


@pytest.fixture
def comet_node(go_version: str, tmp_path: Path) -> Iterator[StartCometNode]:
    """Starts real nodes, each in a home of its own below tmp_path; all are gone when the test ends."""
    with contextlib.ExitStack() as stack, _skip_without_go():

        def start(**options: object) -> CometNode:
            home = tmp_path / f"comet{len(list(tmp_path.glob('comet*')))}"
            return stack.enter_context(CometNode(home, version=go_version, **options))  # type: ignore[arg-type]  # same

        build_cometbft(go_version)
        yield start


@contextlib.contextmanager
def _skip_without_go() -> Iterator[None]:
    """A missing `go` is a failure with CI=true, else a skip."""
    try:
        yield
    except GoMissingError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
