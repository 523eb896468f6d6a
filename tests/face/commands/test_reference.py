"""docs/reference/commands.md."""

from pathlib import Path

from peerage.commands.reference import render_commands
from tests.face.commands.test_cli import LEAVES

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"


def test_the_page_is_what_the_commands_say() -> None:
    """It is up to date: `python -m peerage.commands.reference > docs/reference/commands.md`."""
    assert PAGE.read_text() == render_commands()


def test_every_command_is_there_without_the_flags_of_settings() -> None:
    page = render_commands()
    for words in LEAVES:
        assert f"## `peerage {' '.join(words)}`\n" in page
    assert "--p2p.send" not in page
    assert page.count("and a flag for each setting") == 4  # start, seed, config check and show
    assert page.count("  and a flag for each setting\n\n  Example: ") == 4, "it parts an example of two lines"
