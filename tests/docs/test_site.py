"""The site of the documentation: every page is in its table of contents, every public name on a page of the reference.

That it can be built is a check of its own: `zensical build --strict`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.docs.pages import CHECKOUT

DOCS = CHECKOUT / "docs"
PROJECT = tomllib.loads((CHECKOUT / "zensical.toml").read_text("utf-8"))["project"]
DECISIONS = DOCS / "decisions"
PUBLIC = (
    "peerage",
    "peerage.actors.discovery",
    "peerage.actors.runtime",
    "peerage.blocks",
    "peerage.config",
    "peerage.events",
    "peerage.messages",
    "peerage.supervisors",
    "peerage.testing",
    "peerage.watching",
    "peerage.wire.errors",
)


def pages_in(entries: Any) -> Iterator[str]:
    """The pages of a part of the table of contents."""
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, dict):
        for entry in entries.values():
            yield from pages_in(entry)
    else:
        for entry in entries:
            yield from pages_in(entry)


def test_the_table_of_contents_has_every_page_once() -> None:
    """Decisions are listed on a page of their own."""
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    listed = sorted(pages_in(PROJECT["nav"]))
    assert listed == sorted(
        page for page in pages if not page.startswith("decisions/0") and not page.startswith("deploy/")
    )


def test_every_decision_is_listed() -> None:
    """By its number, in order."""
    links = re.findall(r"\[(\d+)\]\((\d+)-[^)]*\.md\)", (DECISIONS / "index.md").read_text("utf-8"))
    numbers = [path.name[:4] for path in sorted(DECISIONS.glob("0*.md"))]
    assert links == [(number, number) for number in numbers]


def is_ours(module: ModuleType, name: str) -> bool:
    """Not a name that we only pass on, nor a module."""
    value = getattr(module, name)
    return not isinstance(value, ModuleType) and getattr(value, "__module__", "peerage").startswith("peerage")


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_is_in_the_reference(package: str) -> None:
    """And no other one: a page with a name that is not there cannot be built."""
    module = import_module(package)
    text = "\n".join(path.read_text("utf-8") for path in Path(DOCS / "api").glob("*.md"))
    described = re.findall(rf"^::: {re.escape(package)}\.(\w+)$", text, re.MULTILINE)
    names = [name for name in module.__all__ if is_ours(module, name)]
    assert sorted(described) == sorted(names)
