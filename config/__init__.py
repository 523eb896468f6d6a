"""The configuration of a node: config.toml, flags and environment, the home directory, the node key file, logging.

Names are imported when they are first used: most commands and hosts need a few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from peerage.config.log_settings import LogSettings
    from peerage.config.logging import set_up_logging
    from peerage.config.node_key_file import create_node_key, load_node_key, load_or_create_node_key
    from peerage.config.p2p_subsections import FuzzConfig
    from peerage.config.sections import (
        SETTINGS,
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

_HOMES = {
    ".config": ("Config",),
    ".errors": (
        "ConfigError",
        "HomeError",
        "HomeInUseError",
        "Mistake",
        "NodeKeyAccessError",
        "NodeKeyContentError",
        "NodeKeyExistsError",
        "NodeKeyFileError",
        "NodeKeyMissingError",
        "NodeKeyModeError",
        "OperatorError",
    ),
    ".home": ("Home",),
    ".listen_address": ("ListenAddress",),
    ".log_settings": ("LogSettings",),
    ".logging": ("set_up_logging",),
    ".node_key_file": (
        "create_node_key",
        "load_node_key",
        "load_or_create_node_key",
    ),
    ".p2p_subsections": ("FuzzConfig",),
    ".sections": (
        "SETTINGS",
        "InstrumentationConfig",
        "P2PConfig",
        "PeerageConfig",
        "RPCConfig",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module, __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
