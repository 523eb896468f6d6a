"""Docstrings become Markdown without losing a word."""

from __future__ import annotations

import inspect
import re
import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from tests.docs.test_site import PUBLIC


@pytest.fixture(name="for_site")
def _for_site(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The module's function; griffe is only there where the site is built."""
    monkeypatch.setitem(sys.modules, "griffe", SimpleNamespace(Extension=object))
    found: Callable[[str], str] = import_module("tests.docs.docstrings").for_site
    return found


def test_a_section_on_its_own_line_goes_on_below(for_site: Callable[[str], str]) -> None:
    """What follows belongs to it, and another section is another paragraph."""
    assert for_site("Dial.\n\nRaises: AError (why),\n    BError.\nSource: here.") == (
        "Dial.\n\n\n**Raises:** AError (why),\nBError.\n\n\n**Source:** here."
    )


def test_a_section_with_a_line_for_each_is_a_list(for_site: Callable[[str], str]) -> None:
    """With what continues a line, and several names at once."""
    assert for_site("X.\n\nArgs:\n    a: one,\n        and more.\n    b, c: two.") == (
        "X.\n\n\n**Args:**\n\n- `a`: one,\n  and more.\n- `b, c`: two."
    )


def test_what_is_no_section_stays(for_site: Callable[[str], str]) -> None:
    """A picture, and a sentence with a colon."""
    text = "X.\n\nNone: all of them.\n\n    a ──▶ b\n\nEnd."
    assert for_site(text) == text


@pytest.mark.parametrize("package", PUBLIC)
def test_not_a_word_is_lost(package: str, for_site: Callable[[str], str]) -> None:
    """Of any public class and its methods."""
    module = import_module(package)
    for name in module.__all__:
        for text in docstrings_of(getattr(module, name)):
            assert words(for_site(text)) == words(text), name


def docstrings_of(value: Any) -> list[str]:
    """Of a class and what it defines, or of a function."""
    found = [value, *vars(value).values()] if isinstance(value, type) else [value] if callable(value) else []
    return [text for each in found if (text := inspect.getdoc(each))]


def words(text: str) -> Counter[str]:
    """Each with how often it is there."""
    return Counter(re.findall(r"\w+", text))
