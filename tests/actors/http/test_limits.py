"""What an HTTP server allows by default."""

from peerage.actors.http.limits import HttpLimits


def test_defaults_are_cometbfts() -> None:
    """`max_open_connections` 900, a MiB of headers; requests and answers have 10 s. Source: reference 11."""
    assert HttpLimits() == HttpLimits(900, 1 << 20, 10.0, 10.0, 32 << 20, ())
