"""actors/metrics/exposition.py: which format a scraper gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from peerage.actors.metrics.app import metrics_app
from peerage.actors.metrics.exposition import OPENMETRICS, PROMETHEUS_TEXT, chosen_exposition
from tests.actors.http.asgi_exchange import exchange
from tests.actors.metrics.test_app import filled

OM = "application/openmetrics-text"
PROMETHEUS_2_42 = f"{OM};version=1.0.0;q=1,{OM};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_3 = (
    f"{OM};version=1.0.0;escaping=allow-utf-8;q=0.6,{OM};version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    "accept",
    [
        "", "*/*", "text/plain", "text/*", "text/html,application/xhtml+xml,*/*;q=0.8", "application/json",
        f"{OM};version=9", f"{OM};q=0", f"{OM};q=0.5,text/plain", f"text/plain,{OM}", f"{OM};q=2", f"{OM};q=x",
        f"{OM};q=nan", f"{OM};q=", ";;;q=x,,,", ",", ";", "=", f"{OM}x", "application/vnd.google.protobuf",
    ],
)  # fmt: skip
def test_prometheus_text_is_what_one_gets(accept: str) -> None:
    """By default, whenever it is preferred, and for whatever cannot be read."""
    assert chosen_exposition(accept) is PROMETHEUS_TEXT


@pytest.mark.parametrize(
    "accept",
    [
        OM, f"{OM};version=1.0.0", f'{OM}; version="1.0.0"', OM.upper(), f"{OM};q=0.5", f"text/plain;q=0.4,{OM};q=0.5",
        f"nonsense;;,{OM}", f"{OM},text/plain", PROMETHEUS_2_42, PROMETHEUS_3,
    ],
)  # fmt: skip
def test_openmetrics_is_for_those_who_prefer_it(accept: str) -> None:
    """As every Prometheus since 2.5 does."""
    assert chosen_exposition(accept) is OPENMETRICS


def test_older_openmetrics_is_named_as_asked_for() -> None:
    """Its reader looks at the version first."""
    assert "version=0.0.1" in chosen_exposition(f"{OM};version=0.0.1").content_type


@given(st.text(alphabet=st.sampled_from("aq=;,.*/ 01\"'\xff") | st.characters(max_codepoint=255)))
def test_any_header_gets_a_format(accept: str) -> None:
    """None raises."""
    assert chosen_exposition(accept).content_type


def test_openmetrics_is_read_by_its_own_parser_and_has_no_created_series() -> None:
    """Those double the series of every counter and say what nobody asked for."""
    answer = exchange(metrics_app(filled(), 3), "GET", "/metrics", headers={"Accept": PROMETHEUS_2_42})
    assert answer.headers["content-type"] == f"{OM}; version=1.0.0; charset=utf-8"
    parsed = text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
    families = {family.name: family for family in parsed}
    assert families["cometbft_p2p_peers"].samples[0].value == 2.0
    assert families["cometbft_p2p_peer_receive_bytes"].type == "counter"
    assert "_created" not in answer.text


def test_text_is_of_the_version_that_every_reader_knows() -> None:
    """0.0.4, as CometBFT's."""
    answer = exchange(metrics_app(filled(), 3), "GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "_created" not in answer.text
    assert "# EOF" not in answer.text
