"""docs/howto/under-attack.md: what an operator searches the log for is what the code says."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.docs.pages import CHECKOUT
from tests.house import ROOMS

PAGE = CHECKOUT / "docs" / "howto" / "under-attack.md"
ROW = re.compile(r"^\| `([^`]+)`", re.MULTILINE)
SAID = ROW.findall(PAGE.read_text(encoding="utf-8"))


@cache
def source() -> str:
    """All code of ours, with texts that are written in two pieces in one."""
    code = "\n".join(
        path.read_text(encoding="utf-8") for room in ROOMS for path in sorted((CHECKOUT / room).rglob("*.py"))
    )
    return re.sub(r'"\s*\n\s*f?"', "", code)


@pytest.mark.parametrize("words", SAID)
def test_the_code_says_what_the_page_has_people_search_for(words: str) -> None:
    assert words in source()


def test_the_page_has_all_three_tables() -> None:
    assert len(SAID) > 20
