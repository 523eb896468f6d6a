"""Settings that others have and peerage does not: CometBFT itself, its older versions, and forks.

A key that another program knows is not a typing error. So it gets a message of its own instead of a guess at what was
meant, and no message at all if its value asks for nothing. Source: the configuration structs of Tendermint v0.19 to v0.35,
of CometBFT v0.34 to v1.0, and of the forks named below.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ForeignSetting:
    """A setting of another program.

    Args:
        about: whose setting it is and what peerage does instead. Empty: nothing is lost, whatever its value.
        idle: values besides the empty ones with which it asks for nothing: its default, or what switches it off.
    """

    about: str
    idle: tuple[object, ...] = ()

    def asks_for(self, value: object) -> bool:
        """Whether this value asks for something, so that the operator must be told that it has no effect."""
        # compared as text, since the value of an environment variable is text
        return self.about != "" and str(value).lower() not in {
            "", "[]", "{}", *(str(each).lower() for each in self.idle),
        }  # fmt: skip


def foreign_setting(section: str, key: str) -> ForeignSetting | None:
    """The other program's setting of this name. Args: key, in lower case, with underscores."""
    return _FOREIGN.get((section, key))


def is_cometbfts_today(section: str, key: str) -> bool:
    """Whether CometBFT still has this setting in v0.38 or later. Args: as of `foreign_setting`."""
    return section == "rpc" and key in _TODAY


def foreign_variables() -> Iterator[tuple[str, str, ForeignSetting]]:
    """Environment variables that CometBFT would read: the variable, the setting's name, the setting."""
    for (section, key), setting in _FOREIGN.items():
        yield f"CMT_{section}_{key}".upper(), f"{section}.{key}", setting


_NOTHING = ForeignSetting("")
_BNB = "a key of BNB Chain's fork of Tendermint, ignored"
_OLD = "a key of Tendermint before v0.26, ignored"
_V035 = "a key of Tendermint v0.35 and its forks, ignored"
_TENDERDASH = "a key of Tenderdash, ignored"
_OSTRACON = "a key of Ostracon, ignored"
_SEI = "a key of Sei's fork of Tendermint, ignored"
_NO_SUBSCRIPTIONS = "ignored, nothing can be subscribed to here: a node has no events of a chain"
_NO_EVENTS = f"{_V035}: no such events here"
_OWN_TIMES = "a key of a fork, ignored: a request has 10 s to arrive, an answer 10 s to leave"

_P2P: Final = {
    "upnp": ForeignSetting("ignored, CometBFT dropped it after v0.34", (False, 0)),
    "auth_enc": ForeignSetting(f"{_OLD}: every connection is encrypted and authenticated", (True, 1)),
    "max_num_peers": ForeignSetting(f"{_OLD}: max_num_inbound_peers and max_num_outbound_peers count"),
    "max_msg_packet_payload_size": ForeignSetting(f"{_OLD}: max_packet_msg_payload_size counts", (1024,)),
    "ping_interval": ForeignSetting(f"{_BNB}: ping_interval in [peerage] counts"),
    "pong_timeout": ForeignSetting(f"{_BNB}: pong_timeout in [peerage] counts"),
    "keys_per_request": ForeignSetting(f"{_BNB}: no state is synced here"),
    "max_connections": ForeignSetting(
        f"{_V035}: max_num_inbound_peers and max_num_outbound_peers count", (64,)
    ),
    "max_outgoing_connections": ForeignSetting(f"{_V035}: max_num_outbound_peers counts", (12,)),
    "max_incoming_connection_attempts": ForeignSetting(_V035, (100,)),
    "queue_type": ForeignSetting(_V035, ("priority", "simple-priority", "fifo", "wdrr")),
    "incoming_connection_window": ForeignSetting(_TENDERDASH, ("10ms",)),
    "max_incoming_connection_time": ForeignSetting(_TENDERDASH, ("0s", 0)),
    "allowlist_only": ForeignSetting(f"{_TENDERDASH}: anybody may connect within the limits", (False,)),
    "recv_async": ForeignSetting(_OSTRACON, (True,)),
    "pex_recv_buf_size": ForeignSetting(_OSTRACON, (1000,)),
    "evidence_recv_buf_size": ForeignSetting(_OSTRACON, (1000,)),
    "mempool_recv_buf_size": ForeignSetting(_OSTRACON, (1000,)),
    "consensus_recv_buf_size": ForeignSetting(_OSTRACON, (1000, 4000)),
    "blockchain_recv_buf_size": ForeignSetting(_OSTRACON, (1000,)),
    "statesync_recv_buf_size": ForeignSetting(_OSTRACON, (1000,)),
    "blocksync_peers": ForeignSetting(f"{_SEI}: no blocks are synced here"),
    "use_legacy": _NOTHING,  # both implementations that it chooses between speak this protocol
    "use_p2p": _NOTHING,
    "skip_upnp": _NOTHING,
    "home": _NOTHING,  # written by tools that print every field of the struct
    "rootdir": _NOTHING,
}

_RPC: Final = {
    "grpc_laddr": ForeignSetting("ignored, peerage serves no gRPC"),
    "pprof_laddr": ForeignSetting("ignored, peerage serves no profiles"),
    "max_subscription_clients": ForeignSetting(_NO_SUBSCRIPTIONS, (100, 0)),
    "max_subscriptions_per_client": ForeignSetting(_NO_SUBSCRIPTIONS, (5, 0)),
    "experimental_subscription_buffer_size": ForeignSetting(_NO_SUBSCRIPTIONS, (200,)),
    "experimental_websocket_write_buffer_size": ForeignSetting(_NO_SUBSCRIPTIONS, (200,)),
    "experimental_close_on_slow_client": ForeignSetting(_NO_SUBSCRIPTIONS, (False,)),
    "event_log_window_size": ForeignSetting(_NO_EVENTS, ("30s", "0s")),
    "event_log_max_items": ForeignSetting(_NO_EVENTS, (0,)),
    "max_batch_request_num": ForeignSetting(f"{_OSTRACON}: max_request_batch_size counts"),
    "idle_timeout": ForeignSetting(_OWN_TIMES, ("1m0s", "60s", "0s", 0)),
    "read_timeout": ForeignSetting(_OWN_TIMES, ("10s",)),
    "write_timeout": ForeignSetting(_OWN_TIMES, ("10s",)),
    "timeout_read": ForeignSetting(_OWN_TIMES, ("10s",)),
    "lag_threshold": ForeignSetting(f"{_SEI}: no blocks are synced here", (0, 300)),
    "grpc_max_open_connections": _NOTHING,
    "experimental_disable_websocket": _NOTHING,
    "disable_websocket": _NOTHING,
    "websocket_pool_size": _NOTHING,
    "websocket_pool_spawn_size": _NOTHING,
    "websocket_pool_queue_size": _NOTHING,
    "timeout_broadcast_tx": _NOTHING,  # we handle no transactions
    "timeout_broadcast_tx_commit": _NOTHING,
    "home": _NOTHING,
    "rootdir": _NOTHING,
}

# Those that CometBFT v0.38 to v1 has. Source: their config/config.go
_TODAY: Final = frozenset(
    {
        "grpc_laddr",
        "grpc_max_open_connections",
        "pprof_laddr",
        "max_subscription_clients",
        "max_subscriptions_per_client",
        "experimental_subscription_buffer_size",
        "experimental_websocket_write_buffer_size",
        "experimental_close_on_slow_client",
        "timeout_broadcast_tx_commit",
    }
)

_FOREIGN: Final = {
    (section, key): setting
    for section, table in (("p2p", _P2P), ("rpc", _RPC))
    for key, setting in table.items()
}
