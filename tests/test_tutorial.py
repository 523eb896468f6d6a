"""docs/tutorial.md: its chat works, and survives what the page tells the reader to kill."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

TUTORIAL = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text()


def chat_source() -> str:
    """The program of step 2."""
    (source,) = re.findall(r"^```python\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL)
    return str(source)


@contextmanager
def chatting(folder: Path, name: str, *friends: str) -> Iterator[subprocess.Popen[str]]:
    """One of the two; ends as with Ctrl-D."""
    process = subprocess.Popen(
        [sys.executable, "chat.py", name, *friends],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
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


@pytest.mark.timeout(60)
def test_chat_of_the_tutorial_works_and_survives_its_peer_host(tmp_path: Path) -> None:
    """Steps 3 and 4: lines arrive; a killed peer host is replaced and its peer dialled again."""
    (tmp_path / "chat.py").write_text(chat_source())
    with chatting(tmp_path, "anna") as anna:
        address = line_of(anna).removeprefix("dial ")
        with chatting(tmp_path, "bert", address) as bert:
            assert line_of(bert).startswith("dial ")
            assert line_of(bert) == "anna is here"
            assert line_of(anna) == "bert is here"
            say(anna, "hello")
            assert line_of(bert) == "anna: hello"
            (host,) = hosts_with_a_connection(bert)
            host.kill()
            assert line_of(bert) == "anna left"
            assert line_of(bert) == "anna is here"
            assert [line_of(anna), line_of(anna)] == ["bert left", "bert is here"]
            say(bert, "still here")
            assert line_of(anna) == "bert: still here"


def hosts_with_a_connection(embedder: subprocess.Popen[str]) -> list[psutil.Process]:
    """The peer hosts of a node that hold a TCP connection."""
    hosts = psutil.Process(embedder.pid).children(recursive=True)
    return [
        host
        for host in hosts
        if "peers-" in " ".join(host.cmdline())
        and any(each.status == psutil.CONN_ESTABLISHED for each in host.net_connections("tcp"))
    ]
