"""Defaults that are found on this machine."""

import os
import socket

NAMELESS = "anonymous"  # CometBFT's moniker where the host's name is unknown


def host_moniker() -> str:
    """The host's name, as far as a moniker may hold it (ASCII text)."""
    try:
        name = socket.gethostname()
    except OSError:
        return NAMELESS
    return "".join(character for character in name if "!" <= character <= "~") or NAMELESS


def cores() -> int:
    """How many cores this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) or 1
