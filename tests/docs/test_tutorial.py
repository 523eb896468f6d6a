"""docs/tutorial.md: its chat works, and survives what the page tells the reader to kill."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.pages import claim, reader, run
from tests.docs.test_readme import TRY_IT
from tests.interop.cometnode import free_port
from tests.interop.gobuild import DEFAULT_VERSION, build_cometbft
from tests.nodes import wait_until

PAGE = "docs/tutorial.md"
INSTALL = claim(PAGE, "peerage version")
DEMO = claim(PAGE, "peerage demo --for")
PROJECT = claim(PAGE, "peerage new-reactor pulse")
GO = claim(PAGE, "go install github.com")  # `python -m tests.docs.stranger` runs it: it takes minutes
CHAIN = claim(PAGE, "cometbft init")
PAY = claim(PAGE, "class Mempool(Reactor)")
PAYMENT = claim(PAGE, 'python pay.py "$NETWORK"')
SEEN = claim(PAGE, "abci_query")
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


def has_block(status: str) -> bool:
    """Whether a chain has begun. Args: status, what its RPC answers; empty, if it does not yet."""
    return bool(status) and json.loads(status)["result"]["sync_info"]["latest_block_height"] != "0"


def own_environment(folder: Path) -> dict[str, str]:
    """A virtual environment in a folder, which has all that this one has: a reader installs into his own."""
    venv.create(folder, with_pip=True)
    (site,) = folder.glob("lib/*/site-packages")
    (site / "all.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return {
        "PATH": f"{folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    }


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_project_of_the_tutorial_passes_its_tests(tmp_path: Path) -> None:
    """Step 2, and the demo before it, which is cut short here."""
    shown = run(tmp_path, DEMO.text.replace("10s", "3s"))
    assert "messages" in shown
    shown = run(tmp_path, PROJECT.text, 150.0, own_environment(tmp_path / ".venv"))
    assert re.search(r"\d+ passed", shown)


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.timeout(180)
def test_messages_are_exchanged_with_a_cometbft_node_as_the_tutorial_does(tmp_path: Path) -> None:
    """Step 3: the transaction goes from a reactor of ours to CometBFT, from there to a watcher, and into a block."""
    assert f"@{DEFAULT_VERSION}\n" in GO.text
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/cometbft").symlink_to(build_cometbft(DEFAULT_VERSION))
    ports = {"26656": str(free_port()), "26657": str(free_port())}

    def here(text: str) -> str:
        return re.sub("2665[67]", lambda found: ports[found[0]], text)

    (tmp_path / "pay.py").write_text(PAY.text)
    chain = here(CHAIN.text).replace("cometbft start", "exec cometbft start")
    node = subprocess.Popen(
        ["bash", "-ec", chain], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, **reader(tmp_path)
    )
    try:
        status = f"curl -sf http://127.0.0.1:{ports['26657']}/status"
        wait_until(lambda: has_block(run(tmp_path, f"{status} || true")), 60.0, "a first block")
        shown = run(tmp_path, here(PAYMENT.text).replace("30s", "15s"))
        assert re.search(rf"^sent to \S+ {DEFAULT_VERSION.removeprefix('v')}$", shown, re.MULTILINE)
        transaction, answer = run(tmp_path, here(SEEN.text)).split("\n", 1)
        assert json.loads(transaction)["hash"] == hashlib.sha256(b"colour=green").hexdigest().upper()
        assert base64.b64decode(json.loads(answer)["result"]["response"]["value"]) == b"green"
    finally:
        node.kill()
        node.wait()


@pytest.mark.timeout(60)
def test_chat_of_the_tutorial_works_and_survives_what_the_page_kills(tmp_path: Path) -> None:
    """Steps 4 and 5: lines arrive; the page's command kills bert's peer host and nothing else, and anna is dialled again."""
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
