"""What a chain's page asks goes to its node, and the answer back as it comes; with a node of a few lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.http.protocol import STOPPING, STREAM
from peerage.supervisors.chains import node_relay
from peerage.supervisors.chains.node_relay import NodeRelay, NodeSilentError, ask_node
from tests.actors.http.asgi_exchange import scope

Answering = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes, kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


async def serve(path: Path, answering: Answering, met: Callable[[], object] = lambda: None) -> asyncio.Server:
    """A node: reads the head of a request, and does what it is told. Args: met, called for each who connects."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met()
        try:
            await answering(await reader.readuntil(b"\r\n\r\n"), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return await asyncio.start_unix_server(talk, path)


class Page:
    """Who asks the relay. Attribute: sent, what it was answered."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self.heard = asyncio.Event()

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.heard.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    async def ask(self, path: Path, target: str = "/peers?limit=1", **headers: str) -> dict[str, Any]:
        """Returns: the state of the scope."""
        asked = {**scope("GET", target, headers), "state": {STOPPING: asyncio.Event()}}
        await NodeRelay(path, lambda: "waiting")(asked, self.receive, self.send)
        state: dict[str, Any] = asked["state"]
        return state


def test_an_answer_is_passed_back(tmp_path: Path) -> None:
    """With the headers that concern a browser, and no others, in both directions."""
    heads: list[bytes] = []

    async def node(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(b'{"result":1}', more="Set-Cookie: a=b\r\nCache-Control: no-store\r\n"))

    async def main() -> None:
        async with await serve(tmp_path / "s", node):
            page = Page()
            state = await page.ask(tmp_path / "s", cookie="c=d", accept="application/json")
        assert page.body == b'{"result":1}'
        names = {name for name, _value in page.sent[0]["headers"]}
        assert names == {b"content-type", b"content-length", b"cache-control"}
        assert STREAM not in state

    asyncio.run(main())
    assert heads[0].startswith(b"GET /peers?limit=1 HTTP/1.1\r\nHost: localhost\r\n")
    assert b"accept: application/json" in heads[0].lower()
    assert b"cookie" not in heads[0].lower()


def test_a_stream_is_passed_on_as_it_comes_and_ends_with_its_page(tmp_path: Path) -> None:
    """It may take any time; the node hears that nobody listens any more, and where the page was."""

    async def main() -> None:
        ended = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            assert b"last-event-id: e-7" in head.lower()
            assert await reader.read() == b""
            ended.set()
            writer.close()

        async with await asyncio.start_unix_server(talk, tmp_path / "s"):
            page = Page()
            asking = asyncio.create_task(page.ask(tmp_path / "s", "/events", **{"Last-Event-ID": "e-7"}))
            while b"data: 1" not in page.body:
                await page.heard.wait()
                page.heard.clear()
            page.left.set()
            state = await asking
            await ended.wait()
        assert state[STREAM] is True

    asyncio.run(main())


@pytest.mark.parametrize("is_there", [False, True], ids=["nobody", "hangs up"])
def test_a_node_that_is_not_there_is_said_to_the_page(tmp_path: Path, is_there: bool) -> None:
    """As an error of RPC, with the state of the chain."""

    async def node(_head: bytes, _writer: asyncio.StreamWriter) -> None:
        pass

    async def main() -> None:
        server = await serve(tmp_path / ("s" if is_there else "other"), node)
        async with server:
            page = Page()
            await page.ask(tmp_path / "s")
        assert page.sent[0]["status"] == 502
        assert json.loads(page.body)["error"]["data"].startswith("the chain is waiting: ")

    asyncio.run(main())


def test_a_node_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for its page, or for all."""
    monkeypatch.setattr(node_relay, "ANSWER_S", 0.05)

    async def main() -> None:
        over, met = asyncio.Event(), asyncio.Semaphore(0)

        async def node(_head: bytes, _writer: asyncio.StreamWriter) -> None:
            await over.wait()

        async with await serve(tmp_path / "s", node, met.release):
            page = Page()
            await page.ask(tmp_path / "s")
            assert b"does not answer" in page.body
            with pytest.raises(NodeSilentError, match="does not answer"):
                await ask_node(tmp_path / "s", "/overview")
            for _ in range(
                2
            ):  # a server that ends in the moment of an accept waits for good, with Python 3.13.0
                await met.acquire()
            over.set()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"message":"no"}}', "with an error"),
        (b"no JSON", "does not answer"),
        (b"[]", "with an error"),
        (b'{"result":"' + b"x" * node_relay.MOST_RESULT + b'"}', "with more than 1048576 bytes"),
    ],
    ids=["error", "no JSON", "list", "too long"],
)
def test_a_result_is_read_within_bounds(tmp_path: Path, body: bytes, expected: str) -> None:
    """Whatever a node answers."""

    async def node(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(body))
        await writer.drain()

    async def main() -> None:
        async with await serve(tmp_path / "s", node):
            with pytest.raises(NodeSilentError, match=expected):
                await ask_node(tmp_path / "s", "/overview")

    asyncio.run(main())
