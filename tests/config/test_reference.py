from pathlib import Path

from peerage.config.reference import render_reference
from peerage.config.sections import SETTINGS

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "config.md"


def test_the_page_is_what_the_declarations_say() -> None:
    """docs/reference/config.md is up to date: `python -m peerage.config.reference >
    docs/reference/config.md`.
    """
    assert PAGE.read_text() == render_reference()


def test_every_setting_is_documented() -> None:
    """Each has its heading, its flag and its variables."""
    page = render_reference()
    for setting in SETTINGS:
        for part in (f"### `{setting.name}`", f"`{setting.flag}`", *setting.variables):
            assert part in page
