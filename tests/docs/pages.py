"""The blocks of the documentation's pages, and a terminal to run them in as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

CHECKOUT = Path(__file__).parents[2]
# Every block of these is run by a test.
RUN_PAGES = (
    "README.md",
    "docs/tutorial.md",
    *(
        f"docs/{folder}/{p.name}"
        for folder in ("api", "howto")
        for p in (CHECKOUT / "docs" / folder).glob("*.md")
    ),
)
RUN_LANGUAGES = ("sh", "python")  # blocks of `text` show what comes out, or how something is built
NOTHING: Mapping[str, str] = MappingProxyType({})

_claimed: set[Block] = set()


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its page, relative to the checkout, the line of its fence, its language and its text."""

    page: str
    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[list[str]]:
        """Its commands, in words, without what a comment says."""
        lines = [line.partition("  #")[0] for line in self.text.splitlines()]
        return [part.split() for line in lines for part in line.split("&&") if part.strip()]


def blocks_of(page: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    fenced = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2]) for found in fenced]


def claim(page: str, holds: str) -> Block:
    """The one block of a page that holds this text, for the test that runs it."""
    found = [block for block in blocks_of(page) if holds in block.text]
    assert len(found) == 1, f"{page} has {len(found)} blocks with {holds!r}"
    _claimed.add(found[0])
    return found[0]


def claimed() -> frozenset[Block]:
    """What the tests imported so far run."""
    return frozenset(_claimed)


def reader(folder: Path, environment: Mapping[str, str] = NOTHING) -> dict[str, Any]:
    """How a reader runs something: in a folder of his own, which is also his home, with this Python's commands.

    Returns: options for `subprocess`.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        "cwd": folder,
        "env": os.environ | {"HOME": str(folder), "PATH": path} | dict(environment),
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
        "text": True,
    }


def run(folder: Path, commands: str, timeout: float = 60.0, environment: Mapping[str, str] = NOTHING) -> str:
    """Run shell commands as a reader who stops at the first that fails. Returns: all that they printed.

    Raises: AssertionError when one failed.
    """
    done: subprocess.CompletedProcess[str] = subprocess.run(
        ["bash", "-ec", commands],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        check=False,
        **reader(folder, environment),
    )
    assert done.returncode == 0, f"{commands}\nended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def run_program(folder: Path, name: str, block: Block, timeout: float = 60.0) -> str:
    """Save a Python block as a file of this name and run it. Returns: what it printed."""
    (folder / name).write_text(block.text, encoding="utf-8")
    return run(folder, f"python {name}", timeout)
