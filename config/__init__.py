"""The configuration of a node: config.toml, flags and environment, the home directory, the node key file, logging."""

from peerage.config.config import Config
from peerage.config.errors import (
    ConfigError,
    HomeError,
    HomeInUseError,
    Mistake,
    NodeKeyAccessError,
    NodeKeyContentError,
    NodeKeyExistsError,
    NodeKeyFileError,
    NodeKeyMissingError,
    NodeKeyModeError,
    OperatorError,
)
from peerage.config.home import Home
from peerage.config.listen_address import ListenAddress
from peerage.config.logging import LogSettings, set_up_logging
from peerage.config.node_key_file import create_node_key, load_node_key, load_or_create_node_key
from peerage.config.sections import (
    SETTINGS,
    FuzzConfig,
    InstrumentationConfig,
    P2PConfig,
    PeerageConfig,
    RPCConfig,
)

__all__ = [
    "SETTINGS",
    "Config",
    "ConfigError",
    "FuzzConfig",
    "Home",
    "HomeError",
    "HomeInUseError",
    "InstrumentationConfig",
    "ListenAddress",
    "LogSettings",
    "Mistake",
    "NodeKeyAccessError",
    "NodeKeyContentError",
    "NodeKeyExistsError",
    "NodeKeyFileError",
    "NodeKeyMissingError",
    "NodeKeyModeError",
    "OperatorError",
    "P2PConfig",
    "PeerageConfig",
    "RPCConfig",
    "create_node_key",
    "load_node_key",
    "load_or_create_node_key",
    "set_up_logging",
]
