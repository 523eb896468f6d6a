"""Fixtures of all folders: every module of tests ends without an actor system; live nodes come from tests/nodes.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peerage.actors.runtime import System
from tests.nodes import node_log, node_system, start_node, system_log_file, system_log_level

__all__ = [
    "actor_system_ends_with_its_module",
    "node_log",
    "node_system",
    "start_node",
    "system_log_file",
    "system_log_level",
]


@pytest.fixture(scope="module", autouse=True)
def actor_system_ends_with_its_module() -> Iterator[None]:
    """Starting an actor makes a system where there is none: it must not live on into other modules."""
    yield
    if System.is_running():
        System.current().shutdown()
