"""`peerage`: what an embedding program imports."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import peerage
from peerage import Node

ROOT = Path(__file__).parent.parent.parent
RAISES = re.compile(r"\b([A-Z]\w+(?:Error|Timeout)|Timeout)\b")
BUILT_IN = {"ValueError", "KeyError", "TypeError", "EOFError", "RuntimeError", "CancelledError"}


def test_what_type_checkers_see_is_what_is_imported() -> None:
    """Every name is there, each once, and stands in all three lists."""
    tree = ast.parse(Path(inspect.getfile(peerage)).read_text())
    seen = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(set(seen) - {"import_module"}) == sorted(peerage.__all__)
    for name in peerage.__all__:
        assert getattr(peerage, name).__name__ == name
    assert dir(peerage) == sorted(peerage.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        peerage.nothing  # noqa: B018


def test_whatever_a_call_of_a_node_says_it_raises_can_be_imported_from_here() -> None:
    """Whoever catches it need not know our rooms."""
    texts = {
        name: inspect.getdoc(getattr(Node, name)) or "" for name in dir(Node) if not name.startswith("_")
    }
    texts["Node"] = inspect.getdoc(Node) or ""
    named = {error for text in texts.values() for error in RAISES.findall(text.partition("Raises")[2])}
    assert {"DialError", "AddressError", "BanSubjectError", "Timeout"} <= named
    assert named - BUILT_IN <= set(peerage.__all__)
