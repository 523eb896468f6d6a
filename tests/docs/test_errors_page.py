"""The reference of errors is what the docstrings say, and has every error that a package exports."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from peerage.actors.runtime import ActorStartError, HostAliveError
from peerage.supervisors import ChildError, SupervisorError, UnknownChildError
from tests.docs.errors_page import PACKAGES, errors_of, page, tree
from tests.docs.pages import CHECKOUT
from tests.docs.test_site import PUBLIC

PAGE = CHECKOUT / "docs/reference/errors.md"


def test_the_page_is_as_it_would_be_written_now() -> None:
    """Write it anew with `python -m tests.docs.errors_page > docs/reference/errors.md`."""
    assert Path(PAGE).read_text("utf-8") == page()


@pytest.mark.parametrize("package", sorted({*PACKAGES, *PUBLIC}))
def test_every_exported_error_is_on_it_and_says_what_it_means(package: str) -> None:
    """Whichever package it is imported from."""
    text = PAGE.read_text("utf-8")
    for name, error in errors_of(package).items():
        assert f"`{name}`" in text
        assert error.__doc__, name


def test_an_error_stands_below_the_one_that_catches_it() -> None:
    """As deep as it derives."""
    rows = tree([SupervisorError, ChildError, UnknownChildError, ActorStartError, HostAliveError])
    assert [row.split("|")[1].strip() for row in rows] == [
        "`ActorStartError` (`ActorDeadError`)",
        "↳ `HostAliveError`",
        "`SupervisorError`",
        "↳ `ChildError`",
        "↳ ↳ `UnknownChildError`",
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_errors_are_found_again_by_their_names(package: str) -> None:
    """As pickle does it, when an error travels to another process."""
    for error in errors_of(package).values():
        assert pickle.loads(pickle.dumps(error)) is error
