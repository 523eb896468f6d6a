"""The programs on the pages of the API print what the pages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks_of, claim, run_program

WIRE = claim("docs/api/wire.md", "SecretConnection(anna")
DISCOVERY = claim("docs/api/discovery.md", "open_book(")
DRAWN = "it would dial "  # an address by chance


@pytest.mark.parametrize("block", [WIRE, DISCOVERY], ids=["wire", "discovery"])
def test_a_program_of_the_page_prints_what_the_page_says(block: Block, tmp_path: Path) -> None:
    """All but what it draws."""
    (shown,) = [each.text for each in blocks_of(block.page) if each.language == "text"]
    printed = run_program(tmp_path, "program.py", block)
    assert fixed(printed) == fixed(shown)


def fixed(text: str) -> list[str]:
    """Lines, without what was drawn."""
    return [DRAWN if line.startswith(DRAWN) else line for line in text.splitlines()]
