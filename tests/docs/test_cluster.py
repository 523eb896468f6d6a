"""docs/howto/cluster.md. Its programs are run where Ray is: tests/actors/runtime/cluster/test_page.py."""

from __future__ import annotations

import ast

from tests.docs.pages import claim

PROGRAM = claim("docs/howto/cluster.md", "class Scribe")
SHARED_BOOK = claim("docs/howto/cluster.md", "def seed")


def test_the_program_is_python_and_stops_what_it_starts() -> None:
    """A reader's machine has no cluster left when it has ended."""
    tree = ast.parse(PROGRAM.text)
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert {"Cluster", "cluster.shutdown", "ray.init", "ray.shutdown", "supervisor.stop"} <= called


def test_the_program_of_two_nodes_is_python_and_stops_what_it_starts() -> None:
    """As the other one."""
    tree = ast.parse(SHARED_BOOK.text)
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert {"Cluster", "cluster.shutdown"} <= called
