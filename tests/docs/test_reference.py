"""The examples of docs/reference and docs/topics: RPC's commands, a metric of one's own, a proxy's type."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from peerage import Reactor
from peerage.testing import ReactorHarness
from tests.chaos.started_node import StartedNode, make_home
from tests.docs.pages import claim, run, run_program

RPC_GET = claim("docs/reference/rpc.md", "curl -g")
RPC_POST = claim("docs/reference/rpc.md", "curl -d")
RPC_PEERS = claim("docs/reference/rpc.md", "limit=10")
OPENAPI = claim("docs/reference/rpc.md", "/openapi.json'")
HEALTH = claim("docs/reference/rpc.md", "/readyz?peers")
HEALTH_ANSWER = claim("docs/reference/rpc.md", "readyz check failed")
METRIC = claim("docs/reference/metrics.md", "class Mempool(Reactor)")
PYKKA_IMPORT = claim("docs/topics/pykka.md", "as_pykka")
PROXY_VIEW = claim("docs/topics/pykka.md", "class CarView")
ADDRESS = f"{'ab' * 20}@127.0.0.1:1"


def test_curl_gets_the_answers_of_the_rpc_page(tmp_path: Path) -> None:
    """Brackets in a URL included; unsafe methods are on. A switch that hangs is told of by /readyz."""
    make_home(tmp_path / "home")
    with StartedNode(tmp_path / "home", rpc__unsafe="true") as node:
        for block in (RPC_GET, RPC_PEERS, RPC_POST):
            commands = block.text.replace("http://127.0.0.1:26657", node.rpc).replace("ID@host:port", ADDRESS)
            printed = run(tmp_path, commands.replace("curl ", "curl -sS "))
            decoder = json.JSONDecoder()
            while printed.strip():
                answer, end = decoder.raw_decode(printed.lstrip())
                printed = printed.lstrip()[end:]
                assert "result" in answer, answer
        described = run(
            tmp_path, OPENAPI.text.replace("http://127.0.0.1:26657", node.rpc).replace("curl", "curl -sS")
        )
        assert "/dial_peers" in json.loads(described)["paths"]
        commands = HEALTH.text.replace("http://127.0.0.1:26657", node.rpc).replace("curl ", "curl -sS ")
        assert run(tmp_path, commands).count("check passed") == 2
        os.kill(node.pid_of("switch"), signal.SIGSTOP)
        own = f"curl -sS --unix-socket {tmp_path / 'home/data/node.sock'} http://node/readyz"
        found = run(tmp_path, own)
        os.kill(node.pid_of("switch"), signal.SIGCONT)
        assert set(HEALTH_ANSWER.text.splitlines()) <= set(found.splitlines())


def test_a_reactor_counts_as_the_metrics_page_says() -> None:
    """Its names and labels are ones that there are: another raises where it happens."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(METRIC.text, "metrics.md", "exec"), names)
    mempool: type[Reactor] = names["Mempool"]
    with ReactorHarness(mempool) as harness:
        peer = harness.connect()
        peer.send(0x30, b"a transaction")
        peer.wait_until_handled()
        peer.expect_nothing(0.1)


def test_programs_of_the_pykka_page_run(tmp_path: Path) -> None:
    """The import lines alone, and the typed proxy."""
    assert run_program(tmp_path, "lines.py", PYKKA_IMPORT) == ""
    assert run_program(tmp_path, "car.py", PROXY_VIEW) == "honk honk \n"
