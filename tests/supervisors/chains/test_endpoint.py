"""Where the metrics of all chains, and their dashboard, are served."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import ListenFailedError
from peerage.actors.http.server import HttpServer, HttpServerDiedError
from peerage.actors.metrics.app import metrics_app
from peerage.config.listen_address import ListenAddress
from peerage.supervisors.chains import endpoint as endpoint_module
from peerage.supervisors.chains.endpoint import ChainsEndpoint
from tests.waiting import wait_until

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


def served(address: ListenAddress) -> ChainsEndpoint:
    return ChainsEndpoint("metrics", address, HttpLimits(), lambda: metrics_app(One(), 0))


def test_it_is_served_once_somebody_asks() -> None:
    """Until then nothing is imported; at the end the port is free."""
    endpoint = served(ANY)
    try:
        before = One.made
        with urllib.request.urlopen(
            f"{endpoint.address.replace('tcp', 'http')}/metrics", timeout=20
        ) as answer:
            assert b"one 1.0\n" in answer.read()
        assert (before, One.made) == (0, 1)
    finally:
        endpoint.close()
    served(ListenAddress.parse(endpoint.address)).close()


def test_a_server_that_has_failed_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the same port."""
    monkeypatch.setattr(endpoint_module, "CHECK_S", 0.01)
    fail = threading.Event()
    check = HttpServer.check

    def checked(server: HttpServer) -> None:
        if fail.is_set():
            fail.clear()
            raise HttpServerDiedError("a fault of the server")
        check(server)

    monkeypatch.setattr(HttpServer, "check", checked)
    endpoint = served(ANY)
    before = One.made
    try:
        for _ in range(2):
            wait_until(lambda: ask(endpoint))
            fail.set()
            wait_until(lambda: not fail.is_set())
        assert One.made == before + 2
    finally:
        endpoint.close()


def ask(endpoint: ChainsEndpoint) -> bool:
    """Whether it serves."""
    try:
        with urllib.request.urlopen(
            f"{endpoint.address.replace('tcp', 'http')}/metrics", timeout=20
        ) as answer:
            return b"one 1.0\n" in answer.read()
    except OSError:
        return False


def test_an_address_that_is_taken_is_an_error() -> None:
    """It is said before anything starts."""
    endpoint = served(ANY)
    with pytest.raises(ListenFailedError):
        served(ListenAddress.parse(endpoint.address))
    endpoint.close()
