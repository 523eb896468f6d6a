"""The settings of the metrics service as a value: whoever starts it need not import the server."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MetricsSettings"]


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """The `[instrumentation]` section of the configuration.

    Args:
        chain_id: the network, on every metric.
        listen_addr: `prometheus_listen_addr`, like `:26660`.
        namespace: what all names begin with.
        max_open_connections: as many are answered at once, further ones get 503, as from CometBFT. 0: no
            limit.
        host_names: `peerage.http_hosts`.
        metric_names: `peerage.metric_names`, one of NAME_SETS.
        peer_labels: `peerage.peer_labels`: off, all or top:N.
        hides_private_peers: whether no peer is named before it is known which of them are private.
    """

    chain_id: str
    listen_addr: str = ":26660"
    namespace: str = "cometbft"
    max_open_connections: int = 3
    hides_private_peers: bool = False
    host_names: tuple[str, ...] = ()
    metric_names: str = "v0.38"
    peer_labels: str = "all"
