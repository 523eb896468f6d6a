"""A browser for the modules that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.actors.rpc.dashboard.browser import Browser, BrowserMissingError


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all tests of a module: it takes seconds to start."""
    try:
        window = Browser(tmp_path_factory.mktemp("browser"))
    except BrowserMissingError as error:
        pytest.fail(str(error), pytrace=False)
    with window:
        yield window
