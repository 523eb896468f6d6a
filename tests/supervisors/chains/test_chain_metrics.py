"""The metrics of all chains as one exposition."""

from __future__ import annotations

import http.server
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from peerage.supervisors.chains import chain_metrics
from peerage.supervisors.chains.chain_metrics import ChainCollector, NoMetricsError, fetch, merged
from peerage.supervisors.chains.keeper import ChainState, ChainStatus

NODE = """\
# HELP cometbft_p2p_peers Peers.
# TYPE cometbft_p2p_peers gauge
cometbft_p2p_peers{chain_id="x"} 3.0
# HELP cometbft_p2p_dials_total Dials.
# TYPE cometbft_p2p_dials_total counter
cometbft_p2p_dials_total{chain_id="x",outcome="up"} 7.0
# HELP process_threads Threads.
# TYPE process_threads gauge
process_threads 4.0
# HELP cometbft_took Seconds.
# TYPE cometbft_took histogram
cometbft_took_bucket{le="1.0"} 2.0
cometbft_took_bucket{le="+Inf"} 2.0
cometbft_took_count 2.0
cometbft_took_sum 0.5
"""

Serve = Callable[[str, bytes], Path]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the content that it was made for."""

    content = b""

    def address_string(self) -> str:
        return ""

    def log_message(self, *_arguments: object) -> None: ...

    def do_GET(self) -> None:
        self.send_response(200 if self.content else 503)
        self.end_headers()
        self.wfile.write(self.content)


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a content at a socket of this name, as a node does its metrics."""
    servers = []

    def start(name: str, content: bytes) -> Path:
        handler: Any = type("Handler", (Handler,), {"content": content})
        server = UnixServer(str(tmp_path / name), handler)
        threading.Thread(target=partial(server.serve_forever, 0.01), daemon=True).start()
        servers.append(server)
        return tmp_path / name

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def running(*chains: str, restarts: int = 0) -> list[ChainStatus]:
    return [ChainStatus(chain, ChainState.RUNNING, "", 1, restarts) for chain in chains]


def exposition(collector: ChainCollector) -> list[str]:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode().splitlines()


def test_samples_of_all_chains_stand_in_one_family_each_with_its_chain(serve: Serve, tmp_path: Path) -> None:
    """Those that a node has of its process, too. One that does not answer is 0, and costs the others nothing."""
    sockets = [
        ("a-1", serve("a", NODE.encode())),
        ("b-1", serve("b", NODE.encode())),
        ("c-1", tmp_path / "none"),
    ]
    lines = exposition(ChainCollector(sockets, lambda: running("a-1", "b-1", "c-1", restarts=2)))
    assert 'peerage_chain_up{chain_id="a-1"} 1.0' in lines
    assert 'peerage_chain_up{chain_id="c-1"} 0.0' in lines
    assert 'peerage_chain_restarts_total{chain_id="b-1"} 2.0' in lines
    assert 'cometbft_p2p_dials_total{chain_id="b-1",outcome="up"} 7.0' in lines
    assert 'cometbft_took_bucket{chain_id="a-1",le="+Inf"} 2.0' in lines
    assert 'process_threads{chain_id="a-1"} 4.0' in lines
    assert lines.count("# TYPE process_threads gauge") == 1
    assert not [line for line in lines if "c-1" in line and not line.startswith("peerage_chain")]


def test_a_chain_that_does_not_run_is_not_asked(serve: Serve) -> None:
    """It is down whoever listens at its socket."""
    status = ChainStatus("a-1", ChainState.RESTING, "", 0, 9)
    lines = exposition(ChainCollector([("a-1", serve("a", NODE.encode()))], lambda: [status]))
    assert 'peerage_chain_up{chain_id="a-1"} 0.0' in lines


@pytest.mark.parametrize("content", [b"", b"\xff", b"no metrics {"], ids=["error", "no UTF-8", "no metrics"])
def test_what_is_no_answer_counts_as_none(serve: Serve, content: bytes) -> None:
    """A node that is broken must not break the others' metrics."""
    sockets = [("a-1", serve("a", content)), ("b-1", serve("b", NODE.encode()))]
    lines = exposition(ChainCollector(sockets, lambda: running("a-1", "b-1")))
    assert 'peerage_chain_up{chain_id="a-1"} 0.0' in lines
    assert 'cometbft_p2p_peers{chain_id="b-1"} 3.0' in lines


def test_answers_are_bounded_in_size(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a node sends."""
    monkeypatch.setattr(chain_metrics, "MOST_BYTES", 10)
    with pytest.raises(NoMetricsError, match="more than 10 bytes"):
        fetch(serve("large", NODE.encode()))


def test_answers_are_bounded_in_time(tmp_path: Path) -> None:
    """A node that hangs listens all the same."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "hung"))
        listener.listen()
        with pytest.raises(NoMetricsError, match="timed out"):
            fetch(tmp_path / "hung", 0.05)


def test_answers_that_trickle_are_bounded_in_time(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part may be in time, and all together not."""
    clock = iter((0.0, 100.0))
    monkeypatch.setattr("peerage.supervisors.chains.chain_metrics.time.monotonic", lambda: next(clock))
    with pytest.raises(NoMetricsError, match="not within 5 s"):
        fetch(serve("slow", NODE.encode()), 5.0)


def test_a_family_of_another_type_is_left_out() -> None:
    """Two versions of a node may differ; an exposition has one type for a name."""
    gauge = list(text_string_to_metric_families("# TYPE x gauge\nx 1\n"))
    counter = list(text_string_to_metric_families("# TYPE x_total counter\nx_total 1\n"))
    (family,) = merged([("a", gauge), ("b", counter)])
    assert [(sample.labels, sample.value) for sample in family.samples] == [({"chain_id": "a"}, 1.0)]
