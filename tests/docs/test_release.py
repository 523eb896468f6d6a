"""docs/howto/release.md and CONTRIBUTING.md: their commands are those that the checks run."""

from __future__ import annotations

import pytest

from tests.docs.pages import CHECKOUT, Block, blocks_of, claim

PAGE = "docs/howto/release.md"
BUILD = claim(PAGE, "python -m build")
BILL = claim(PAGE, "cyclonedx-py")
CHECKS = (CHECKOUT / ".ci/run").read_text("utf-8")


@pytest.mark.parametrize("block", [BUILD, BILL], ids=["build", "bill of materials"])
def test_the_checks_make_a_release_as_the_page_says(block: Block) -> None:
    """Each line is one of theirs; only pip is told to be quiet."""
    quiet = CHECKS.replace(" --quiet --disable-pip-version-check", "").splitlines()
    assert [line for line in block.text.splitlines() if line.replace(" --quiet", "") not in quiet] == []


def test_who_contributes_runs_the_tests_as_the_checks_do() -> None:
    """With an editable install, which the checks have not."""
    (setup,) = blocks_of("CONTRIBUTING.md")
    assert setup.text.splitlines()[-1] in CHECKS.splitlines()
