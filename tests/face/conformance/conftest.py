"""A model node is quick: what may still follow a case is not waited for as long as with nodes on a network."""

from __future__ import annotations

import pytest

from peerage.conformance import trial


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "BRIEF_S", 0.02)
