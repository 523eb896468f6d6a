"""The RPC service's settings: an operator's section of the configuration, as the server takes it."""

from peerage.actors.rpc.settings import RpcSettings
from peerage.config.sections import RPCConfig


def test_an_operators_settings_are_those_of_the_server() -> None:
    """Every limit and all of CORS; 0 bytes of head are Go's default of a MiB."""
    config = RPCConfig(
        laddr="tcp://127.0.0.1:0",
        cors_allowed_origins=("*",),
        max_open_connections=7,
        max_request_batch_size=0,
        max_body_bytes=5,
        max_header_bytes=0,
    )
    settings = RpcSettings.of(config, ("rpc.example.org",))
    assert settings.http.host_names == ("rpc.example.org",)
    assert (settings.laddr, settings.unsafe, settings.cors.origins) == (config.laddr, False, ("*",))
    assert settings.cors.methods == ("HEAD", "GET", "POST")
    assert (settings.limits.max_body_bytes, settings.limits.max_batch) == (5, 0)
    assert (settings.http.max_connections, settings.http.max_header_bytes) == (7, 1 << 20)
    defaults = RpcSettings.of(RPCConfig())
    assert (defaults.limits, defaults.http) == (RpcSettings().limits, RpcSettings().http)


def test_the_largest_request_has_room() -> None:
    """Whatever the operator allows; for many of them at once there need not be any."""
    assert RpcSettings.of(RPCConfig(max_body_bytes=1 << 30)).http.max_pending_bytes > 1 << 30
    assert RpcSettings.of(RPCConfig()).http.max_pending_bytes == 32 << 20
