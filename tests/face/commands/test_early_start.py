"""What `peerage start` does first."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from peerage.actors.runtime.processes import prelaunch, shared_pages
from peerage.commands import early_start
from peerage.commands.early_start import SHARED, start_fork_server
from peerage.supervisors.node.parts import PRELOAD


def test_the_server_is_forked_once_everything_shared_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before: it would import the same again."""
    began: list[Any] = []
    imported: list[str] = []

    def note(name: str) -> None:
        assert not began
        imported.append(name)

    monkeypatch.setattr(early_start, "import_module", note)
    # What pytest has, others may want collected.
    monkeypatch.setattr(shared_pages, "keep_shared", lambda: None)
    monkeypatch.setattr(prelaunch, "start", lambda preload, *, fork: began.append((preload, fork)))
    start_fork_server()
    assert tuple(imported) == SHARED
    assert began == [(PRELOAD, True)]


def test_what_is_shared_holds_no_slow_package() -> None:
    """Each would be paid for before the first host starts."""
    code = """
import sys
from peerage.commands.early_start import SHARED, import_module
import peerage.config.structlog_alone
for module in SHARED:
    import_module(module)
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    slow = {
        "rich",
        "click",
        "starlette",
        "uvicorn",
        "prometheus_client",
        "cryptography",
        "importlib.metadata",
        "sqlite3",
    }
    assert not slow & set(done.stdout.split())
