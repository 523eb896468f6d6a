"""Where the metrics of all chains are served."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from peerage.actors.http.listening import ListenFailedError
from peerage.config.listen_address import ListenAddress
from peerage.supervisors.chains.endpoint import MetricsEndpoint

ANY = ListenAddress.parse("127.0.0.1:0")


class One(Collector):
    """A single metric."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("one", "One.", value=1.0)


def test_it_is_served_once_somebody_asks() -> None:
    """Until then nothing is imported; at the end the port is free."""
    endpoint = MetricsEndpoint(ANY, (), One)
    try:
        before = One.made
        with urllib.request.urlopen(
            f"{endpoint.address.replace('tcp', 'http')}/metrics", timeout=20
        ) as answer:
            assert b"one 1.0\n" in answer.read()
        assert (before, One.made) == (0, 1)
    finally:
        endpoint.close()
    MetricsEndpoint(ListenAddress.parse(endpoint.address), (), One).close()


def test_an_address_that_is_taken_is_an_error() -> None:
    """It is said before anything starts."""
    endpoint = MetricsEndpoint(ANY, (), One)
    with pytest.raises(ListenFailedError):
        MetricsEndpoint(ListenAddress.parse(endpoint.address), (), One)
    endpoint.close()
