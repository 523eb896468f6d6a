"""Fixtures for pytest, there wherever peerage is installed: nodes, reactors and clocks that end with the test.

Nothing of peerage is imported before a test asks for one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from peerage import Node
    from peerage.actors.runtime import System
    from peerage.testing import FakeClock, ReactorHarness

__all__ = ["peerage_clock", "peerage_harness", "peerage_node", "peerage_nodes", "peerage_system"]


@pytest.fixture(scope="module")
def peerage_system() -> Iterator[System]:
    """The actor system of the module's tests. Every actor and process of it is gone when the module is done."""
    from peerage.actors.runtime import System

    yield System.current()
    System.current().shutdown()


@pytest.fixture
def peerage_nodes(peerage_system: System) -> Iterator[Callable[..., list[Node]]]:
    """`peerage_nodes(3, {"CHAT": Chat}, p2p={…})` starts nodes that are connected to each other.

    It takes what `peerage.testing.connected_nodes` takes. The nodes are stopped when the test ends.
    """
    del peerage_system
    from peerage.testing import connected_nodes

    with ExitStack() as stack:

        def start(*args: Any, **settings: Any) -> list[Node]:
            return stack.enter_context(connected_nodes(*args, **settings))

        yield start


@pytest.fixture
def peerage_node(peerage_nodes: Callable[..., list[Node]]) -> Callable[..., Node]:
    """`peerage_node({"CHAT": Chat}, p2p={…})` starts one node, which is stopped when the test ends."""

    def start(reactors: Any = (), **settings: Any) -> Node:
        (node,) = peerage_nodes(1, [reactors or {}], **settings)
        return node

    return start


@pytest.fixture
def peerage_harness(peerage_system: System) -> Iterator[Callable[..., ReactorHarness[Any]]]:
    """`peerage_harness(Chat)` starts a reactor alone, with peers of the test's: `peerage.testing.ReactorHarness`."""
    del peerage_system
    from peerage.testing import ReactorHarness

    with ExitStack() as stack:

        def start(*args: Any, **settings: Any) -> ReactorHarness[Any]:
            return stack.enter_context(ReactorHarness(*args, **settings))

        yield start


@pytest.fixture
def peerage_clock() -> FakeClock:
    """A clock that the test sets: see `peerage.testing.FakeClock`."""
    from peerage.testing import FakeClock

    return FakeClock()
