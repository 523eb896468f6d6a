"""`python -m peerage`: the current directory is not trusted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from peerage.__main__ import leave_current_directory


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """An interpreter's path, as `python -m` sets it up."""
    monkeypatch.chdir(tmp_path)
    path = [str(tmp_path), "/elsewhere"]
    monkeypatch.setattr(sys, "path", path)
    return path


def test_the_current_directory_goes_off_the_path(path: list[str]) -> None:
    """Somebody may have a typing.py there."""
    leave_current_directory()
    assert path == ["/elsewhere"]


def test_only_as_first_entry(path: list[str]) -> None:
    """If it is further down the path, the operator has put it there."""
    path.reverse()
    leave_current_directory()
    assert len(path) == 2


def test_a_deleted_directory_is_not_on_the_path(path: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", gone)
    leave_current_directory()
    assert len(path) == 2
