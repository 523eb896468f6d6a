"""docs/tutorial.md: its chat works, and survives what the page tells the reader to kill."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.pages import claim, reader, run
from tests.docs.test_readme import TRY_IT

PAGE = "docs/tutorial.md"
INSTALL = claim(PAGE, "pip install")
CHAT = claim(PAGE, "class Chat(Reactor)")
ANNA = claim(PAGE, "python chat.py anna")
BERT = claim(PAGE, "python chat.py bert")
LOOK = claim(PAGE, "ps -ef")
KILL = claim(PAGE, "psutil")


@contextmanager
def chatting(folder: Path, command: str) -> Iterator[subprocess.Popen[str]]:
    """One of the two; ends as with Ctrl-D."""
    options = reader(folder) | {"stdin": subprocess.PIPE}
    process = subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, **options)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process
        process.stdin.close()
        assert process.wait(10.0) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def say(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{text}\n")
    process.stdin.flush()


def test_it_installs_as_the_readme_does() -> None:
    """The README's lines are run by its own test; `peerage version` is all that is new here."""
    assert [command[:3] for command in INSTALL.commands[:-1]] == [c[:3] for c in TRY_IT.commands[:-1]]
    assert INSTALL.commands[-1] == ["peerage", "version"]


@pytest.mark.timeout(60)
def test_chat_of_the_tutorial_works_and_survives_what_the_page_kills(tmp_path: Path) -> None:
    """Steps 3 and 4: lines arrive; the page's command kills bert's peer host and nothing else, and anna is dialled again."""
    (tmp_path / "chat.py").write_text(CHAT.text)
    with chatting(tmp_path, ANNA.text) as anna:
        address = line_of(anna).removeprefix("dial ")
        port = address.rpartition(":")[2]
        with chatting(tmp_path, re.sub(r"\S+@\S+", address, BERT.text)) as bert:
            assert line_of(bert).startswith("dial ")
            assert line_of(bert) == "anna is here"
            assert line_of(anna) == "bert is here"
            say(anna, "hello")
            assert line_of(bert) == "anna: hello"
            assert re.search(r"peerage\[bert\]: peers-\d", run(tmp_path, LOOK.text))
            run(tmp_path, KILL.text.replace("41573", port))
            assert line_of(bert) == "anna left"
            assert line_of(bert) == "anna is here"
            assert [line_of(anna), line_of(anna)] == ["bert left", "bert is here"]
            say(bert, "still here")
            assert line_of(anna) == "bert: still here"
