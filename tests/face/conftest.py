"""What the tests of the command line share."""

import os

import pytest

from tests.interop.conftest import go_peer, go_version, pytest_runtestloop

__all__ = ["go_peer", "go_version", "pytest_runtestloop"]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests has no effect."""
    for variable in os.environ:
        if variable.startswith(("PEERAGE_", "CMT_")):
            monkeypatch.delenv(variable)
