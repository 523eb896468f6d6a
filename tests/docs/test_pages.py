"""What holds for all pages: each block is run by a test, each link leads somewhere, each page is linked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.chaos import test_chaos
from tests.docs import (
    test_api_pages,
    test_blocks,
    test_cluster,
    test_embed,
    test_howtos,
    test_many_chains,
    test_move,
    test_node_types,
    test_reactor_page,
    test_readme,
    test_reference,
    test_release,
    test_steer,
    test_tutorial,
    test_watch,
)
from tests.docs.pages import CHECKOUT, RUN_LANGUAGES, RUN_PAGES, blocks_of, claimed
from tests.fuzz import test_sanitized, test_targets
from tests.house import ROOMS
from tests.soak import test_soak

TESTS = (
    test_api_pages,
    test_blocks,
    test_chaos,
    test_cluster,
    test_embed,
    test_howtos,
    test_many_chains,
    test_move,
    test_node_types,
    test_reactor_page,
    test_readme,
    test_reference,
    test_release,
    test_sanitized,
    test_soak,
    test_steer,
    test_targets,
    test_tutorial,
    test_watch,
)  # they claim the blocks that they run
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *sorted(CHECKOUT.glob("docs/**/*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def links_of(page: Path) -> list[Path]:
    """The files that a page links to."""
    return [(page.parent / target).resolve() for target in LINK.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", RUN_PAGES)
def test_every_block_is_run_by_a_test(page: str) -> None:
    """Or is marked as text, which nobody runs."""
    blocks = blocks_of(page)
    assert {block.language for block in blocks} <= {*RUN_LANGUAGES, "text"}
    assert [block for block in blocks if block.language in RUN_LANGUAGES and block not in claimed()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Within the checkout."""
    assert [target for target in links_of(page) if not target.exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    """Over links alone; a link to a folder leads to all that is in it."""
    reached: set[Path] = set()
    ahead = [CHECKOUT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        ahead += page.glob("*.md") if page.is_dir() else links_of(page) if page.suffix == ".md" else []
    assert [page for page in PAGES if page not in reached] == []


NOW = [page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "decisions"]
OF_A_ROOM = re.compile(rf"`((?:{'|'.join((*ROOMS, 'tests'))})/[a-z_/]*(?:\.py)?)`")
MODULE = re.compile(r"`([a-z_/]+\.py)`")
FILES = [f"/{file.relative_to(CHECKOUT)}" for room in ROOMS for file in (CHECKOUT / room).rglob("*.py")]


@pytest.mark.parametrize("page", NOW, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    """A page that describes the code moves with it."""
    named = set(OF_A_ROOM.findall(page.read_text(encoding="utf-8")))
    assert sorted(name for name in named if not (CHECKOUT / name).exists()) == []


def test_every_module_on_the_page_of_the_architecture_is_there() -> None:
    """The end of a path is enough where the text says the rest."""
    named = set(MODULE.findall((CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")))
    lost = [
        name
        for name in named
        if not (CHECKOUT / name).exists() and not any(file.endswith(f"/{name}") for file in FILES)
    ]
    assert sorted(lost) == []
