"""docs/howto/embed.md: its programs are run as a reader would."""

from __future__ import annotations

import json
import shlex
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

import peerage
from tests.docs.pages import CHECKOUT, claim, run_program
from tests.embedding.program import LISTENS, running
from tests.nodes import HIGH, LOW, StartNode, wait_until

PAGE = "docs/howto/embed.md"
ALONE = claim(PAGE, "node.run()")
IN_ASYNCIO = claim(PAGE, "asyncio.run(main())")
RELAY = claim(PAGE, "class Signed(Relay)")
WEB = claim(PAGE, "FastAPI(lifespan=lifespan)")
UVICORN = claim(PAGE, "uvicorn web:app")
STARTED = r"node started.* address=(\S+)"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_program_that_is_a_node_calls_back_and_ends_with_ctrl_c(
    tmp_path: Path, start_node: StartNode
) -> None:
    """Its exit code is 0, and it has told who came and went."""
    (tmp_path / "program.py").write_text(ALONE.text)
    other = start_node()
    with running(tmp_path, sys.executable, "program.py") as program:
        peer = other.dial(program.wait_for(STARTED))
        assert program.wait_for("here: (.*)") == other.node_id
        peer.stop()
        assert program.wait_for("gone: (.*)") == f"{other.node_id} closed by remote"
        assert program.end(2) == 0
        assert "Traceback" not in program.output


def test_a_program_in_asyncio_gets_its_message(tmp_path: Path) -> None:
    """From one node to the other."""
    assert "True b'hello'\n" in run_program(tmp_path, "program.py", IN_ASYNCIO)


def test_the_relay_of_the_page_passes_on_what_it_says(
    tmp_path: Path, start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else."""
    (tmp_path / "signed_of_the_page.py").write_text(RELAY.text)
    monkeypatch.syspath_prepend(str(tmp_path))
    import signed_of_the_page  # type: ignore[import-not-found]

    node, other = start_node({"SIGNED": signed_of_the_page.Signed}), start_node()
    messages = node.messages(LOW)
    peer = other.dial(node.address)
    assert peer.send(LOW, b"not signed")
    assert peer.send(LOW, b"signed: yes")
    assert messages.get(20.0).message == b"signed: yes"


def test_the_web_service_of_the_page_streams_events_and_messages(
    tmp_path: Path, start_node: StartNode
) -> None:
    """As `uvicorn web:app` runs it. A client that hangs up is no trouble."""
    (tmp_path / "web.py").write_text(WEB.text)
    other = start_node()
    ((*command, _port),) = UVICORN.commands
    with running(tmp_path, *command, "0") as program:
        port = program.wait_for(LISTENS.pattern)

        def ask(path: str, method: str = "GET") -> Any:
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)

        with connect(f"ws://127.0.0.1:{port}/messages") as gone:
            gone.close()
        with (
            connect(f"ws://127.0.0.1:{port}/messages") as messages,
            connect(f"ws://127.0.0.1:{port}/events") as events,
        ):
            refused = ask(f"/peers/{'00' * 20}@127.0.0.1:1", "POST")
            assert "unreachable" in refused["refused"]
            assert ask(f"/peers/{other.address}", "POST") == {"id": other.node_id}
            assert [each["id"] for each in ask("/peers")] == [other.node_id]
            assert ask("/node")["address"] in program.output
            kinds = [json.loads(events.recv(timeout=30))["kind"] for _ in range(4)]
            assert kinds == ["dialled", "refused", "dialled", "connected"]
            wait_until(other.peers)
            other.peers()[0].send(HIGH, b"hello")
            told = json.loads(messages.recv(timeout=30))
            assert told == {"from": other.node_id, "text": "hello"}
        assert program.end() in {0, -15}
        assert "Traceback" not in program.output


def test_the_page_names_what_there_is() -> None:
    """Its errors can be imported from where it says."""
    text = (CHECKOUT / PAGE).read_text(encoding="utf-8").partition("## Errors")[2]
    named = {word for word in shlex.split(text.replace(",", " ").replace("`", " ")) if word.endswith("Error")}
    assert len(named) >= 10
    assert named <= set(peerage.__all__)
