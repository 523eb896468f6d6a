"""docs/howto/cluster.md, run as a reader would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import run_program
from tests.docs.test_cluster import PROGRAM, SHARED_BOOK


@pytest.mark.timeout(300)
def test_the_program_of_the_page_prints_what_it_says(tmp_path: Path) -> None:
    """A cluster of two nodes; one is killed, and the scribe comes back on another with all that it had acknowledged."""
    printed = run_program(tmp_path, "cluster.py", PROGRAM, timeout=280.0)
    assert "it is at 127.0.0.3, with 10 entries" in printed
    assert "now it is at 127.0.0.4, with 10 entries" in printed


@pytest.mark.timeout(300)
def test_the_program_with_two_nodes_prints_what_it_says(tmp_path: Path) -> None:
    """Both share a book, whenever each of them joins."""
    printed = run_program(tmp_path, "shared_book.py", SHARED_BOOK, timeout=280.0)
    assert "the other one bans 203.0.113.0/24, too: scans us" in printed
