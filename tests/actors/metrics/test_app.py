"""What Prometheus reads."""

import asyncio

from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message

from peerage.actors.metrics.app import SharedAggregate, metrics_app
from peerage.actors.metrics.buffer import MetricsBuffer
from peerage.actors.metrics.families import FAMILIES, MetricFamily, MetricKind
from peerage.actors.metrics.settings import MetricsSettings
from tests.actors.http.asgi_exchange import Answer, exchange, scope

SETTINGS = MetricsSettings("test-chain")


def filled(settings: MetricsSettings = SETTINGS) -> SharedAggregate:
    shared = SharedAggregate(settings, FAMILIES)
    buffer = MetricsBuffer("a")
    buffer.set("p2p_peers", (), 2)
    buffer.inc("p2p_peer_receive_bytes_total", ("ab", "0x20"), 3)
    buffer.inc("p2p_peer_send_bytes_total", ("ab", "0x0"), 4)
    buffer.set("p2p_peer_pending_send_bytes", ("ab",), 1)
    buffer.inc("p2p_message_receive_bytes_total", ("p2p_PexRequest",), 2)
    buffer.inc("p2p_refusals_total", ('a"\\\n',))
    buffer.observe("p2p_round_trip_seconds", (), 0.02)
    buffer.observe("p2p_round_trip_seconds", (), 100.0)
    delta = buffer.drain()
    assert delta is not None
    shared.add(delta)
    return shared


def scrape(shared: SharedAggregate, path: str = "/metrics") -> Answer:
    return exchange(metrics_app(shared, 3), "GET", path)


def test_names_and_labels_are_cometbfts() -> None:
    """Reference 11: the lines that dashboards ask for, to the letter."""
    lines = scrape(filled()).text.splitlines()
    for line in (
        'cometbft_p2p_peers{chain_id="test-chain"} 2.0',
        'cometbft_p2p_peer_receive_bytes_total{chID="0x20",chain_id="test-chain",peer_id="ab"} 3.0',
        'cometbft_p2p_peer_send_bytes_total{chID="0x0",chain_id="test-chain",peer_id="ab"} 4.0',
        'cometbft_p2p_peer_pending_send_bytes{chain_id="test-chain",peer_id="ab"} 1.0',
        'cometbft_p2p_message_receive_bytes_total{chain_id="test-chain",message_type="p2p_PexRequest"} 2.0',
        "# TYPE cometbft_p2p_peer_receive_bytes_total counter",
        "# TYPE cometbft_p2p_peers gauge",
    ):
        assert line in lines


def test_answer_is_prometheus_text() -> None:
    """Its own parser reads it, odd label values included; histograms are cumulative."""
    response = scrape(filled())
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    assert families["cometbft_p2p_refusals"].samples[0].labels["reason"] == 'a"\\\n'
    samples = families["cometbft_p2p_round_trip_seconds"].samples
    buckets = {sample.labels["le"]: sample.value for sample in samples if sample.name.endswith("_bucket")}
    assert buckets["0.01"] == 0.0
    assert buckets["0.025"] == 1.0
    assert buckets["10.0"] == 1.0
    assert buckets["+Inf"] == 2.0
    totals = {sample.name: sample.value for sample in samples if "le" not in sample.labels}
    assert totals == {
        "cometbft_p2p_round_trip_seconds_count": 2.0,
        "cometbft_p2p_round_trip_seconds_sum": 100.02,
    }


def test_metrics_are_at_every_path() -> None:
    """As with CometBFT, whose server knows no paths."""
    assert "cometbft_p2p_peers" in scrape(filled(), "/").text
    assert "cometbft_p2p_peers" in scrape(filled(), "/any/thing").text


def test_namespace_is_configured() -> None:
    """`instrumentation.namespace`, also none."""
    assert 'app_p2p_peers{chain_id="c"} 2.0' in scrape(filled(MetricsSettings("c", namespace="app"))).text
    assert '\np2p_peers{chain_id="c"} 2.0' in scrape(filled(MetricsSettings("c", namespace=""))).text


def test_users_metrics_are_served_beside_ours() -> None:
    """An embedder declares more families."""
    family = MetricFamily("mine_total", MetricKind.COUNTER, "Mine.", ("kind",))
    shared = SharedAggregate(SETTINGS, [*FAMILIES, family])
    buffer = MetricsBuffer("a", [*FAMILIES, family])
    buffer.inc("mine_total", ("x",), 5)
    delta = buffer.drain()
    assert delta is not None
    shared.add(delta)
    assert 'cometbft_mine_total{chain_id="test-chain",kind="x"} 5.0' in scrape(shared).text


def test_source_gone_and_statistics_reach_the_aggregate() -> None:
    """The actor's view of what is held."""
    shared = filled()
    assert shared.statistics().sources == 1
    shared.source_gone("a")
    shared.expire()
    assert shared.statistics().sources == 0
    assert shared.statistics().peers == 1  # it lingers


async def _ask_while_others_wait(answers: int, most: int) -> list[int]:
    """How `answers + 1` requests are answered, when the first `answers` clients do not read."""
    app = metrics_app(filled(), most)
    statuses: asyncio.Queue[int] = asyncio.Queue()
    may_read = asyncio.Event()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.put_nowait(message["status"])
        elif message["body"].startswith(b"# HELP"):
            await may_read.wait()

    async def ask() -> None:
        await app(scope("GET", "/metrics"), receive, send)

    waiting = [asyncio.create_task(ask()) for _ in range(answers)]
    found = [await statuses.get() for _ in waiting]
    last = asyncio.create_task(ask())
    found.append(await statuses.get())
    may_read.set()
    await asyncio.gather(*waiting, last)
    return found


def test_answers_at_once_are_bounded() -> None:
    """`max_open_connections`: one more gets 503, as from CometBFT; 0 is no limit; and a place becomes free
    again.
    """
    assert asyncio.run(_ask_while_others_wait(3, 3)) == [200, 200, 200, 503]
    assert asyncio.run(_ask_while_others_wait(4, 0)) == [200] * 5
    app = metrics_app(filled(), 1)
    assert [exchange(app, "GET", "/metrics").status for _ in range(3)] == [200, 200, 200]
