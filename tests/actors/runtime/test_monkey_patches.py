"""Programs that have replaced threads and sockets."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

from peerage.actors.runtime import System
from peerage.actors.runtime.monkey_patches import refusal

PATCHED = """
import sys, types

monkey = types.ModuleType("gevent.monkey")
monkey.is_module_patched = lambda name: True
sys.modules["gevent.monkey"] = monkey
try:
    IMPORT
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "line", ["from peerage.actors.runtime import ProcessActor", "from peerage import Node"]
)
def test_they_are_told_when_they_import_us(line: str) -> None:
    """In one sentence, in place of what fails first because of it."""
    done = subprocess.run(
        [sys.executable, "-c", PATCHED.replace("IMPORT", line)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stdout.startswith("gevent has replaced Python's threads and sockets"), done.stderr


def test_whoever_replaces_them_later_is_told_when_actors_are_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until then nothing of ours needs them."""
    monkey = types.ModuleType("gevent.monkey")
    monkey.__dict__["is_module_patched"] = lambda name: name == "threading"
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
    with pytest.raises(RuntimeError, match="gevent has replaced"):
        System()


def test_gevent_alone_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has it installed, and imported, need not have patched anything."""
    assert refusal() == ""
    monkey = types.ModuleType("gevent.monkey")
    monkey.__dict__["is_module_patched"] = lambda _name: False
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
    assert refusal() == ""
