"""docs/howto/cluster.md. Its program is run where Ray is: tests/actors/runtime/cluster/test_page.py."""

from __future__ import annotations

import ast

from tests.docs.pages import claim

PROGRAM = claim("docs/howto/cluster.md", "class Scribe")


def test_the_program_is_python_and_stops_what_it_starts() -> None:
    """A reader's machine has no cluster left when it has ended."""
    tree = ast.parse(PROGRAM.text)
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert {"Cluster", "cluster.shutdown", "ray.init", "ray.shutdown", "supervisor.stop"} <= called
