"""Defaults that depend on this machine."""

import os
import socket

NAMELESS = "anonymous"  # CometBFT's moniker when the host's name is unknown


def host_moniker() -> str:
    """The host's name, reduced to what a moniker may hold (ASCII text)."""
    try:
        name = socket.gethostname()
    except OSError:
        return NAMELESS
    return "".join(character for character in name if "!" <= character <= "~") or NAMELESS


def cores() -> int:
    """The number of cores that this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) or 1
