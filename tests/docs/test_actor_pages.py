"""The programs of the pages about actors alone print what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import blocks_of, run_program

PAGES = ("deadlines", "streams", "timers", "typing")


@pytest.mark.parametrize("page", PAGES)
def test_the_program_of_the_page_prints_what_stands_below_it(tmp_path: Path, page: str) -> None:
    """As a reader runs it."""
    program, output = (
        block for block in blocks_of(f"docs/topics/{page}.md") if block.language in {"python", "text"}
    )
    assert (program.language, output.language) == ("python", "text")
    assert run_program(tmp_path, f"{page}_page.py", program) == output.text
