"""The metrics of all chains as one: each node's are fetched from its socket, get the label `chain_id`, and are put together.

Each node counts for itself; nothing is kept here. A node that does not answer in time costs the others nothing.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from peerage.config.node_socket import connect_to_node
from peerage.supervisors.chains.keeper import ChainState, ChainStatus

__all__ = ["ChainCollector", "fetch", "merged"]

LABEL: Final = "chain_id"
ANSWER_S: Final = 5.0  # a node's first answer takes the start of its server
MOST_BYTES: Final = 16 * 1024 * 1024  # of a node's answer: with a thousand peers it is 1 MiB
MOST_AT_ONCE: Final = 16
_PART: Final = 64 * 1024
_OK: Final = 200


class NoMetricsError(Exception):
    """A node did not answer in time, or not with metrics."""


class ChainCollector(Collector):
    """What the endpoint serves.

    Args: sockets, chain → where its node serves its metrics; statuses, gives how each chain stands; answer, seconds that a
        node has.
    """

    def __init__(
        self,
        sockets: Iterable[tuple[str, Path]],
        statuses: Callable[[], Sequence[ChainStatus]],
        answer: float = ANSWER_S,
    ) -> None:
        self._sockets = tuple(sockets)
        self._statuses, self._answer = statuses, answer

    def describe(self) -> list[Metric]:
        """Return nothing, which saves the registry a collection."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics of all chains."""
        statuses = {status.chain: status for status in self._statuses()}
        with ThreadPoolExecutor(min(len(self._sockets), MOST_AT_ONCE) or 1, "chain-metrics") as pool:
            asked = {
                chain: pool.submit(self._of, socket, statuses.get(chain)) for chain, socket in self._sockets
            }
            answers = {chain: each.result() for chain, each in asked.items()}
        up = GaugeMetricFamily(
            "peerage_chain_up", "Whether the chain's node answers with its metrics.", labels=[LABEL]
        )
        restarts = CounterMetricFamily(
            "peerage_chain_restarts", "How often the chain's processes were started again.", labels=[LABEL]
        )
        for chain, metrics in answers.items():
            up.add_metric([chain], float(metrics is not None))
            restarts.add_metric([chain], float(statuses[chain].restarts if chain in statuses else 0))
        yield up
        yield restarts
        yield from merged((chain, metrics) for chain, metrics in answers.items() if metrics is not None)

    def _of(self, socket: Path, status: ChainStatus | None) -> list[Metric] | None:
        if status is not None and status.state is not ChainState.RUNNING:
            return None
        try:
            return list(text_string_to_metric_families(fetch(socket, self._answer)))
        except (NoMetricsError, ValueError):
            return None


def fetch(socket: Path, within: float = ANSWER_S) -> str:
    """The metrics that a node serves at this socket, as text. Args: within, seconds. Raises: NoMetricsError."""
    until = time.monotonic() + within
    connection = http.client.HTTPConnection("localhost")
    try:
        with closing(connect_to_node(socket, within)) as connection.sock:
            connection.request("GET", "/metrics", headers={"Accept": "text/plain", "Connection": "close"})
            answer = connection.getresponse()
            parts: list[bytes] = []
            size = 0
            while part := answer.read1(_PART):
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    raise NoMetricsError(f"{socket}: more than {MOST_BYTES} bytes")
                if time.monotonic() > until:
                    raise NoMetricsError(f"{socket}: not within {within:g} s")
            if answer.status != _OK:
                raise NoMetricsError(f"{socket}: status {answer.status}")
            return b"".join(parts).decode()
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        raise NoMetricsError(f"{socket}: {error}") from error


def merged(answers: Iterable[tuple[str, Iterable[Metric]]]) -> Iterator[Metric]:
    """Families of several chains: those of one name are one, and each sample says of which chain it is.

    A family of another type than its namesake of an earlier chain is left out: an exposition has one type for a name.
    """
    families: dict[str, Metric] = {}
    for chain, metrics in answers:
        for metric in metrics:
            family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            if family.type == metric.type:
                family.samples += [_of_chain(chain, sample) for sample in metric.samples]
    yield from families.values()


def _of_chain(chain: str, sample: Sample) -> Sample:
    return sample._replace(labels={**sample.labels, LABEL: chain})
