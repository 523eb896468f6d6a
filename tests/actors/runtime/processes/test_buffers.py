"""What is written appears once, whoever forks afterwards, and is not lost with a process that leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

PROGRAM = """
from peerage.actors.runtime import System
with System(preload=("tests.actors.runtime.chatty",)):
    from tests.actors.runtime.chatty import Chatty
    refs = [Chatty.start() for _ in range(3)]
    assert len({ref.ask(number) for number, ref in enumerate(refs)}) == 3
"""
WAYS = ("printed", "warned", "by", "written", "logged")


@pytest.mark.parametrize("output", ["pipe", "file"])
def test_what_an_import_writes_appears_once(tmp_path: Path, output: str) -> None:
    """Not again for each process that is forked where it was imported; what actors leave in buffers is written."""
    written, target = tmp_path / "written", tmp_path / "output"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    environment["CHATTY_FILE"] = str(written)
    with target.open("wb") as file:
        sink = subprocess.PIPE if output == "pipe" else file
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=environment,
            timeout=50,
            check=False,
        )
    text = (done.stdout.decode() if output == "pipe" else target.read_text()) + written.read_text()
    assert done.returncode == 0, text
    lines = Counter(text.splitlines())
    assert {line: number for line, number in lines.items() if number > 1} == {}
    by_import = [line.split()[0] for line in lines if " in " in line]
    assert Counter(by_import) == dict.fromkeys(WAYS, 2)  # by the program and by the fork server
    for number in range(3):
        assert {f"heard {number}", f"also heard {number}"} <= set(lines)
