"""structlog without what it looks for."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from peerage.config.structlog_alone import without


def test_what_is_hidden_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever imports it later."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with without("colorsys"), pytest.raises(ImportError):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys").__name__ == "colorsys"
    with without("colorsys"):  # it is imported already
        assert importlib.import_module("colorsys").__name__ == "colorsys"


def test_structlog_is_there_and_rich_is_not() -> None:
    """It is installed all the same, for whoever asks for it."""
    code = """
import sys
import peerage.config.structlog_alone
print("structlog" in sys.modules, "rich" in sys.modules)
import rich
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["True", "False"]
