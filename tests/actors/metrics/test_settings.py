"""The metrics service's settings."""

from peerage.actors.metrics.settings import MetricsSettings


def test_defaults_are_cometbfts() -> None:
    """Port 26660, the namespace that dashboards know, three scrapes at once. Source: reference 12."""
    settings = MetricsSettings("test")
    assert (settings.listen_addr, settings.namespace, settings.max_open_connections) == (
        ":26660",
        "cometbft",
        3,
    )
    assert not settings.hides_private_peers
