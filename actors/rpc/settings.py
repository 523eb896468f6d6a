"""The settings of the RPC service as values: whoever starts it need not import the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from peerage.actors.http.cors import CorsRules
from peerage.actors.http.limits import HttpLimits
from peerage.config.sections import RPCConfig

__all__ = ["ASK_TIMEOUT_S", "RpcLimits", "RpcSettings"]

ASK_TIMEOUT_S: Final = 5.0  # below the 10 s in which an answer must be written


@dataclass(frozen=True, slots=True)
class RpcLimits:
    """What one request may be.

    Args:
        max_body_bytes: `rpc.max_body_bytes`.
        max_batch: `rpc.max_request_batch_size`; 0: no limit.
    """

    max_body_bytes: int = 1_000_000
    max_batch: int = 10


@dataclass(frozen=True, slots=True)
class RpcSettings:
    """The `[rpc]` section of the configuration, as far as this node has it.

    Args:
        laddr: one or more addresses, with commas between; port 0 is any free one.
        unsafe: whether the methods that change something exist.
        hide_private_peers: leave private peers out of `net_info`.
        limits: of a single request.
        http: of the connections.
        cors: which pages of other origins may read the answers.
        dashboard: `peerage.dashboard`.
        ask_timeout_s: so long an answer of the switch is waited for.
    """

    laddr: str = "tcp://127.0.0.1:26657"
    unsafe: bool = False
    hide_private_peers: bool = True
    limits: RpcLimits = field(default_factory=RpcLimits)
    http: HttpLimits = field(default_factory=HttpLimits)
    cors: CorsRules = field(default_factory=CorsRules)
    dashboard: str = "loopback"
    ask_timeout_s: float = ASK_TIMEOUT_S

    @classmethod
    def of(
        cls, config: RPCConfig, host_names: tuple[str, ...] = (), dashboard: str = "loopback"
    ) -> RpcSettings:
        """What an operator's [rpc] section comes to. Args: host_names and dashboard, of [peerage]."""
        head = config.max_header_bytes or HttpLimits().max_header_bytes
        return cls(
            laddr=config.laddr,
            dashboard=dashboard,
            unsafe=config.unsafe,
            limits=RpcLimits(config.max_body_bytes, config.max_request_batch_size),
            http=HttpLimits(
                max_connections=config.max_open_connections,
                max_header_bytes=head,
                # One request as large as is allowed has room in any case.
                max_pending_bytes=max(HttpLimits().max_pending_bytes, config.max_body_bytes + head),
                host_names=host_names,
            ),
            cors=CorsRules(
                config.cors_allowed_origins, config.cors_allowed_methods, config.cors_allowed_headers
            ),
        )
