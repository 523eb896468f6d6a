"""RPC over HTTP: the same questions to us and to CometBFT v0.38.26 (recorded) have the same answers."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import listen
from peerage.actors.http.server import HttpServer
from peerage.actors.rpc.app import rpc_app
from peerage.actors.rpc.settings import RpcLimits
from peerage.actors.snapshot import NetInfoSnapshot, StatusSnapshot
from peerage.config.listen_address import ListenAddress
from tests.actors.http.asgi_exchange import Answer, exchange, scope
from tests.actors.rpc.rpc_snapshots import RECORDED_NET_INFO, RECORDED_STATUS, NoBans, as_private

RECORDED = json.loads(Path(__file__).with_name("test_app_recorded.json").read_text())["cases"]
SEED = f"{'03' * 20}@127.0.0.1:1"

# Where we answer on purpose what CometBFT does not: by the case's name, with our status and body.
BETTER = {
    # reflect panics there, outside of any request: the ID is lost and a batch ends without its other answers.
    "dial_seeds no params": (
        200,
        (
            b'{"jsonrpc":"2.0","id":1,'
            b'"error":{"code":-32603,"message":"Internal error","data":"no seeds provided"}}'
        ),
    ),
}


class FakeNode(NoBans):
    """A node that remembers what it was told to dial."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.failure: Exception | None = None

    async def health(self) -> None:
        self._fail()

    async def net_info(self) -> NetInfoSnapshot:
        self._fail()
        return RECORDED_NET_INFO

    async def status(self) -> StatusSnapshot:
        self._fail()
        return RECORDED_STATUS

    async def dial_seeds(self, seeds: tuple[str, ...]) -> None:
        self._fail()
        self._parse(seeds)
        self.calls.append(("dial_seeds", seeds))

    async def dial_peers(
        self, peers: tuple[str, ...], *, persistent: bool, unconditional: bool, private: bool
    ) -> None:
        self._fail()
        self._parse(peers)
        self.calls.append(("dial_peers", peers, persistent, unconditional, private))

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _parse(self, addresses: tuple[str, ...]) -> None:
        for address in addresses:
            if "@" not in address:
                raise ValueError(f"address ({address}) does not contain ID")
            port = address.rpartition(":")[2]
            if not port.isdigit():
                # Go's words; the switch has its own.
                reason = f'strconv.ParseUint: parsing "{port}": invalid syntax'
                raise ValueError(f"invalid address ({port}): {reason}")


def ask(method: str, target: str, body: bytes = b"", node: FakeNode | None = None, **headers: str) -> Answer:
    return exchange(rpc_app(node or FakeNode(), True), method, target, body, headers)


def post(request: Any, node: FakeNode | None = None) -> Any:
    answer = ask("POST", "/", json.dumps(request).encode(), node)
    assert answer.status == 200
    return json.loads(answer.body) if answer.body else None


NO_HASH = "00" * 32


def as_before_the_first_block(text: str) -> str:
    """An answer of ours as CometBFT's recorded node gives it, which has no hash yet and does not catch up, unlike a seed.

    cosmjs throws at an empty hash, so that we give one of zeros.
    """
    return text.replace(NO_HASH, "").replace('"catching_up":true', '"catching_up":false')


def without_wording(answer: Any) -> Any:
    """An answer with the part of `error.data` cut off that is the JSON library's own wording."""
    if isinstance(answer, list):
        return [without_wording(each) for each in answer]
    if answer.get("error", {}).get("code") in {-32700, -32602}:
        data = answer["error"]["data"]
        return {**answer, "error": {**answer["error"], "data": data.partition(": ")[0]}}
    return answer


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['method']} {case['name']}")
def test_answers_are_cometbfts(case: dict[str, Any]) -> None:
    """Status, type and body; results byte for byte, errors but for the words of Go's JSON library."""
    depth = case.get("deep", 0)
    body = case.get("body", "").replace("@", "[" * depth + "]" * depth if depth else "@")
    body += " " * case.get("fill", 0)
    answer = ask(case["method"], case["target"], body.encode(), **case.get("headers", {}))
    if case["name"] in BETTER:
        assert (answer.status, answer.body) == BETTER[case["name"]]
        return
    assert answer.status == case["status"]
    assert answer.headers.get("content-type", "") == case["content_type"]
    assert answer.headers.get("cache-control", "") == case.get("cache_control", "")
    if '"error"' in case["answer"]:
        assert without_wording(json.loads(answer.body)) == without_wording(json.loads(case["answer"]))
    else:
        assert as_before_the_first_block(answer.text) == case["answer"]


def test_status_is_that_of_a_seed_with_hashes_that_every_client_reads() -> None:
    """Go and Rust take empty hashes and others, cosmjs (all versions) no empty one; a CometBFT seed catches up for ever."""
    found = json.loads(ask("GET", "/status").body)["result"]["sync_info"]
    assert found == {
        "latest_block_hash": NO_HASH,
        "latest_app_hash": NO_HASH,
        "latest_block_height": "0",
        "latest_block_time": "1970-01-01T00:00:00Z",
        "earliest_block_hash": "",
        "earliest_app_hash": "",
        "earliest_block_height": "0",
        "earliest_block_time": "1970-01-01T00:00:00Z",
        "catching_up": True,
    }


@pytest.mark.parametrize("target", ["/dial_seeds", "/dial_peers"])
def test_unsafe_methods_exist_only_if_asked_for(target: str) -> None:
    """Without `rpc.unsafe` they are unknown, by either way, and not on the index page."""
    app = rpc_app(FakeNode(), False)
    assert exchange(app, "GET", target).status == 404
    body = json.dumps({"id": 1, "method": target[1:], "params": {}}).encode()
    assert json.loads(exchange(app, "POST", "/", body).body)["error"]["code"] == -32601
    assert target not in exchange(app, "GET", "/").text
    assert target in ask("GET", "/").text


def test_dial_flags_reach_the_node() -> None:
    """By URI, by name and by place."""
    node = FakeNode()
    ask("GET", f'/dial_peers?peers=["{SEED}"]&persistent=true&private=true', node=node)
    post({"id": 1, "method": "dial_peers", "params": {"peers": [SEED], "unconditional": True}}, node)
    post({"id": 1, "method": "dial_peers", "params": [[SEED], False, False, True]}, node)
    post({"id": 1, "method": "dial_seeds", "params": [[SEED, SEED]]}, node)
    assert node.calls == [
        ("dial_peers", (SEED,), True, False, True),
        ("dial_peers", (SEED,), False, True, False),
        ("dial_peers", (SEED,), False, False, True),
        ("dial_seeds", (SEED, SEED)),
    ]


def test_nothing_is_dialled_if_one_address_has_no_id() -> None:
    """The node is not even asked: none of them must become persistent or private first."""
    node = FakeNode()
    answer = post({"id": 1, "method": "dial_peers", "params": {"peers": [SEED, "127.0.0.1:1"]}}, node)
    assert answer["error"]["data"] == "address (127.0.0.1:1) does not contain ID"
    assert node.calls == []


def test_failure_of_the_node_is_an_internal_error() -> None:
    """Its text is passed on, without a traceback; an exception without text by its name."""
    node = FakeNode()
    for node.failure, text in ((RuntimeError("switch is away"), "switch is away"), (KeyError(), "KeyError")):
        error = {"code": -32603, "message": "Internal error", "data": text}
        for name in ("health", "net_info", "status"):
            answer = ask("GET", f"/{name}", node=node)
            assert answer.status == 500
            assert json.loads(answer.body) == {"jsonrpc": "2.0", "id": -1, "error": error}
            assert post({"id": 5, "method": name}, node) == {"jsonrpc": "2.0", "id": 5, "error": error}


def test_one_failure_in_a_batch_leaves_the_others() -> None:
    """Each request of a batch has its own answer."""
    batch = [{"id": 1, "method": "dial_seeds"}, {"id": 2, "method": "health"}]
    first, second = post(batch)
    assert first["error"]["data"] == "no seeds provided"
    assert second == {"jsonrpc": "2.0", "id": 2, "result": {}}


def test_private_peers_are_hidden_unless_asked_for() -> None:
    """Reference 12: a sentry's public net_info must not show whom it guards; the count is of those shown."""
    hidden = RECORDED_NET_INFO.peers[1]

    class Sentry(FakeNode):
        async def net_info(self) -> NetInfoSnapshot:
            return NetInfoSnapshot(True, "", (RECORDED_NET_INFO.peers[0], as_private(hidden)))

    def shown(app: Any) -> tuple[str, list[str], bool]:
        answer = exchange(app, "GET", "/net_info")
        result = json.loads(answer.body)["result"]
        ids = [peer["node_info"]["id"] for peer in result["peers"]]
        return result["n_peers"], ids, hidden.node_info.id in answer.text

    assert shown(rpc_app(Sentry(), True)) == ("1", ["01" * 20], False)
    assert shown(rpc_app(Sentry(), True, hide_private_peers=False)) == ("2", ["01" * 20, "02" * 20], True)


def test_more_paths_may_be_served() -> None:
    """Or not, where whoever would answer there is not."""
    app = rpc_app(FakeNode(), False, routes={"/mine": PlainTextResponse("mine"), "/none": None})
    assert exchange(app, "GET", "/mine").text == "mine"
    assert exchange(app, "GET", "/none").status == 404
    assert "/none" not in exchange(app, "GET", "/openapi.json").text


def test_limits_are_configured() -> None:
    """`max_body_bytes` and `max_request_batch_size`."""
    app = rpc_app(FakeNode(), True, limits=RpcLimits(max_body_bytes=100, max_batch=1))
    assert exchange(app, "POST", "/", b'{"id":1,"method":"health"}'.ljust(100)).status == 200
    assert exchange(app, "POST", "/", b'{"id":1,"method":"health"}'.ljust(101)).status == 400
    too_many = exchange(app, "POST", "/", b'[{"id":1,"method":"health"},{"id":2,"method":"x"}]')
    text = json.loads(too_many.body)["error"]["data"]
    assert text == "batch request exceeds maximum (1) allowed number of requests"


def test_index_lists_methods_and_escapes_the_host() -> None:
    """The page at / is for browsers; what the client sent cannot become markup."""
    answer = ask("GET", "/", host='"><script>')
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text
    page = ask("GET", "/").text
    assert '<a href="//test/net_info">//test/net_info</a>' in page
    assert "//test/dial_peers?peers=_&amp;persistent=_&amp;unconditional=_&amp;private=_" in page


def test_answers_carry_the_servers_time() -> None:
    """`X-Server-Time`, as CometBFT's."""
    for method, target, body in (
        ("GET", "/health", ""),
        ("GET", "/", ""),
        ("GET", "/x", ""),
        ("POST", "/", "[]"),
    ):
        assert ask(method, target, body.encode()).headers["x-server-time"].isdigit()


def test_client_that_leaves_amid_its_request_gets_nothing() -> None:
    """And the application does not fail."""

    async def run() -> list[Message]:
        sent: list[Message] = []
        incoming: list[Message] = [
            {"type": "http.request", "body": b'{"id":', "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> Message:
            return incoming.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        await rpc_app(FakeNode(), True)(scope("POST", "/"), receive, send)
        return sent

    assert asyncio.run(run()) == []


def test_server_lets_every_recorded_request_through() -> None:
    """What CometBFT's HTTP server takes (quotes and brackets in a target) ours takes too."""
    sock = listen(ListenAddress.parse("tcp://127.0.0.1:0"))
    address = sock.getsockname()
    server = HttpServer(rpc_app(FakeNode(), True), [sock], name="test", limits=HttpLimits())
    server.start()
    try:
        for case in RECORDED:
            if "fill" in case or "deep" in case:
                continue
            body = case.get("body", "").encode()
            headers = "".join(f"{name}: {value}\r\n" for name, value in case.get("headers", {}).items())
            head = (
                f"{case['method']} {case['target']} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}"
            )
            with socket.create_connection(address, timeout=5.0) as client:
                client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                with client.makefile("rb") as answer:
                    status = int(answer.readline().split()[1])
            assert status == (BETTER[case["name"]][0] if case["name"] in BETTER else case["status"]), case[
                "name"
            ]
    finally:
        assert server.stop()
